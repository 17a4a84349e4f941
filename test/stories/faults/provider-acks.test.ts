import test, { type ExecutionContext } from 'ava';
import { type Peer, type Script, type Sent, scriptedServer } from '../../providers/ccs/scripted-server.ts';
import { begin, until } from './books.ts';

const WINDOW = 40;
const DRAINING = { message_type: 'control', control_type: 'CONNECTION_DRAINING' };

/** A bridge before a server that answers as the test says: two connections, full windows to begin with. */
async function stage(t: ExecutionContext, count: number, script: Partial<Script> = {}) {
  const server = await scriptedServer(script);
  t.teardown(() => server[Symbol.asyncDispose]());
  const begun = await begin(t, {
    pool: { min: 2, max: 2, window: WINDOW },
    ccs: { host: 'localhost', port: server.port, ca: server.ca, ping_interval: '10m', ack_timeout: '10m' },
    surroundings: { random: () => 0 },
  });
  begun.books.send(count);
  const open = new Map<Peer, Sent[]>();
  await until(() => server.peers.reduce((sum, peer) => sum + peer.downstream.length, 0) === 2 * WINDOW, 'full windows');
  for (const peer of server.peers) open.set(peer, [...peer.downstream]);
  /** Everything that comes from now on gets an ack. */
  const answerAll = () => (server.script.message = (peer, m) => peer.ack(m));
  const event = (name: string) =>
    begun.story.metric(`pushbridge_provider_events_total{provider="ccs",event="${name}"}`);
  return { ...begun, server, answerAll, event, full: [...open.values()] };
}

/** Everything that was sent, by wire id: how often. */
const carried = (peers: readonly Peer[]): Map<string, number> => {
  const times = new Map<string, number>();
  for (const { downstream } of peers) for (const { id } of downstream) times.set(id, (times.get(id) ?? 0) + 1);
  return times;
};

test('[promise 3, 4] acks out of order, three times each, for unknown ids, and of the other connection: one outcome each, nothing sent twice', async (t) => {
  const { server, books, answerAll, event, full, story } = await stage(t, 400);
  const [one, two] = server.peers;
  const [first = [], second = []] = full;
  // An answer counts only on the connection that carries its message. [fcm.md §1.10]
  for (const m of first) two?.ack(m);
  for (const m of second) one?.nack(m, 'BAD_REGISTRATION');
  await until(async () => (await event('unexpected_answer')) === 2 * WINDOW, 'answers on the wrong connection');
  t.is(books.fates.size, 0);
  answerAll();
  for (const [peer, sent] of [
    [one, first],
    [two, second],
  ] as const) {
    for (const m of sent.toReversed()) {
      peer?.ack(m);
      peer?.ack({ ...m, json: { ...m.json, message_id: `never-${m.id}` } });
      peer?.ack(m);
      peer?.nack(m, 'BAD_REGISTRATION');
    }
  }
  await books.check(t);
  t.is(await event('unexpected_answer'), 2 * WINDOW + 6 * WINDOW);
  const times = carried(server.peers);
  t.is(times.size, 400);
  t.true([...times.values()].every((n) => n === 1));
  t.like(await story.pool(), { used: 0, open: 2 });
});

test('[promise 3] an answer for a message that is settled changes nothing: neither an ack after a refusal nor a refusal after an ack', async (t) => {
  const { server, books, answerAll, event, full } = await stage(t, 200);
  answerAll();
  const [one] = server.peers;
  const [first = []] = full;
  const refused = new Set<unknown>();
  for (const m of first) {
    const bad = refused.size < WINDOW / 2;
    if (bad) {
      refused.add((m.json.data as { n: string }).n);
      one?.nack(m, 'BAD_REGISTRATION');
    } else one?.ack(m);
  }
  for (const m of full[1] ?? []) server.peers[1]?.ack(m);
  await books.settled();
  for (const m of first) {
    one?.ack(m);
    one?.nack(m, 'DEVICE_UNREGISTERED');
    one?.nack(m, 'SERVICE_UNAVAILABLE');
  }
  await until(async () => (await event('unexpected_answer')) === 3 * WINDOW, 'late answers');
  await books.check(t, (n) => (refused.has(`m${n}`) ? 'BAD_REGISTRATION' : 'ack'));
});

test('[promise 3, 4] acks that come over a draining connection count, those that come after it are for nobody', async (t) => {
  const { server, books, event, full } = await stage(t, 300);
  const [old, other] = server.peers;
  const [first = [], second = []] = full;
  server.script.message = (peer, m) => {
    // The third connection is told of the old one's messages, too: it does not carry them, unless they were sent again.
    for (const late of first.slice(WINDOW / 2)) if (late.id !== m.id) peer.ack(late);
    peer.ack(m);
  };
  old?.say(DRAINING);
  await until(() => server.peers[2]?.online, 'a replacement');
  for (const m of first.slice(0, WINDOW / 2)) old?.ack(m);
  await until(() => books.fates.size >= WINDOW / 2, 'outcomes over the draining connection');
  old?.write('</stream:stream>');
  for (const m of second) other?.ack(m);
  await books.check(t);
  const times = carried(server.peers);
  for (const [n, { id }] of first.entries()) t.is(times.get(id), n < WINDOW / 2 ? 1 : 2, id);
  t.is([...times.values()].filter((n) => n === 2).length, WINDOW / 2);
  t.true((await event('unexpected_answer')) > 0);
});

const garbage: readonly unknown[] = [
  '',
  'x'.repeat(15_000),
  '\u0000\u2028"<&>',
  '__proto__',
  'constructor',
  null,
  true,
  7,
  -1e300,
  [],
  ['w'],
  {},
  { toString: 'w' },
];

test('[promise 3, 5] ids that are no ids, in acks, nacks, receipts and device messages: counted, never answered wrongly, and the connection stays', async (t) => {
  const { server, books, answerAll, event, full, story } = await stage(t, 120);
  const [one] = server.peers;
  for (const id of garbage) {
    one?.say({ message_type: 'ack', from: 'token', message_id: id });
    one?.say({ message_type: 'nack', from: 'token', message_id: id, error: 'SERVICE_UNAVAILABLE' });
    one?.say({ message_type: 'nack', from: id, message_id: id, error: id, error_description: id });
    one?.say({ message_type: id, message_id: id });
  }
  one?.say({ message_type: 'ack' });
  for (const id of [null, '', [], {}, false]) {
    one?.say({ message_type: 'receipt', from: 'gcm.googleapis.com', message_id: id, data: {} });
    one?.say({ from: 'device', category: 'com.example.app', message_id: id, data: {} });
    one?.say({ from: id, category: 'com.example.app', message_id: 'u', data: {} });
  }
  one?.say({ from: 'device', category: 'com.example.app', message_id: 'witness', data: {} });
  await until(() => books.upstream.includes('witness'), 'everything before is read');
  t.deepEqual([books.fates.size, await event('drop')], [0, 0]);
  t.is(await event('unexpected_answer'), 3 * garbage.length + 1);
  t.is(await event('bad_fields'), 15);
  answerAll();
  for (const [n, peer] of server.peers.entries()) for (const m of full[n] ?? []) peer.ack(m);
  await books.check(t);
  t.is(carried(server.peers).size, 120);
  t.is((await story.pool()).used, 0);
  t.deepEqual(
    one?.acks.map(({ message_id }) => message_id),
    ['witness'],
  );
});
