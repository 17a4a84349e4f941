import type { Attachment, InboxFrame, Outlet } from '../../core/index.ts';
import { Batcher } from '../../lib/batcher.ts';
import { reason } from '../../lib/log.ts';
import type { BackendFrame, BridgeFrame, Encoding } from '../../protocols/bal/index.ts';
import type { DoorDeps } from './door-deps.ts';
import type { DownstreamFrame } from './downstream.ts';
import { Intake } from './intake.ts';
import type { Identity } from './logon.ts';
import { toBridgeFrame } from './notices.ts';
import { LocalSequences, plainSequences, type Sequences } from './sequences.ts';

/** [BAL §Frames] How long LOGOFF waits for the window to empty. */
const LOGOFF_MS = 10_000;

type Of<K> = Extract<BackendFrame, { message_type: K }>;

/** What the conversation asks of the connection. */
export interface Line {
  send(frame: BridgeFrame): void;
  /** Closes behind what was sent. */
  end(): void;
  /** Parked frames became fewer. */
  eased(): void;
  /** The socket takes frames. */
  ready(): boolean;
}

/** The conversation behind a successful LOGON: one method a verb. It owns no socket. */
export class Identified {
  readonly session: string;
  readonly #attachment: Attachment;
  readonly #intake: Intake;
  readonly #line: Line;
  readonly #deps: DoorDeps;
  readonly #sequences: Sequences;
  readonly #acks: Batcher<readonly number[]>;
  #fullSince: number | undefined;
  #leaving = false;

  private constructor(identity: Identity, attachment: Attachment, encoding: Encoding, deps: DoorDeps, line: Line) {
    this.session = identity.session.id;
    this.#attachment = attachment;
    this.#line = line;
    this.#deps = deps;
    this.#sequences = encoding === 'qt' ? new LocalSequences() : plainSequences;
    const { id, providers } = identity.session;
    const sender = { session: id, providers, mailbox: attachment.mailbox };
    this.#intake = new Intake(
      sender,
      identity.confirm,
      { ...deps, maxParkedBytes: deps.options.max_parked_bytes },
      {
        send: (frame) => line.send(frame),
        rejected: (code) => deps.telemetry.add('pushbridge_rejects_total', { code }),
        eased: () => line.eased(),
      },
    );
    this.#acks = new Batcher((batch) => void this.#acknowledge(batch));
  }

  /** Connects to the session. Frames flow once {@link start} was called. */
  static async attach(identity: Identity, encoding: Encoding, deps: DoorDeps, line: Line): Promise<Identified> {
    let self: Identified | undefined;
    const outlet: Outlet = {
      window: identity.window,
      ...(identity.client !== undefined && { client: identity.client }),
      ready: () => self?.started === true && line.ready(),
      send: (frames) => self?.hand(frames),
    };
    const attachment = await deps.sessions.attach(identity.session.id, outlet);
    self = new Identified(identity, attachment, encoding, deps, line);
    return self;
  }

  started = false;

  /** The LOGON_RESPONSE is on its way: what waits follows it, oldest first. */
  start(): void {
    this.started = true;
    this.#attachment.resume();
  }

  downstream(frame: DownstreamFrame, bytes: number): void {
    if (!this.#leaving) this.#intake.push(frame, bytes);
  }

  ack({ sequence_ids }: Of<'ACK'>): void {
    this.#fullSince = undefined;
    const known: number[] = [];
    let unknown = false;
    for (const number of sequence_ids) {
      const sequence = this.#sequences.incoming(number);
      if (sequence === 'unknown') unknown = true;
      else if (sequence !== undefined) known.push(sequence);
    }
    if (unknown) this.#unknownSequence(); // one per frame: a frame with several unknown numbers gets one answer
    this.#acks.push(known);
  }

  ping({ data }: Of<'PING'>): void {
    this.#line.send({ message_type: 'PONG', ...(data !== undefined && { data }) });
  }

  unknown({ name }: Of<'UNKNOWN'>): void {
    this.#line.send({
      message_type: 'ERROR',
      error: 'NOT_SUPPORTED',
      error_string: `message_type: ${name.slice(0, 64)} is not known here`,
    });
  }

  /** Stores what was read, sends nothing new, closes when the window is empty. */
  async logoff(): Promise<void> {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#attachment.hush();
    this.#deps.clock.after(LOGOFF_MS, () => this.#line.end());
    await this.#intake.idle();
    this.#endIfEmpty();
  }

  /** Everything read so far goes on its way: called once per chunk. */
  flush(): void {
    this.#intake.flush();
  }

  /** The socket takes frames again. */
  resume(): void {
    this.#attachment.resume();
  }

  get overfull(): boolean {
    return this.#intake.overfull;
  }

  /**
   * Whether the bridge, not the backend, is the reason for silence: frames are parked or reading stands still. A full
   * inbox does not count: only this session's own ACKs can empty it, so its deadlines must go on.
   */
  heldBack(readingStopped: boolean): boolean {
    return (readingStopped || this.#intake.parked) && !this.#deps.sessions.inboxFull(this.session);
  }

  /** Monotonic time since when the window is full without any ACK, or undefined. */
  get fullSince(): number | undefined {
    return this.#fullSince;
  }

  /** Deadlines stood still for so long, in milliseconds. */
  shift(ms: number): void {
    if (this.#fullSince !== undefined) this.#fullSince += ms;
  }

  /** Takes no more DOWNSTREAM; ACKs are still taken. Resolves when nothing is on its way into the store. */
  closeGate(): Promise<void> {
    this.#leaving = true;
    this.#intake.close();
    return this.#intake.idle();
  }

  /** The connection is gone. */
  detach(): void {
    this.#leaving = true;
    this.#acks.flush();
    this.#intake.close();
    this.#attachment.detach();
  }

  /** Frames of the session for this connection. */
  hand(frames: readonly InboxFrame[]): void {
    for (const frame of frames) {
      this.#line.send(toBridgeFrame(frame, this.session, this.#sequences.outgoing(frame.sequence)));
    }
    if (this.#attachment.full) this.#fullSince ??= this.#deps.clock.monotonic();
  }

  async #acknowledge(batch: readonly (readonly number[])[]): Promise<void> {
    try {
      const acked = await this.#deps.sessions.acknowledge(this.session, batch.flat());
      let at = 0;
      for (const { length } of batch) {
        if (acked.slice(at, at + length).includes('unknown')) this.#unknownSequence();
        at += length;
      }
    } catch (error) {
      // The frames stay in flight; whoever gets them next acknowledges them again.
      this.#deps.log.warn('acknowledgements not stored', { session: this.session, error: reason(error) });
    }
    if (this.#leaving) this.#endIfEmpty();
  }

  #unknownSequence(): void {
    const error_string = 'sequence_id: was never issued to this session';
    this.#line.send({ message_type: 'ERROR', error: 'UNKNOWN_SEQUENCE', error_string });
  }

  #endIfEmpty(): void {
    if (this.#attachment.quiet && this.#attachment.inFlight.size === 0) this.#line.end();
  }
}
