import { type Accepted, type Notice, STORE_RETRY_MS, tellRefusal } from '../../core/index.ts';
import type { Timer } from '../../lib/clock.ts';
import { type Answer, answerOf, nack } from './answers.ts';
import type { DoorDeps } from './door-deps.ts';
import { CONFLICT, type DownstreamMessage, DRAINING, type Objection, objectionTo, toSubmission } from './downstream.ts';
import { Parking } from './parking.ts';
import type { Holder, Sender } from './sender.ts';
import { type Item, toItem, Window } from './window.ts';

/** A message that could not be taken back is asked for again after so long. */
const ASK_AGAIN_MS = 1_000;

/** A message as its answer names it. */
type Asked = Pick<Item, 'id' | 'target'> & Partial<Pick<Item, 'copies'>>;

/** What the connection does with the results. */
export interface IntakeEvents {
  answer(answer: Answer): void;
  /** Less waits than before: reading may go on, or a draining connection may close. */
  eased(): void;
}

/**
 * The way of downstream messages from one connection into the store, and of their outcomes back. Up to `window` of them are
 * un-acked in the core; while it is full, or the session has no room, or the store is in trouble, messages are parked.
 * [fcm.md §1.5] Every message gets exactly one ack or nack.
 */
export class Intake implements Holder {
  readonly #sender: Sender;
  readonly #mailbox: number;
  readonly #deps: DoorDeps;
  readonly #events: IntakeEvents;
  readonly #window: Window;
  /** What was parked was never submitted. */
  readonly #parked: Parking;
  /** One batch at a time: a batch that the store refuses must not be overtaken by the next one. */
  #storing = false;
  /** What wakes it when the session has room, or the store is asked again. */
  #waiting: Timer | undefined;
  #draining = false;
  #closed = false;
  readonly #idlers: (() => void)[] = [];

  constructor(sender: Sender, mailbox: number, deps: DoorDeps, events: IntakeEvents) {
    this.#sender = sender;
    this.#mailbox = mailbox;
    this.#deps = deps;
    this.#events = events;
    this.#window = new Window(deps.options.window);
    this.#parked = new Parking(deps.options.parked);
  }

  /** Messages submitted and not answered. */
  get unacked(): number {
    return this.#window.size;
  }

  /** Messages read and not yet submitted. */
  get parked(): number {
    return this.#parked.size;
  }

  /** Whether reading should stop. */
  get overfull(): boolean {
    return this.#parked.overfull;
  }

  /** Everything that was read is answered. */
  get empty(): boolean {
    return this.#window.size === 0 && this.#parked.size === 0;
  }

