import {
  type Accepted,
  type Router,
  type Sessions,
  STORE_RETRY_MS,
  type Submission,
  tellRefusal,
} from '../../core/index.ts';
import { type Clock, sleep, type Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { BridgeFrame } from '../../protocols/bal/index.ts';
import { type DownstreamFrame, type Objection, refusal, type Sender, toSubmission } from './downstream.ts';

/** Messages that go into the store in one call. */
const BATCH_MAX = 512;
/** Ids of one DOWNSTREAM_TAKEN may take so many bytes: with its header that fits into a frame of the default size. */
const TAKEN_BYTES = 60_000;
/** The most bytes that one UTF-16 code unit of an id takes in any encoding: JSON's escape. */
const UNIT_BYTES = 6;

export interface IntakeDeps {
  readonly router: Router;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly log: Log;
  /** Bytes of parked frames beyond which {@link Intake.overfull} is true. */
  readonly maxParkedBytes: number;
}

/** What the connection does with the results. */
export interface IntakeEvents {
  send(frame: BridgeFrame): void;
  rejected(code: string): void;
  /** Parked frames became fewer: reading may go on. */
  eased(): void;
}

/**
 * The way of DOWNSTREAM frames from one connection into the store. While the session has no room, or the store is slow or
 * in trouble, frames are parked, and the connection is read on for its ACKs until too much is parked.
 */
export class Intake {
  readonly #sender: Sender;
  readonly #confirm: boolean;
  readonly #deps: IntakeDeps;
  readonly #events: IntakeEvents;
  readonly #parked: { frame: DownstreamFrame; bytes: number }[] = [];
  #parkedBytes = 0;
  /** One batch at a time: a batch that the store refuses and gets again must not be overtaken by the next one. */
  #storing = false;
  #waiting: Timer | undefined;
  #closed = false;
  readonly #idlers: (() => void)[] = [];

  constructor(sender: Sender, confirm: boolean, deps: IntakeDeps, events: IntakeEvents) {
    this.#sender = sender;
    this.#confirm = confirm;
    this.#deps = deps;
    this.#events = events;
  }

  /** Adds a frame; {@link flush} sends what was added on its way. Ignored once closed. */
  push(frame: DownstreamFrame, bytes: number): void {
    if (this.#closed) return;
    this.#parked.push({ frame, bytes });
    this.#parkedBytes += bytes;
  }

  /** Whether reading should stop. */
  get overfull(): boolean {
    return this.#parkedBytes > this.#deps.maxParkedBytes;
  }

  /** Whether frames wait although the backend did nothing wrong: its deadlines stand still. */
  get parked(): boolean {
    return this.#parked.length > 0;
  }

  /** Nothing is parked and nothing is on its way into the store. */
  get empty(): boolean {
    return !this.#storing && this.#parked.length === 0;
  }

  /** Moves parked frames into the store as far as there is room. */
  flush(): void {
    while (this.#parked.length > 0 && !this.#storing && !this.#waiting && !this.#closed) {
      const { sessions } = this.#deps;
      const room = sessions.room(this.#sender.session);
      if (room > 0) {
        this.#submit(this.#parked.splice(0, Math.min(room, BATCH_MAX)));
        continue;
      }
      let called = false;
      const waiting = sessions.whenRoom(this.#sender.session, () => {
        called = true;
        this.#waiting = undefined;
        this.flush();
      });
      if (!called) this.#waiting = waiting;
    }
  }

  /** Takes nothing more and forgets what is parked: it was never taken, the backend sends it again. */
  close(): void {
    this.#closed = true;
    this.#parked.length = 0;
    this.#parkedBytes = 0;
    this.#waiting?.cancel();
    this.#settled();
    this.#events.eased();
  }

  /** Resolves when it is {@link empty}. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idlers.push(resolve);
      this.#settled();
    });
  }

  #submit(batch: { frame: DownstreamFrame; bytes: number }[]): void {
    const now = this.#deps.clock.now();
    const frames: DownstreamFrame[] = [];
    const submissions: Submission[] = [];
    for (const { frame, bytes } of batch) {
      this.#parkedBytes -= bytes;
      const result = this.#examine(frame, now);
      if ('code' in result) this.#refuse(frame, result);
      else {
        frames.push(frame);
        submissions.push(result);
      }
    }
    if (submissions.length > 0) void this.#store(frames, submissions);
    else this.#settled();
    this.#events.eased();
  }

  #examine(frame: DownstreamFrame, now: number): Submission | Objection {
    const submission = toSubmission(frame, this.#sender, now);
    if ('code' in submission) return submission;
    return this.#deps.router.inspect(submission.provider, submission.payload) ?? submission;
  }

  async #store(frames: readonly DownstreamFrame[], submissions: readonly Submission[]): Promise<void> {
    this.#storing = true;
    const results = await this.#accepted(submissions);
    if (results) this.#answer(frames, results);
    this.#storing = false;
    this.#settled();
    this.flush();
  }

  /** What the store says, asked as often as it takes; undefined if the connection closed meanwhile. */
  async #accepted(submissions: readonly Submission[]): Promise<Accepted[] | undefined> {
    const { router, clock, log } = this.#deps;
    const { session } = this.#sender;
    for (;;) {
      try {
        return await router.submit(session, submissions);
      } catch (error) {
        tellRefusal(log, 'store refused messages, reading pauses', error, { session, count: submissions.length });
        await sleep(clock, STORE_RETRY_MS);
        if (this.#closed) return undefined; // nobody was promised anything
      }
    }
  }

  #answer(frames: readonly DownstreamFrame[], results: readonly Accepted[]): void {
    let taken: string[] = [];
    let bytes = 0;
    const tell = () => {
      if (this.#confirm && taken.length > 0)
        this.#events.send({ message_type: 'DOWNSTREAM_TAKEN', message_ids: taken });
      taken = [];
      bytes = 0;
    };
    results.forEach((result, index) => {
      const frame = frames[index];
      if (!frame) return;
      if (result.kind === 'taken' || result.kind === 'pending') {
        const size = (frame.message_id.length + 1) * UNIT_BYTES;
        if (bytes + size > TAKEN_BYTES) tell();
        bytes += size;
        taken.push(frame.message_id);
      } else if (result.kind === 'conflict') {
        this.#refuse(frame, {
          code: 'DUPLICATE_MESSAGE_ID',
          because: 'message_id: was used for a message with other content',
        });
      }
    });
    tell();
  }

  #refuse(frame: DownstreamFrame, objection: Objection): void {
    this.#events.rejected(objection.code);
    this.#events.send(refusal(frame, this.#sender.session, objection));
  }

  #settled(): void {
    if (!this.empty) return;
    for (const resolve of this.#idlers.splice(0)) resolve();
  }
}
