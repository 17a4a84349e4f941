import test from 'ava';
import { createEmulator } from '../../../src/emulator/index.ts';
import { ManualClock } from '../../../src/lib/clock.ts';
import { pause, RawClient, start, until } from './raw-client.ts';

const ids = (messages: readonly Readonly<Record<string, unknown>>[]): unknown[] =>
  messages.map(({ message_id }) => message_id);

test('latency delays answers and keeps their order', async (t) => {
  const { login } = await start(t, { latency: '80ms' });
  const client = await login();
  const begin = Date.now();
  for (const id of ['1', '2', '3']) client.send({ to: 'd', message_id: id });
  t.deepEqual(ids(await client.jsons(3)), ['1', '2', '3']);
  t.true(Date.now() - begin >= 75);
});

test('latency by a clock and a chance of our own: fixed part and spread', async (t) => {
  const clock = new ManualClock();
  const chances = [1, 0, 0.5];
  const emulator = createEmulator(
    { port: 0, latency: '100ms', latency_spread: '1s', keepalive: 0 },
    { clock, random: () => chances.shift() ?? 0 },
  );
  await emulator.start();
  const client = new RawClient(emulator);
  t.teardown(() => client.socket.destroy() && emulator.stop());
  await client.login();
  for (const id of ['1100', '100', '600']) client.send({ to: 'd', message_id: id });
  await until(() => emulator.control.stats().received === 3);
  const { control } = emulator;
  for (const [ms, acks] of [
    [99, 0],
    [1, 1],
    [499, 1],
    [1, 2],
    [499, 2],
    [1, 3],
  ] as const) {
    await clock.advance(ms);
    t.is(control.stats().acks, acks, `at ${clock.monotonic()}`);
  }
  t.deepEqual(ids(await client.jsons(3)), ['100', '600', '1100']);
});

test('nacks by rate', async (t) => {
  const { login, control } = await start(t, { nack_rate: 0.3, nack_code: 'INTERNAL_SERVER_ERROR' });
  const client = await login();
  for (let i = 0; i < 1_000; i++) client.send({ to: 'd', message_id: `${i}` });
  await client.jsons(1_000);
  const { acks, nacks } = control.stats();
  const nacked = nacks.INTERNAL_SERVER_ERROR ?? 0;
  t.is(acks + nacked, 1_000);
  t.true(nacked > 200 && nacked < 400, `${nacked}`);
});

test('held acks count as un-acked until they are released', async (t) => {
  const { login, control } = await start(t, { hold_acks: true, window: 3 });
  const client = await login();
  for (let i = 1; i <= 4; i++) client.send({ to: 'd', message_id: `${i}` });
  await until(() => control.stats().received === 4);
  t.like(control.connections()[0], { unacked: 4, maxUnacked: 4, held: 4, windowBreaches: 1 });
  t.is(client.seen, '');
  t.is(control.releaseAcks('all', 1), 1);
  t.deepEqual(ids([await client.json()]), ['1']);
  t.is(control.releaseAcks(), 3);
  t.deepEqual(ids(await client.jsons(3)), ['2', '3', '4']);
  t.like(control.stats(), { windowBreaches: 1, maxUnacked: 4, acks: 4 });
});

test('the window: 100 are in order, the 101st is a breach and may end the stream [fcm.md §1.9]', async (t) => {
  const { login, control } = await start(t, { hold_acks: true, close_on_breach: true });
  const client = await login();
  for (let i = 1; i <= 100; i++) client.send({ to: 'd', message_id: `${i}` });
  await until(() => control.stats().received === 100);
  t.is(control.stats().windowBreaches, 0);
  control.upstream({ from: 'x' });
  client.ack(await client.json());
  await until(() => control.stats().upstreamAcked === 1, 1_000);
  t.is(control.stats().windowBreaches, 0, 'acks of upstream messages are exempt');
  client.send({ to: 'd', message_id: '101' });
  await client.expect(/<stream:error><policy-violation .*<\/stream:error><\/stream:stream>/);
  await client.untilClosed();
  t.is(control.stats().windowBreaches, 1);
});

test('drop: by the control, after so many messages, by token; with FIN or RST', async (t) => {
  const { login, control } = await start(t);
  const fin = await login();
  t.is(control.drop('one', 'fin'), 1);
  await fin.untilClosed();
  t.is(fin.error, undefined);
  t.is(fin.seen, '', 'not a word');

  const rst = await login();
  control.drop('all', 'rst');
  await rst.untilClosed();
  t.is(rst.error?.code, 'ECONNRESET');

  control.setFaults({ drop_after: 3 });
  const third = await login();
  for (let i = 1; i <= 5; i++) third.send({ to: 'd', message_id: `${i}` });
  t.deepEqual(ids(await third.jsons(2)), ['1', '2']);
  await third.untilClosed();
  control.resetFaults();

  for (const to of ['fault:drop:1', 'fault:reset:1']) {
    const client = await login();
    client.send({ to, message_id: to });
    await client.untilClosed();
    const again = await login();
    again.send({ to, message_id: to });
    t.like(await again.json(), { message_type: 'ack', message_id: to });
    t.is(control.message(to)?.connections.length, 2);
  }
});