  /** Takes a message; {@link flush} sends what was taken on its way. */
  push(message: DownstreamMessage): void {
    if (this.#closed) return;
    const { clock, router } = this.#deps;
    const objection = this.#draining ? DRAINING : objectionTo(message);
    if (objection) {
      this.#refuse(message, objection);
      return;
    }
    const submission = toSubmission(message, this.#sender, this.#mailbox, clock.now());
    const refusal = router.inspect(this.#sender.provider, submission.payload);
    if (refusal) this.#refuse(message, refusal);
    else this.#parked.push(toItem(submission, clock.monotonic()));
  }

  /** Moves parked messages into the store as far as there is room. */
  flush(): void {
    while (this.#parked.size > 0 && !this.#storing && !this.#waiting && !this.#closed) {
      const { sessions } = this.#deps;
      const { session } = this.#sender;
      const room = Math.min(this.#window.room, sessions.room(session));
      if (room > 0) {
        this.#submit(this.#parked.take(room));
        continue;
      }
      if (this.#window.room <= 0) return; // the next answer calls
      let called = false;
      const waiting = sessions.whenRoom(session, () => {
        called = true;
        this.#waiting = undefined;
        this.flush();
      });
      if (!called) this.#waiting = waiting;
    }
  }

  /** An outcome from the core. */
  answered(notice: Notice): void {
    const item = this.#window.get(notice.messageId);
    if (item) this.#settle(item, answerOf(notice, item.target));
    this.#moved();
  }

  lose(messageId: string): void {
    const item = this.#window.get(messageId);
    if (item) this.#window.remove(item);
    this.#moved();
  }

  /** Looks at what waits for too long; called every now and then. */
  check(now: number): void {
    const { answer_within } = this.#deps.options;
    const over = (item: Item): boolean => now - item.since >= answer_within;
    for (let { first } = this.#parked; first && over(first); first = this.#parked.first) {
      this.#parked.take(1);
      this.#refuse(first, { code: 'SERVICE_UNAVAILABLE', because: `not taken within ${answer_within} ms` });
    }
    // What is on its way into the store can't be taken back before it is there.
    if (!this.#storing) {
      for (const item of this.#window.items()) if (over(item) && now >= item.askAt) void this.#withdraw(item, now);
    }
    this.#moved();
  }

  /** Submits nothing more: what is parked goes elsewhere at once. [fcm.md §1.10] */
  drain(): void {
    this.#draining = true;
    for (const item of this.#parked.take()) this.#refuse(item, DRAINING);
    this.#waiting?.cancel();
    this.#waiting = undefined;
    this.#moved();
  }

  /** The connection is gone: what was taken is delivered all the same, and answered when it is sent again. */
  close(): void {
    this.#closed = true;
    this.#waiting?.cancel();
    this.#parked.take();
    for (const item of this.#window.items()) this.#drop(item);
  }

  /** Resolves when nothing is on its way into the store. */
  idle(): Promise<void> {
    return new Promise((resolve) => (this.#storing ? this.#idlers.push(resolve) : resolve()));
  }

  #submit(batch: readonly Item[]): void {
    const fresh: Item[] = [];
    const losers: [Holder, string][] = [];
    for (const item of batch) {
      const { id, digest } = item;
      const held = this.#window.get(id);
      if (held?.digest === digest) this.#window.join(held, item.copies);
      else if (held || this.#sender.conflicts(id, digest)) this.#refuse(item, CONFLICT);
      else {
        const before = this.#sender.hold(id, digest, this);
        if (before) losers.push([before, id]);
        this.#window.add(item);
        fresh.push(item);
      }
    }
    if (fresh.length > 0) void this.#store(fresh);
    // Not sooner: a loser has room for more, perhaps for the same id, and the store has to be asked in the same order.
    for (const [loser, id] of losers) loser.lose(id);
    this.#events.eased();
  }

  async #store(items: readonly Item[]): Promise<void> {
    const { router, log } = this.#deps;
    const { session } = this.#sender;
    this.#storing = true;
    try {
      const submissions = items.flatMap(({ submission }) => submission ?? []);
      const results = await router.submit(session, submissions);
      results.forEach((result, index) => {
        const item = items[index];
        if (item && this.#window.has(item)) this.#taken(item, result);
      });
    } catch (error) {
      tellRefusal(log, 'store refused messages, they are parked', error, { session, count: items.length });
      this.#park(items);
    }
    this.#storing = false;
    for (const resolve of this.#idlers.splice(0)) resolve();
    this.#moved();
  }

  #taken(item: Item, result: Accepted): void {
    item.submission = undefined;
    if (result.kind === 'answered') this.#settle(item, answerOf(result.notice, item.target));
    else if (result.kind === 'conflict') {
      this.#drop(item);
      this.#refuse(item, CONFLICT);
    }
  }

  /** Back to where they came from: the store has taken none of them. */
  #park(items: readonly Item[]): void {
    if (this.#closed) return;
    const back = items.filter((item) => this.#window.has(item));
    for (const item of back) this.#drop(item);
    if (this.#draining) for (const item of back) this.#refuse(item, DRAINING);
    else this.#parked.unshift(back);
    this.#waiting ??= this.#deps.clock.after(STORE_RETRY_MS, () => {
      this.#waiting = undefined;
      this.flush();
    });
  }

  /** One transaction takes the message back and frees its id; the nack goes out after the commit. */
  async #withdraw(item: Item, now: number): Promise<void> {
    const { router, log, options } = this.#deps;
    const { session } = this.#sender;
    item.askAt = Number.POSITIVE_INFINITY; // one question at a time
    let gone = false;
    try {
      gone = await router.withdraw(session, item.id);
    } catch (error) {
      tellRefusal(log, 'store refused to take a message back, trying again', error, { session });
    }
    item.askAt = now + ASK_AGAIN_MS;
    if (!gone || !this.#window.has(item)) return;
    this.#drop(item);
    this.#refuse(item, { code: 'SERVICE_UNAVAILABLE', because: `no answer within ${options.answer_within} ms` });
    this.#moved();
  }

  #settle(item: Item, answer: Answer): void {
    this.#drop(item);
    this.#answer(item, answer);
  }

  #drop(item: Item): void {
    this.#window.remove(item);
    this.#sender.release(item.id, this);
  }

  #refuse(asked: Asked, { code, because }: Objection): void {
    this.#deps.telemetry.add('pushbridge_rejects_total', { code }, asked.copies);
    this.#answer(asked, nack(asked.target, asked.id, code, because));
  }

  #answer({ copies = 1 }: Asked, answer: Answer): void {
    for (let n = 0; n < copies; n++) this.#events.answer(answer);
  }

  #moved(): void {
    this.flush();
    this.#events.eased();
  }
}
