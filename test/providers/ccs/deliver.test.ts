import test from 'ava';
import { bench, message, said, until } from './bench.ts';
import { unescapeXml } from './scripted-server.ts';

test('a message reaches the wire under its wire id and is acked under its own', async (t) => {
  await using b = await bench({ script: { message: (peer, m) => peer.ack(m) } });
  const sent = message({ wireId: 'w-1', messageId: 'own', ttl: 600, expiresAt: 1_700_000_000_000 + 59_001 });
  const outcome = await b.send(sent);
  t.is(
    unescapeXml(b.server.peers[0]?.messages[0]?.raw ?? ''),
    '<message id="w-1"><gcm xmlns="google:mobile:data">{"message_id":"w-1","time_to_live":60,"to":"token"}</gcm></message>',
  );
  t.deepEqual(outcome, { kind: 'accepted', reply: '{"from":"token","message_id":"own","message_type":"ack"}' });
  t.is(b.provider.health().state, 'ok');
});

test('login: SENDER_ID@domain, PLAIN, stream to the domain', async (t) => {
  await using b = await bench();
  const { text } = b.server.peers[0] ?? { text: '' };
  const auth = /<auth [^>]*mechanism="PLAIN"[^>]*>([^<]*)</.exec(text)?.[1] ?? '';
  t.deepEqual(Buffer.from(auth, 'base64').toString().split('\0'), ['', '123@gcm.googleapis.com', 'key']);
  t.true(text.includes('to="gcm.googleapis.com"'));
});

test('stanzas of one turn leave in few writes', async (t) => {
  await using b = await bench({ script: { message: (peer, m) => peer.ack(m) } });
  const peer = b.server.peers[0];
  const before = peer?.chunks.length ?? 0;
  await Promise.all(Array.from({ length: 50 }, () => b.send(message())));
  t.is(peer?.messages.length, 50);
  t.true((peer?.chunks.length ?? 99) - before < 5);
});

test('window: never more than 100 un-acked, at the limit and one past it', async (t) => {
  await using b = await bench({ options: { pool: { max: 1 } } });
  t.is(b.provider.room(), 100);
  for (let i = 0; i < 100; i++) void b.send(message());
  t.is(b.provider.room(), 0);
  t.deepEqual(await b.send(message()), { kind: 'unsent', because: 'no connection has room' });
  const peer = await until(() => b.server.peers[0]);
  await until(() => peer.messages.length === 100);
  let woken = 0;
  b.provider.onRoom(() => woken++);
  for (const m of peer.messages.slice(0, 3)) peer.ack(m);
  await until(() => b.provider.room() === 3);
  t.is(woken, 1);
  t.is(b.provider.pool().used, 97);
});

test('the pool grows while every lane is full, up to max, and shrinks when idle', async (t) => {
  await using b = await bench({ options: { pool: { min: 1, max: 3, window: 2, idle: '10s' } } });
  for (let i = 0; i < 2; i++) void b.send(message());
  await until(() => b.provider.room() === 2);
  t.is(b.provider.pool().open, 2);
  for (let i = 0; i < 2; i++) void b.send(message());
  await until(() => b.provider.room() === 2);
  for (let i = 0; i < 2; i++) void b.send(message());
  await b.clock.advance(0);
  t.like(b.provider.pool(), { open: 3, connecting: 0 });
  t.is(b.provider.room(), 0);
  for (const peer of b.server.peers) for (const m of peer.messages) peer.ack(m);
  await until(() => b.provider.room() === 6);
  await b.pass(11_000);
  t.is(b.provider.pool().open, 1);
  await until(() => b.server.peers.filter((p) => p.footer).length === 2, 'two closed streams');
});

test('resize while running: window, max and min', async (t) => {
  await using b = await bench({ options: { pool: { min: 1, max: 1, window: 2 } } });
  void b.send(message());
  b.provider.resize({ window: 5 });
  t.is(b.provider.room(), 4);
  b.provider.resize({ min: 3, max: 3 });
  await until(() => b.provider.pool().open === 3);
  t.is(b.provider.room(), 14);
  b.provider.resize({ min: 1, max: 1 });
  t.is(b.provider.pool().open, 1);
  await until(() => b.server.peers.filter((p) => p.footer).length === 2);
  t.throws(() => b.provider.resize({ min: 2 }), { instanceOf: RangeError });
  t.throws(() => b.provider.resize({ window: 0 }), { instanceOf: RangeError });
  t.throws(() => b.provider.resize({ max: 1_001 }), { instanceOf: RangeError });
});

test('stop waits for what is in flight, closes streams, and may be called twice', async (t) => {
  const b = await bench();
  const sent = b.send(message());
  const peer = await until(() => b.server.peers[0]);
  const m = await until(() => peer.messages[0]);
  const stopped = b.provider.stop(5_000);
  t.is(b.provider.stop(1), stopped);
  t.is(b.provider.room(), 0);
  await said(peer);
  t.false(peer.footer);
  peer.ack(m);
  t.is((await sent).kind, 'accepted');
  await stopped;
  t.true(peer.footer);
  await b.server[Symbol.asyncDispose]();
});

test('stop gives up after its deadline: the rest is unanswered', async (t) => {
  const b = await bench();
  const sent = b.send(message());
  await until(() => b.server.peers[0]?.messages[0]);
  const stopped = b.provider.stop(5_000);
  await b.clock.advance(5_000);
  t.is((await sent).kind, 'unanswered');
  await stopped;
  t.is(b.clock.waiting, 0);
  await b.server[Symbol.asyncDispose]();
});