test('a black hole keeps the connection and says nothing', async (t) => {
  const { login, control } = await start(t, { keepalive: '20ms' });
  const client = await login();
  await client.expect(/ /);
  control.setFaults({ black_hole: true }, 1);
  const other = await login();
  await other.expect(/ /);
  client.seen = '';
  client.send({ to: 'd', message_id: '1' });
  client.write('<iq type="get" id="p"><ping xmlns="urn:xmpp:ping"/></iq>');
  control.upstream();
  // Time enough for another: its message, its answer, and the next keepalive of all.
  await other.json();
  await other.said();
  await other.expect(/ /);
  t.is(client.seen, '');
  t.false(client.closed);
  t.is(control.stats().received, 0);
  control.setFaults({ black_hole: false }, 1);
  t.like(await client.json(), { message_type: 'ack' });
});

test('a black hole by token: the message is lost, too', async (t) => {
  const { login, control } = await start(t);
  const client = await login();
  client.send({ to: 'fault:black-hole', message_id: '1' });
  client.send({ to: 'd', message_id: '2' });
  await until(() => control.stats().received > 0);
  const other = await login();
  t.is(await other.said(), '');
  t.is(client.seen, '');
  t.false(client.closed);
  t.true((control.connections()[0]?.unacked ?? 0) >= 1);
});

test('silence for one message', async (t) => {
  const { login } = await start(t);
  const client = await login();
  client.send({ to: 'fault:silent', message_id: '1' });
  client.send({ to: 'd', message_id: '2' });
  t.is((await client.json()).message_id, '2');
});

test('poison ends the stream with an error, by message_id and by token', async (t) => {
  const { login, control } = await start(t, { poison: ['bad'] });
  for (const [message, condition] of [
    [{ to: 'd', message_id: 'bad' }, 'invalid-xml'],
    [{ to: 'fault:poison', message_id: '1' }, 'policy-violation'],
  ] as const) {
    control.setFaults({ poison_condition: condition });
    const client = await login();
    client.send({ to: 'd', message_id: 'good' });
    client.send(message);
    await client.expect(/"message_id":"good"/);
    await client.expect(new RegExp(`<stream:error><${condition} xmlns="urn:ietf:params:xml:ns:xmpp-streams"/>`));
    await client.expect(/<\/stream:stream>/);
    await client.untilClosed();
  }
  t.is(control.stats().streamErrors, 2);
});

