import test from 'ava';
import { pause, start, until } from './raw-client.ts';

test('an upstream message has the form of the recordings [fcm.md §1.3, §1.8]', async (t) => {
  const { login, control } = await start(t, { category: 'com.app' });
  const client = await login();
  t.deepEqual(control.upstream({ from: 'dev:1', message_id: 'u<1', data: { Hello: 'W&rld' }, time_to_live: 10 }), [
    'u<1',
  ]);
  const [xml] = await client.expect(/<message.*?<\/message>/);
  t.is(
    xml,
    '<message to="123456@gcm.googleapis.com" from="devices@gcm.googleapis.com" type="normal"><gcm xmlns="google:mobile:data">' +
      '{"data":{"Hello":"W&amp;rld"},"time_to_live":10,"from":"dev:1","message_id":"u&lt;1","category":"com.app"}</gcm></message>',
  );
  t.is(control.connections()[0]?.upstreamUnacked, 1);
  client.send({ to: 'dev:1', message_id: 'u<1', message_type: 'ack' });
  await until(() => control.stats().upstreamAcked === 1);
  t.is(control.connections()[0]?.upstreamUnacked, 0);
  t.like(control.upstreamMessage('u<1'), { connections: [1], acks: 1 });
});

test('a foreign ack gets 406 with an echo; a repeated one is harmless [fcm.md §1.7]', async (t) => {
  const { login, control } = await start(t);
  const client = await login();
  client.write(
    '<message id="7"><gcm xmlns="google:mobile:data">{"to":"d","message_id":"x","message_type":"ack"}</gcm></message>',
  );
  const [xml] = await client.expect(/<message.*?<\/message>/);
  t.regex(xml, /^<message id="7" type="error" to="123456@gcm.googleapis.com\/[0-9A-F]+"><gcm /);
  t.regex(xml, /<error code="406" type="modify"><not-acceptable .*not sent over this connection/);
  t.is(control.stats().errors406, 1);

  // An ack of an ack is the mistake that was recorded.
  client.send({ to: 'device', message_id: 'm1' });
  client.ack(await client.json());
  await client.expect(/<error code="406"/);

  control.upstream({ from: 'd' });
  const message = await client.json();
  client.send({ to: 'another device', message_id: message.message_id, message_type: 'ack' });
  await client.expect(/<error code="406"/);
  client.ack(message);
  client.ack(message);
  await until(() => control.stats().upstreamAcked === 1);
  await client.said();
  t.is(control.stats().errors406, 3);
});

test('an ack without to gets BAD_ACK, one without message_id 400', async (t) => {
  const { login } = await start(t);
  const client = await login();
  client.send({ message_id: 'x', message_type: 'ack' });
  t.like(await client.json(), { message_type: 'nack', message_id: 'x', error: 'BAD_ACK' });
  client.send({ to: 'x', message_type: 'ack' });
  await client.expect(/<error code="400"/);
});

test('acks are valid on their connection only; what was not acked comes again after a new login [fcm.md §1.10]', async (t) => {
  const { login, control } = await start(t);
  const first = await login();
  const second = await login();
  control.upstream({ count: 4, message_id: 'u' });
  const a = await first.jsons(2);
  const b = await second.jsons(2);
  t.deepEqual([...a, ...b].map(({ message_id }) => message_id).sort(), ['u-1', 'u-2', 'u-3', 'u-4']);
  // u of the first, acked on the second: refused there.
  second.ack(a[0] ?? {});
  await second.expect(/<error code="406".*<\/message>/);
  first.ack(a[0] ?? {});
  await until(() => control.stats().upstreamAcked === 1);
  first.socket.destroy();
  await until(() => control.connections().length === 1);
  t.is(await second.said(), '', 'a connection that was there before gets nothing');
  const third = await login();
  t.is((await third.json()).message_id, a[1]?.message_id);
  t.like(control.stats(), { upstreamSent: 5, upstreamResent: 1, upstreamAcked: 1 });
  t.deepEqual(control.upstreamMessage(String(a[1]?.message_id))?.connections, [1, 3]);
});

test('upstream pauses at its window and goes on with every ack', async (t) => {
  const { login, control } = await start(t, { upstream_window: 3 });
  const client = await login();
  control.upstream({ count: 1_000, bytes: 100 });
  const first = await client.jsons(3);
  t.is(await client.said(), '');
  t.is(control.connections()[0]?.upstreamUnacked, 3);
  for (const message of first) client.ack(message);
  for (let i = 3; i < 1_000; i++) client.ack(await client.json());
  await until(() => control.stats().upstreamAcked === 1_000);
  t.is(control.stats().upstreamSent, 1_000);
});

test('the upstream window is 100 by default', async (t) => {
  const { login, control } = await start(t);
  const client = await login();
  control.upstream({ count: 200 });
  await client.jsons(100);
  t.is(await client.said(), '');
});

test('upstream waits for a connection, and not longer than its time', async (t) => {
  const { emulator, open, control } = await start(t);
  t.throws(() => control.upstream(), { message: /which sender/ });
  control.upstream({ sender: '123456', message_id: 'waits' });
  control.upstream({ sender: '123456', message_id: 'late', time_to_live: 0 });
  await pause(10);
  const client = open();
  await client.login();
  t.is((await client.json()).message_id, 'waits');
  t.is(emulator.control.stats().upstreamDropped, 1);
});

test('a receipt follows the ack, and must be acked [fcm.md §1.8]', async (t) => {
  const { login, control } = await start(t, { category: 'com.app' });
  const client = await login();
  client.send({ to: 'dev:1', message_id: '39', delivery_receipt_requested: true });
  t.like(await client.json(), { message_type: 'ack' });
  const [, body = ''] = await client.expect(
    /<message to="123456@gcm.googleapis.com" from="devices@gcm.googleapis.com" type="normal"><gcm xmlns="google:mobile:data">(.*?)<\/gcm>/,
  );
  const receipt = JSON.parse(body);
  t.like(receipt, {
    message_type: 'receipt',
    from: 'gcm.googleapis.com',
    message_id: 'dr2:39',
    category: 'com.app',
    time_to_live: 0,
    data: { message_status: 'MESSAGE_SENT_TO_DEVICE', original_message_id: '39', device_registration_id: 'dev:1' },
  });
  t.regex(receipt.data.message_sent_timestamp, /^\d{13}$/);
  t.is(control.connections()[0]?.upstreamUnacked, 1);
  client.ack(receipt);
  await until(() => control.stats().upstreamAcked === 1);
  t.is(control.stats().receipts, 1);
});

test('no receipt for a nack, a dry run or a topic; the canonical token is in it', async (t) => {
  const { login, control } = await start(t);
  const client = await login();
  const delivery_receipt_requested = true;
  client.send({ to: 'DEVICE_UNREGISTERED', message_id: '1', delivery_receipt_requested });
  client.send({ to: 'd', message_id: '2', delivery_receipt_requested, dry_run: true });
  client.send({ to: '/topics/a', message_id: '3', delivery_receipt_requested });
  client.send({ to: 'canonical:new', message_id: '4', delivery_receipt_requested });
  await client.jsons(4);
  t.like(await client.json(), { message_id: 'dr2:4', data: { device_registration_id: 'new' } });
  t.is(control.stats().receipts, 1);
});

test('upstream of one sender does not reach another', async (t) => {
  const { login, control } = await start(t);
  const mine = await login('1@gcm.googleapis.com');
  const theirs = await login('2@gcm.googleapis.com');
  control.upstream({ sender: '2' });
  await theirs.json();
  t.is(await mine.said(), '');
  t.throws(() => control.upstream(), { message: /which sender/ });
});
