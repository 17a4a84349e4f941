import type { ExecutionContext } from 'ava';
import type { ManualClock } from '../../../src/lib/clock.ts';
import { type Backend, downstream, type Json } from '../../doors/bal/harness.ts';
import { Story, type StoryOptions } from '../harness.ts';

/** Long enough for a loaded machine; nothing waits so long when all is well. */
export const PATIENCE_MS = 30_000;

/** Waits in real time until `check` gives something else than undefined or false. */
export async function until<T>(check: () => T | Promise<T>, what: string): Promise<Exclude<T, undefined | false>> {
  for (const end = performance.now() + PATIENCE_MS; ; ) {
    const value = await check();
    if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * Moves time on until `done`, a second at a time and never during a login: sockets have a time of their own, and deadlines
 * must not catch what only waits for them.
 */
export async function passUntil(
  clock: ManualClock,
  pool: () => { readonly connecting: number } | Promise<{ readonly connecting: number }>,
  done: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  await until(async () => {
    if (await done()) return true;
    if ((await pool()).connecting === 0) await clock.advance(1_000);
    return false;
  }, what);
}

/** A story with a book; both end with the test. */
export async function begin(t: ExecutionContext, options: StoryOptions = {}) {
  const story = await Story.start(options);
  t.teardown(() => story.stop());
  return { story, control: story.emulator.control, books: await Books.open(story) };
}

/** What became of a message: `ack`, or the code of its REJECT. */
interface Fate {
  readonly kind: string;
  readonly sequence: number;
}

/** Books of every message that a backend sends: each must end in exactly one outcome, and its group in order. */
export class Books {
  /** Outcomes by message id, every frame that came. */
  readonly fates = new Map<string, Fate[]>();
  /** Ids of upstream messages, as often as they came. */
  readonly upstream: string[] = [];
  readonly #backend: Backend;
  /** The group of each message, in the order of sending. */
  readonly groups: (string | undefined)[] = [];
  readonly #sent: string[] = [];
  readonly #pongs = new Set<unknown>();
  #taken = 0;

  /** A book that is kept from now on: everything that comes is acknowledged. */
  static async open(story: Story, fields: Json = {}): Promise<Books> {
    return Books.keep(await story.logOn({ window: 1_000, confirm: true, ...fields }));
  }

  /** The same for a backend that is logged on. */
  static keep(backend: Backend): Books {
    const books = new Books(backend);
    void books.#read().catch(() => {}); // the end of the connection; what is missing then, the checks will tell
    return books;
  }

  private constructor(backend: Backend) {
    this.#backend = backend;
  }

  get sent(): readonly string[] {
    return this.#sent;
  }

  /** Messages that the bridge has taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Sends `count` more messages; `data` is their `fcm_data`, and every third belongs to one of seven groups. */
  send(count: number, data: (n: number) => Json = () => ({}), grouped = true): void {
    const frames: Json[] = [];
    for (let left = count; left > 0; left--) {
      const n = this.#sent.length;
      const id = `m${n}`;
      const group = grouped && n % 3 === 0 ? `g${n % 7}` : undefined;
      this.groups.push(group);
      this.#sent.push(id);
      frames.push(downstream(id, group ? { group_id: group } : {}, data(n)));
    }
    this.#backend.send(...frames);
  }

  /** Waits until so many messages have an outcome; all by default. */
  async settled(count = this.#sent.length): Promise<void> {
    await until(() => this.fates.size >= count, `${count} outcomes`).catch((error) => {
      const missing = this.#sent.filter((id) => !this.fates.has(id));
      throw new Error(`${error.message}; ${missing.length} without: ${missing.slice(0, 10)}`);
    });
  }

  /** What the bridge had to say so far has been read. */
  async sync(): Promise<void> {
    const data = `sync ${this.#pongs.size}`;
    this.#backend.send({ message_type: 'PING', data });
    await until(() => this.#pongs.has(data), 'PONG');
  }

  /** Every message has one outcome, `kind` of it; outcomes of a group are in the order in which it was submitted. */
  async check(t: ExecutionContext, kind: (n: number) => string = () => 'ack'): Promise<void> {
    await this.settled();
    await this.sync();
    const wrong = this.#sent.filter((id, n) => {
      const fates = this.fates.get(id) ?? [];
      return fates.length !== 1 || fates[0]?.kind !== kind(n);
    });
    t.deepEqual(
      wrong.map((id) => [id, this.fates.get(id)]),
      [],
      'messages without exactly the one outcome that they should have',
    );
    t.is(this.fates.size, this.#sent.length, 'outcomes of messages that were never sent');
    const last = new Map<string, number>();
    for (const [n, group] of this.groups.entries()) {
      if (group === undefined) continue;
      const sequence = this.fates.get(`m${n}`)?.[0]?.sequence ?? 0;
      if (sequence <= (last.get(group) ?? 0)) t.fail(`the outcome of m${n} came before one of an earlier in ${group}`);
      last.set(group, sequence);
    }
  }

  close(): void {
    this.#backend.destroy();
  }

  async #read(): Promise<void> {
    for (;;) {
      const frame = await this.#backend.next();
      const id = String(frame.message_id);
      if (frame.sequence_id !== undefined) this.#backend.ack(frame.sequence_id);
      if (frame.message_type === 'PONG') this.#pongs.add(frame.data);
      if (frame.message_type === 'DOWNSTREAM_TAKEN') this.#taken += (frame.message_ids as unknown[]).length;
      if (frame.message_type === 'UPSTREAM') this.upstream.push(id);
      if (frame.message_type !== 'DOWNSTREAM_ACK' && frame.message_type !== 'DOWNSTREAM_REJECT') continue;
      const kind = frame.message_type === 'DOWNSTREAM_ACK' ? 'ack' : String(frame.error);
      this.fates.set(id, [...(this.fates.get(id) ?? []), { kind, sequence: Number(frame.sequence_id) }]);
    }
  }
}

/** The order of acceptance is that of the wire ids: the number behind the dash, in base 36. */
const rank = (wireId: string): number => Number.parseInt(wireId.slice(wireId.lastIndexOf('-') + 1), 36);

/**
 * What the service saw: one wire id for each message however often it came, groups in the order of their submission,
 * no window exceeded, no bad stanza, no wrong ack; and nothing stuck in the pool.
 */
export async function checkService(t: ExecutionContext, story: Story, books: Books): Promise<void> {
  const { control } = story.emulator;
  const stats = control.stats();
  t.is(stats.tracked, books.sent.length, 'wire ids');
  t.deepEqual([stats.windowBreaches, stats.errors400, stats.errors406], [0, 0, 0]);
  const firsts = control.messages(1, books.sent.length).map(({ id }) => id);
  const index = new Map(firsts.toSorted((a, b) => rank(a) - rank(b)).map((id, n) => [id, n]));
  const last = new Map<string, number>();
  for (const id of firsts) {
    const n = index.get(id) ?? 0;
    const group = books.groups[n];
    if (group === undefined) continue;
    if (n <= (last.get(group) ?? -1)) t.fail(`m${n} came after a later one of ${group}`);
    last.set(group, n);
  }
  const { used, probing } = await story.pool();
  t.deepEqual([used, probing], [0, 0], 'places in windows that are taken for ever');
}