test('doubled acks, acks of unknown ids, unknown types, swapped forms', async (t) => {
  const { login, control } = await start(t, {
    double_acks: true,
    stray_acks: true,
    unknown_types: true,
    swap_forms: true,
  });
  const client = await login();
  client.send({ to: 'd', message_id: '1' });
  await client.expect(/^<message><gcm xmlns="google:mobile:data">\{"from":"d","message_id":"1"/);
  t.like(await client.json(), { message_id: '1', message_type: 'ack' });
  t.like(await client.json(), { message_id: 'stray-1', message_type: 'ack' });
  t.like(await client.json(), { message_id: '1', message_type: 'x-emulated' });
  control.upstream();
  await client.expect(/<message [^>]*type="normal"><data:gcm xmlns:data="google:mobile:data">/);
  t.is(control.stats().acks, 1);
});

test('writes split at every byte, from the first one on', async (t) => {
  const { login } = await start(t, { split_writes: true });
  const client = await login();
  client.send({ to: 'é😀', message_id: '1' });
  t.like(await client.json(), { from: 'é😀', message_type: 'ack' });
  t.true(client.chunks.length > 800, `${client.chunks.length}`);
  t.true(client.chunks.every((chunk) => chunk.length <= 2));
  client.write('</stream:stream>');
  await client.expect(/<\/stream:stream>/);
  await client.untilClosed();
});

test('draining: told, nacked, still acking, closed by the server [fcm.md §1.10]', async (t) => {
  const { login, control } = await start(t, { hold_acks: true, drain_min: '50ms' });
  const client = await login();
  control.upstream({ from: 'x' });
  const message = await client.json();
  client.send({ to: 'd', message_id: '1' });
  await until(() => control.stats().received === 1);
  t.is(control.drain(), 1);
  const [xml] = await client.expect(/<message.*?<\/message>/);
  t.is(
    xml,
    '<message><data:gcm xmlns:data="google:mobile:data">{"message_type":"control","control_type":"CONNECTION_DRAINING"}</data:gcm></message>',
  );
  control.setFaults({ hold_acks: false });
  client.send({ to: 'd', message_id: '2' });
  t.like(await client.json(), { message_type: 'nack', message_id: '2', error: 'CONNECTION_DRAINING' });
  control.upstream({ from: 'y' });
  await pause(60); // longer than drain_min
  t.is(await client.said(), '', 'nothing new comes over a draining connection');
  t.false(client.closed);
  client.ack(message);
  await until(() => control.stats().upstreamAcked === 1);
  control.releaseAcks();
  t.like(await client.json(), { message_type: 'ack', message_id: '1' });
  await client.expect(/<\/stream:stream>/);
  client.write('</stream:stream>');
  await client.untilClosed();
  const next = await login();
  t.like(await next.json(), { from: 'y' });
  t.is(control.stats().drains, 1);
});

test('draining is over after a time, settled or not; what was not acked comes again', async (t) => {
  const { login, control } = await start(t, { hold_acks: true, drain_min: '10ms', drain_max: '100ms' });
  const client = await login();
  control.upstream({ message_id: 'u' });
  await client.json();
  client.send({ to: 'd', message_id: '1' });
  await until(() => control.stats().received === 1);
  control.drain('all');
  await client.expect(/<\/stream:stream>/);
  client.write('</stream:stream>');
  await client.untilClosed();
  const next = await login();
  t.is((await next.json()).message_id, 'u');
});

test('draining: broken JSON, no announcement, after so many messages, by token', async (t) => {
  const { login, control } = await start(t, { broken_drain_json: true });
  const client = await login();
  client.send({ to: 'fault:drain:1', message_id: '1' });
  await client.expect(/"message_id":"1","message_type":"ack"/);
  await client.expect(/\{"message_type":"control""control_type":"CONNECTION_DRAINING"\}/);
  control.setFaults({ announce_drain: false, drain_after: 2 });
  const second = await login();
  for (const id of ['1', '2', '3']) second.send({ to: 'd', message_id: id });
  const answers = await second.jsons(3);
  t.deepEqual(
    answers.map(({ message_type, error }) => error ?? message_type),
    ['ack', 'ack', 'CONNECTION_DRAINING'],
  );
});

test('faults of one connection leave the others alone', async (t) => {
  const { login, control } = await start(t);
  const first = await login();
  const second = await login();
  control.setFaults({ nack_rate: 1 }, 1);
  first.send({ to: 'd', message_id: '1' });
  second.send({ to: 'd', message_id: '2' });
  t.is((await first.json()).message_type, 'nack');
  t.is((await second.json()).message_type, 'ack');
  control.setFaults({ nack_code: 'QUOTA_EXCEEDED' });
  first.send({ to: 'd', message_id: '3' });
  t.is((await first.json()).error, 'QUOTA_EXCEEDED');
  control.resetFaults();
  first.send({ to: 'd', message_id: '4' });
  t.is((await first.json()).message_type, 'ack');
  t.throws(() => control.setFaults({}, 99), { message: /no connection 99/ });
  t.throws(() => control.setFaults({ nack_rate: 2 }));
});

test('whitespace keepalive, and an orderly end', async (t) => {
  const { login, control, emulator } = await start(t, { keepalive: '20ms' });
  const client = await login();
  await client.expect(/^ /);
  control.close();
  await client.expect(/<\/stream:stream>/);
  client.write('</stream:stream>');
  await client.untilClosed();
  const last = await login();
  await emulator.stop();
  await last.expect(/<stream:error><system-shutdown /);
  t.pass();
});

test('message_ids are counted, up to a limit, or not at all', async (t) => {
  const { login, control } = await start(t, { track_limit: 2 });
  const client = await login();
  for (const id of ['1', '2', '2', '3']) client.send({ to: id === '3' ? 'BAD_ACK' : 'd', message_id: id });
  await client.jsons(4);
  t.is(control.message('1'), undefined, 'forgotten');
  t.deepEqual(control.message('2'), { id: '2', connections: [1, 1], acks: 2, nacks: 0 });
  t.like(control.message('3'), { nacks: 1 });
  t.deepEqual(
    control.messages(2).map(({ id }) => id),
    ['2'],
  );
  t.like(control.stats(), { received: 4, repeated: 1, tracked: 2 });
  control.resetStats();
  t.like(control.stats(), { received: 0, tracked: 0, connections: { bound: 1 } });

  const other = await start(t, { track: false });
  const quiet = await other.login();
  quiet.send({ to: 'd', message_id: '1' });
  await quiet.json();
  t.like(other.control.stats(), { received: 1, tracked: 0 });
});

test('bad streams end with the right error [RFC 6120 §4.9.3]', async (t) => {
  for (const [xml, condition] of [
    ['<message><gcm xmlns="google:mobile:data">{"a":"b & c"}</gcm></message>', 'not-well-formed'],
    ['<!-- x -->', 'restricted-xml'],
    [`<message>${'x'.repeat(1_100)}`, 'policy-violation'],
    ['<foo/>', 'unsupported-stanza-type'],
  ] as const) {
    const { login } = await start(t, { max_stanza_bytes: 1_024 });
    const client = await login();
    client.write(xml);
    await client.expect(new RegExp(`<stream:error><${condition} `));
    await client.untilClosed();
  }
  t.pass();
});
