import { Acknowledgements, type Attachment, type InboxFrame, type Outlet } from '../../core/index.ts';
import type { Timer } from '../../lib/clock.ts';
import type { BackendFrame, BridgeFrame, Encoding } from '../../protocols/bal/index.ts';
import type { DoorDeps } from './door-deps.ts';
import type { DownstreamFrame } from './downstream.ts';
import { EndpointDesk, type EndpointFrame } from './endpoints.ts';
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
  /** What is parked became less. */
  eased(): void;
  /** The socket takes frames. */
  ready(): boolean;
}

/** The conversation behind a successful LOGON: one method a verb. It owns no socket. */
export class Identified {
  readonly session: string;
  readonly #attachment: Attachment;
  readonly #intake: Intake;
  readonly #endpoints: EndpointDesk;
  readonly #line: Line;
  readonly #deps: DoorDeps;
  readonly #sequences: Sequences;
  readonly #acks: Acknowledgements;
  /** Monotonic time of the last ACK, or of the last frames handed over. */
  #movedAt: number;
  #gateClosed = false;
  /** The backend logged off or hung up. */
  #leaving = false;
  #leaveTimer: Timer | undefined;

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
    this.#endpoints = new EndpointDesk(
      id,
      providers,
      { endpoints: deps.endpoints, router: deps.router, clock: deps.clock, log: deps.log },
      {
        send: (frame) => line.send(frame),
        eased: () => {
          line.eased();
          this.#endIfDone();
        },
      },
    );
    this.#acks = new Acknowledgements(id, deps, {
      unknown: () => this.#unknownSequence(),
      stored: () => {
        line.eased();
        this.#endIfDone();
      },
    });
    this.#movedAt = deps.clock.monotonic();
  }

  /** Connects to the session. Frames flow once {@link start} was called. */
  static async attach(identity: Identity, encoding: Encoding, deps: DoorDeps, line: Line): Promise<Identified> {
    let self: Identified | undefined;
    const outlet: Outlet = {
      window: identity.window,
      ...(identity.client !== undefined && { client: identity.client }),
      ready: () => self?.started === true && line.ready(),
      send: (frames) => self?.hand(frames),
      emptied: () => self?.emptied(),
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
    if (!this.#leaving && !this.#gateClosed) this.#intake.push(frame, bytes);
  }

  ack({ sequence_ids }: Of<'ACK'>): void {
    this.#movedAt = this.#deps.clock.monotonic();
    const known: number[] = [];
    let unknown = false;
    for (const number of sequence_ids) {
      const sequence = this.#sequences.incoming(number);
      if (sequence === 'unknown') unknown = true;
      else if (sequence !== undefined) known.push(sequence);
    }
    if (unknown) this.#unknownSequence(); // one per frame: a frame with several unknown numbers gets one answer
    if (known.length > 0) this.#acks.push(known);
  }

  endpoint(frame: EndpointFrame): void {
    if (!this.#leaving && !this.#gateClosed) this.#endpoints.push(frame);
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
    this.#leaving = true;
    this.#attachment.hush();
    this.#leaveTimer ??= this.#deps.clock.after(LOGOFF_MS, () => this.#line.end());
    await this.#intake.idle();
    this.#endIfDone();
  }

  /** The backend sends nothing more, ACKs neither: a LOGOFF whose window goes elsewhere at once. */
  hangUp(): Promise<void> {
    this.#acks.close();
    this.#attachment.detach();
    return this.logoff();
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
    return this.#intake.overfull || this.#acks.overfull || this.#endpoints.overfull;
  }

  /**
   * Whether the bridge, not the backend, is the reason for silence: frames are parked or reading stands still. A full
   * inbox does not count: only this session's own ACKs can empty it, so its deadlines must go on.
   */
  heldBack(readingStopped: boolean): boolean {
    return (readingStopped || this.#intake.parked) && !this.#deps.sessions.inboxFull(this.session);
  }

  /**
   * Monotonic time since when the backend owes an ACK: its window is full, or frames that it holds keep the inbox full.
   * Undefined if it owes none.
   */
  get owingSince(): number | undefined {
    const holdsUp = this.#attachment.inFlight > 0 && this.#deps.sessions.inboxFull(this.session);
    return this.#attachment.full || holdsUp ? this.#movedAt : undefined;
  }

  /** Deadlines stood still for so long, in milliseconds. */
  shift(ms: number): void {
    this.#movedAt += ms;
  }

  /** Takes no more DOWNSTREAM; ACKs are still taken. Resolves when nothing is on its way into the store. */
  closeGate(): Promise<void> {
    this.#gateClosed = true;
    this.#intake.close();
    return this.#intake.idle();
  }

  /** The connection is gone, or takes and gives nothing more. Safe to call twice. */
  detach(): void {
    this.#gateClosed = true;
    this.#leaveTimer?.cancel();
    this.#acks.close();
    this.#intake.close();
    this.#endpoints.close();
    this.#attachment.detach();
  }

  /** Frames of the session for this connection. */
  hand(frames: readonly InboxFrame[]): void {
    this.#movedAt = this.#deps.clock.monotonic();
    for (const frame of frames) {
      this.#line.send(toBridgeFrame(frame, this.session, this.#sequences.outgoing(frame.sequence)));
    }
  }

  /** Everything sent is acknowledged: a connection that logs off is done. */
  emptied(): void {
    this.#endIfDone();
  }

  #unknownSequence(): void {
    const error_string = 'sequence_id: was never issued to this session';
    this.#line.send({ message_type: 'ERROR', error: 'UNKNOWN_SEQUENCE', error_string });
  }

  #endIfDone(): void {
    const stored = this.#intake.empty && this.#endpoints.empty;
    if (this.#leaving && stored && this.#attachment.inFlight === 0) this.#line.end();
  }
}
