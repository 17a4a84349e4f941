import type { Random } from '../../src/lib/backoff.ts';
import { sleep, systemClock } from '../../src/lib/clock.ts';
import { deadline } from '../../src/lib/deadline.ts';
import { Backend, downstream, type Json } from '../../test/doors/bal/harness.ts';
import type { Books, Sent } from './books.ts';
import { dataOf } from './message-book.ts';

/** Pause before a bridge that is away is looked for again, and the longest wait for the answer to a LOGON. */
const LOOK_AGAIN_MS = 50;
const LOGON_MS = 30_000;
/** How often a backend writes: messages, and the ACKs that have gathered. */
const TICK_MS = 20;
/** Messages without an outcome, at most. */
const OUTSTANDING_MAX = 60;
/** Frames that a connection never acknowledges, at most: they come again on the next one. */
const WITHHELD_MAX = 20;
/** … and for so long at most, if the connection lives: the books forget what is long over. */
const WITHHELD_MS = 10_000;

export interface WriterOptions {
  readonly port: number;
  readonly session: string;
  /** Names it to the bridge, and begins all its message ids. */
  readonly client: string;
  readonly confirm: boolean;
  /** Messages a tick, at most. */
  readonly burst: number;
  readonly books: Books;
  readonly random: Random;
  /** Told of every final outcome, whoever submitted the message. */
  readonly onOutcome: (session: string, id: string) => void;
}

interface Pending {
  readonly sent: Sent;
  readonly frame: Json;
  taken: boolean;
}

