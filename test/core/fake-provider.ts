import type { Health, Message, Outcome, Provider, Receiver, Refusal, Submission } from '../../src/core/index.ts';

/** What a service that takes everything answers. */
export const accept = (message: Message): Outcome => ({
  kind: 'accepted',
  reply: JSON.stringify({ from: message.target, message_id: message.messageId, message_type: 'ack' }),
});

/** An attempt that waits for the test to answer it. */
export interface Attempt {
  readonly message: Message;
  answer(outcome: Outcome): void;
}

/** A provider whose answers are the test's. */
export class FakeProvider implements Provider {
  readonly name: string;
  /** All attempts so far, in order. */
  readonly attempts: Attempt[] = [];
  receiver: Receiver | undefined;
  refusal: Refusal | undefined;
  #window: number;
  #inFlight = 0;
  #most = 0;
  #stopped = false;
  #onRoom: () => void = () => {};
  readonly #respond: ((message: Message) => Outcome | undefined) | undefined;
  readonly #watchers: { count: number; resolve: () => void }[] = [];

  /** `respond` answers at once; what it answers with undefined, and everything without it, waits in `attempts`. */
  constructor(name = 'fake', window = 100, respond?: (message: Message) => Outcome | undefined) {
    this.name = name;
    this.#window = window;
    this.#respond = respond;
  }

  /** The most messages that were in flight at once. */
  get most(): number {
    return this.#most;
  }

  set window(size: number) {
    this.#window = size;
    this.#onRoom();
  }

  inspect(_payload: Submission['payload']): Refusal | undefined {
    return this.refusal;
  }

  room(): number {
    return this.#window - this.#inFlight;
  }

  onRoom(listener: () => void): void {
    this.#onRoom = listener;
  }

  async deliver(message: Message): Promise<Outcome> {
    this.#most = Math.max(this.#most, ++this.#inFlight);
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.attempts.push({ message, answer: resolve });
    for (const watcher of this.#watchers) if (this.attempts.length >= watcher.count) watcher.resolve();
    if (this.#stopped) resolve({ kind: 'unanswered', because: 'the provider stops' });
    const outcome = this.#respond?.(message);
    if (outcome) resolve(outcome);
    const result = await promise;
    // Like a real one: it tells of room when the outcome is out.
    if (this.#inFlight-- === this.#window) setImmediate(() => this.#onRoom());
    return result;
  }

  /** Resolves when there were at least `count` attempts, and gives the last of them. */
  async attempt(count: number): Promise<Attempt> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.attempts.length >= count) resolve();
    else this.#watchers.push({ count, resolve });
    await promise;
    const attempt = this.attempts[count - 1];
    if (!attempt) throw new Error('no such attempt');
    return attempt;
  }

  async start(receiver: Receiver): Promise<void> {
    this.receiver = receiver;
  }

  /** What waits for an answer gets none any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { answer } of this.attempts) answer({ kind: 'unanswered', because: 'the provider stops' });
  }

  health(): Health {
    return { state: 'ok' };
  }
}
