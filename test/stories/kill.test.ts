import test from 'ava';
import { Backend, downstream, type Json } from '../doors/bal/harness.ts';
import { setStage } from './bridge-process.ts';

/** Messages of the story, and after how many outcomes the process is killed. */
const MESSAGES = 3_000;
const KILL_AT = [400, 1_100, 1_900];
const GROUPS = 7;

/** A backend that keeps books: what was taken, what came back, and under which sequence numbers. */
class Bookkeeper {
  readonly taken = new Set<string>();
  /** Sequence numbers of final outcomes, by message id. */
  readonly outcomes = new Map<string, Set<unknown>>();
  readonly kinds = new Map<string, string>();
  repeated = 0;
  #backend: Backend | undefined;

  /** Logs on, sends every message again that has no outcome, and reads until `enough` or until the bridge is gone. */
  async run(port: number, enough: () => boolean): Promise<void> {
    const backend = await Backend.connect(port);
    this.#backend = backend;
    backend.send({ message_type: 'LOGON', session_id: 'app', client: 'books', confirm: true });
    for (let n = 0; n < MESSAGES; n++) if (!this.outcomes.has(`m${n}`)) backend.send(message(n));
    try {
      while (!enough()) this.#take(await backend.next(), backend);
    } catch (error) {
      if (!backend.ended) throw error;
    }
  }

  close(): void {
    this.#backend?.destroy();
  }

  #take(frame: Json, backend: Backend): void {
    const type = String(frame.message_type);
    if (type === 'DOWNSTREAM_TAKEN') for (const id of frame.message_ids as string[]) this.taken.add(id);
    if (type !== 'DOWNSTREAM_ACK' && type !== 'DOWNSTREAM_REJECT') return;
    const id = String(frame.message_id);
    const sequences = this.outcomes.get(id) ?? new Set();
    if (sequences.has(frame.sequence_id)) this.repeated++;
    this.outcomes.set(id, sequences.add(frame.sequence_id));
    this.kinds.set(id, type === 'DOWNSTREAM_ACK' ? 'ack' : String(frame.error));
    backend.ack(frame.sequence_id);
  }
}

const message = (n: number): Json => {
  const to = n % 10 === 9 ? `BAD_REGISTRATION:${n}` : `token-${n}`;
  return downstream(`m${n}`, n % 3 === 0 ? { group_id: `g${n % GROUPS}` } : {}, { to });
};

test('[promise 1, 3] killed in mid-traffic three times, every accepted message is settled once', async (t) => {
  t.timeout(90_000);
  const { emulator, port, start, end } = await setStage({ latency: '2ms', latency_spread: '8ms' });
  const books = new Bookkeeper();
  for (const limit of [...KILL_AT, MESSAGES]) {
    const bridge = await start();
    await books.run(port, () => books.outcomes.size >= limit);
    if (limit < MESSAGES) await bridge.kill();
    books.close();
    if (limit === MESSAGES) t.is(await bridge.signal('SIGTERM'), 0);
  }
  t.is(books.outcomes.size, MESSAGES);
  for (let n = 0; n < MESSAGES; n++) {
    const id = `m${n}`;
    t.is(books.kinds.get(id), n % 10 === 9 ? 'BAD_REGISTRATION' : 'ack', id);
  }
  // A message that is submitted again although its outcome was acknowledged would get a second number; these were not.
  const twice = [...books.outcomes].filter(([, sequences]) => sequences.size > 1).map(([id]) => id);
  t.deepEqual(twice, []);
  const { tracked } = emulator.control.stats();
  t.is(tracked, MESSAGES, 'each message reached the service under one id of its own, however often it was sent');
  await end();
});