/**
 * A backend with one connection, which comes back when it is lost. It submits what has no outcome again in the old order, or
 * with `confirm` only what was not taken; acknowledges most of what it gets; and asks now and then for an outcome that it has
 * already acknowledged.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #pending = new Map<string, Pending>();
  /** Settled messages that may be submitted once more. */
  readonly #done: Pending[] = [];
  readonly #groups = new Map<string, number>();
  #acks: unknown[] = [];
  #withheld: unknown[] = [];
  #withheldSince = 0;
  #backend: Backend | undefined;
  #made = 0;
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();
  /** Makes new messages. */
  producing = true;
  /** Acknowledges one frame a tick at most. */
  slow = false;
  /** Stays away once its connection is lost; see {@link leave}. */
  away = false;
  logons = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  get unsettled(): number {
    return this.#pending.size;
  }

  get made(): number {
    return this.#made;
  }

  start(): void {
    this.#running = Promise.all([this.#connect(), this.#tick()]);
  }

  /** The connection is gone, and does not come back before `away` is false. */
  leave(): void {
    this.away = true;
    this.#backend?.destroy();
  }

  /** Acknowledges at last what it held back, too. */
  comply(): void {
    this.slow = false;
    this.#acks.push(...this.#withheld.splice(0));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#backend?.destroy();
    await this.#running;
  }

  /** A message has its outcome, whichever connection it came over. */
  settled(id: string): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    if (this.#options.random() < 0.02) this.#done.push(pending);
  }

  async #connect(): Promise<void> {
    while (!this.#stopped) {
      const backend = this.away ? undefined : await this.#logOn().catch(() => undefined);
      if (!backend) {
        await sleep(systemClock, LOOK_AGAIN_MS);
        continue;
      }
      this.logons++;
      this.#acks = [];
      this.#withheld = [];
      this.#done.length = 0; // by now their time may be over
      this.#backend = backend;
      for (const pending of this.#pending.values()) {
        if (!(this.#options.confirm && pending.taken)) this.#submit(pending);
      }
      try {
        while (!this.#stopped) this.#take(await backend.next());
      } catch (error) {
        if (!backend.ended && !this.away && !this.#stopped) throw error;
      }
      this.#backend = undefined;
      backend.destroy();
    }
  }

  async #logOn(): Promise<Backend> {
    const { port, session, client, confirm } = this.#options;
    const backend = await Backend.connect(port);
    try {
      backend.send({ message_type: 'LOGON', session_id: session, client, ...(confirm && { confirm }) });
      const response = await deadline(systemClock, backend.next(), LOGON_MS, 'LOGON');
      if (response.status !== 'SUCCESS') throw new Error(`logon failed: ${JSON.stringify(response)}`);
      return backend;
    } catch (error) {
      backend.destroy();
      throw error;
    }
  }

  async #tick(): Promise<void> {
    const { burst, random } = this.#options;
    while (!this.#stopped) {
      await sleep(systemClock, TICK_MS);
      const backend = this.#backend;
      if (!backend || backend.ended) continue;
      if (performance.now() - this.#withheldSince > WITHHELD_MS) {
        this.#acks.push(...this.#withheld.splice(0));
        this.#withheldSince = performance.now();
      }
      const acks = this.#acks.splice(0, this.slow ? 1 : Number.POSITIVE_INFINITY);
      if (acks.length > 0) backend.ack(...acks);
      if (!this.producing) continue;
      // An outcome that was acknowledged just now: asked for again, it comes under another number.
      for (const pending of this.#done.splice(0)) this.#submit(pending);
      const room = OUTSTANDING_MAX - this.#pending.size;
      for (let n = Math.min(room, Math.floor(random() * (burst + 1))); n > 0; n--) this.#submit(this.#make());
    }
  }

  #submit({ sent, frame }: Pending): void {
    this.#options.books.submit(sent);
    this.#backend?.send(frame);
  }

  #make(): Pending {
    const { random, session, client } = this.#options;
    const id = `${client}-${this.#made++}`;
    const group = random() < 0.4 ? `${client}-g${Math.floor(random() * 3)}` : undefined;
    const n = group === undefined ? 0 : (this.#groups.get(group) ?? 0);
    if (group !== undefined) this.#groups.set(group, n + 1);
    const to = target(id, random);
    const expect = to.startsWith('BAD_REGISTRATION') ? 'BAD_REGISTRATION' : 'ack';
    const sent: Sent = {
      session,
      id,
      ...(group !== undefined && { group: { name: group, n } }),
      receipt: expect === 'ack' && random() < 0.2,
      expect,
    };
    const fields = group === undefined ? {} : { group_id: group };
    const receipt = sent.receipt ? { delivery_receipt_requested: true } : {};
    const pending = { sent, frame: downstream(id, fields, { to, data: dataOf(sent), ...receipt }), taken: false };
    this.#pending.set(id, pending);
    return pending;
  }

  #take(frame: Json): void {
    const { books, session, onOutcome } = this.#options;
    const { message_type: type, sequence_id: sequence } = frame;
    const id = String(frame.message_id);
    if (type === 'DOWNSTREAM_TAKEN') {
      const ids = frame.message_ids as string[];
      books.taken(session, ids);
      for (const one of ids) {
        const pending = this.#pending.get(one);
        if (pending) pending.taken = true;
      }
    } else if (type === 'ERROR') {
      const { error } = frame;
      books.findings.check('conduct', error === 'SHUTTING_DOWN', () => `${session}: ERROR ${JSON.stringify(frame)}`);
    } else if (typeof sequence !== 'number') {
      books.findings.check('conduct', false, () => `${session}: unexpected ${JSON.stringify(frame)}`);
    } else {
      if (type === 'UPSTREAM') books.upstreamCame(session, id, sequence);
      else if (type === 'DOWNSTREAM_RECEIPT') books.receiptCame(session, id, sequence);
      else {
        books.outcome(session, id, sequence, type === 'DOWNSTREAM_ACK' ? 'ack' : String(frame.error));
        onOutcome(session, id);
      }
      const withhold = this.producing && this.#withheld.length < WITHHELD_MAX && this.#options.random() < 0.01;
      (withhold ? this.#withheld : this.#acks).push(sequence);
    }
  }
}

/** A device: most are well, some are gone for good, some are busy once or twice, some have moved. */
function target(id: string, random: Random): string {
  const kind = random();
  if (kind < 0.08) return `BAD_REGISTRATION:of-${id}`;
  if (kind < 0.15) return `SERVICE_UNAVAILABLE:${1 + Math.floor(random() * 2)}`;
  if (kind < 0.18) return `canonical:new-${id}`;
  return `token-${id}`;
}
