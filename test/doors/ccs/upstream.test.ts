import test from 'ava';
import { accept, FakeProvider, gcm, type Json, message, startDoor, until } from './harness.ts';

test('an upstream message has the form of the recordings [fcm.md §1.3]', async (t) => {
  const { login, upstream, store } = await startDoor(t);
  const client = await login();
  await upstream('u1');
  const [xml] = await client.expect(/<message.*?<\/message>/);
  t.is(
    xml,
    '<message to="123456@gcm.googleapis.com" from="devices@gcm.googleapis.com" type="normal"><gcm xmlns="google:mobile:data">' +
      '{"from":"device:1","category":"com.example.app","message_id":"u1","data":{"n":"u1"}}</gcm></message>',
  );
  t.is(store.waiting('ccs:123456'), 1);
  client.ack({ from: 'device:1', message_id: 'u1' });
  await until(() => store.waiting('ccs:123456') === 0);
});

test('what waited before the login follows it, oldest first', async (t) => {
  const { login, upstream } = await startDoor(t);
  for (const id of ['u1', 'u2', 'u3']) await upstream(id);
  const client = await login();
  t.deepEqual(
    (await client.jsons(3)).map(({ message_id }) => message_id),
    ['u1', 'u2', 'u3'],
  );
});

test('nothing flows before the connection is bound', async (t) => {
  const { open, upstream } = await startDoor(t);
  await upstream('u1');
  const client = open();
  await client.login();
  t.regex(client.chunks.join(''), /<jid>[^<]*<\/jid><\/bind><\/iq>(?:<message|$)/);
  t.like(await client.json(), { message_id: 'u1' });
});

test('apps of another sender, and of nobody, do not come here', async (t) => {
  const { login, upstream, store } = await startDoor(t, {
    senders: [
      { id: '1', key: 'key', provider: 'fake', apps: ['com.a', 'com.b'] },
      { id: '2', key: 'key', provider: 'fake', apps: ['com.c'] },
    ],
  });
  const one = await login('1@gcm.googleapis.com');
  const two = await login('2@gcm.googleapis.com');
  for (const app of ['com.a', 'com.b', 'com.c', 'ccs:1', 'com.nobody']) await upstream(app, {}, 'device:1', app);
  t.deepEqual(
    (await one.jsons(2)).map(({ category }) => category),
    ['com.a', 'com.b'],
  );
  t.like(await two.json(), { category: 'com.c' });
  t.is((await store.stats()).deadLetters, 2);
});

test('upstream_window: at the limit it goes on, one past it waits for an ack', async (t) => {
  const { login, upstream, facts } = await startDoor(t, { options: { upstream_window: 2 } });
  const client = await login();
  for (const id of ['u1', 'u2', 'u3']) await upstream(id);
  const [first] = await client.jsons(2);
  t.is(await client.said(), '');
  t.is(facts().upstream_unacked, 2);
  client.ack(first ?? {});
  t.like(await client.json(), { message_id: 'u3' });
});

test('what is not acked when a connection goes comes again on another one [fcm.md §1.8]', async (t) => {
  const { login, upstream, store } = await startDoor(t);
  const first = await login();
  await upstream('u1');
  await upstream('u2');
  const [u1] = await first.jsons(2);
  first.ack(u1 ?? {});
  await until(() => store.waiting('ccs:123456') === 1);
  first.socket.destroy();
  const second = await login();
  const again = await second.json();
  t.like(again, { message_id: 'u2' });
  second.ack(again);
  await until(() => store.waiting('ccs:123456') === 0);
  t.is(await second.said(), '');
});

test('what is not acked goes to a connection that is there already', async (t) => {
  const { login, upstream } = await startDoor(t, { options: { upstream_window: 1 } });
  const clients = [await login(), await login()];
  await upstream('u1');
  await until(() => clients.some(({ seen }) => seen.includes('u1')));
  const [other, holder] = clients.sort((a, b) => a.seen.length - b.seen.length);
  t.is(other?.seen, '');
  holder?.socket.destroy();
  t.like(await other?.json(), { message_id: 'u1' });
});

test('an ack of something that was not sent over this connection is a 406; a repeated one is harmless [fcm.md §1.7]', async (t) => {
  const { login, upstream } = await startDoor(t);
  const client = await login();
  await upstream('u1');
  const u1 = await client.json();
  for (const foreign of [
    { from: 'device:2', message_id: 'u1' },
    { from: 'device:1', message_id: 'u2' },
  ]) {
    client.ack(foreign);
    const [xml] = await client.expect(/<message[^>]* type="error".*?<\/message>/);
    t.regex(xml, /<error code="406" type="modify"><not-acceptable/);
    t.regex(xml, /acks for messages not sent over this connection/);
  }
  client.ack(u1);
  client.ack(u1);
  t.is(await client.said(), '');
  const other = await login();
  other.ack(u1);
  await other.expect(/code="406"/);
});

test('an ack of our ack is a 406, not an endless loop', async (t) => {
  const { login } = await startDoor(t, { provider: new FakeProvider('fake', 100, accept) });
  const client = await login();
  client.send(message('m1'));
  client.ack(await client.json());
  await client.expect(/code="406".*?<\/message>/);
  t.is(await client.said(), '');
});

test('an ack without an address is BAD_ACK [fcm.md §1.6]', async (t) => {
  const { login, upstream, store } = await startDoor(t);
  const client = await login();
  await upstream('u1');
  await client.json();
  client.send({ message_id: 'u1', message_type: 'ack' });
  t.like(await client.json(), { message_type: 'nack', message_id: 'u1', error: 'BAD_ACK' });
  t.is(store.waiting('ccs:123456'), 1);
});

test('two devices may use the same id', async (t) => {
  const { login, upstream, store } = await startDoor(t);
  const client = await login();
  await upstream('u1', {}, 'device:1');
  await upstream('u1', {}, 'device:2');
  for (const one of await client.jsons(2)) client.ack(one);
  await until(() => store.waiting('ccs:123456') === 0);
  t.pass();
});

test('an id that is a number, or a type of its own, does not confuse the app server', async (t) => {
  const { login, upstream } = await startDoor(t);
  const client = await login();
  await upstream('5', { message_id: 5, message_type: 'control', control_type: 'CONNECTION_DRAINING' });
  const seen: Json = await client.json();
  t.is(seen.message_id, '5');
  t.false('message_type' in seen);
  client.ack(seen);
  t.is(await client.said(), '');
});

test('acks that the store refuses are kept and written down later', async (t) => {
  const { login, upstream, gates, store } = await startDoor(t);
  const client = await login();
  await upstream('u1');
  const u1 = await client.json();
  const heal = gates.refuse('ackInbox');
  client.ack(u1);
  await gates.called('ackInbox', 1);
  heal();
  await until(() => store.waiting('ccs:123456') === 0);
  t.pass();
});

test('a receipt: from CCS itself, with the own id of the sender behind dr2: [fcm.md §1.8]', async (t) => {
  const { login, provider, store } = await startDoor(t, { provider: new FakeProvider('fake', 100, accept) });
  const client = await login();
  client.send(message('m1', { delivery_receipt_requested: true }));
  await client.json();
  const { wireId } = (await provider.attempt(1)).message;
  await provider.receiver?.receipt({
    from: 'somewhere',
    id: `dr2:${wireId}`,
    wireId,
    data: (id) =>
      JSON.stringify({
        category: 'com.example.app',
        message_id: `dr2:${id}`,
        data: { device_registration_id: 'device:1' },
      }),
  });
  const receipt = await client.json();
  t.deepEqual(receipt, {
    category: 'com.example.app',
    message_id: 'dr2:m1',
    message_type: 'receipt',
    from: 'gcm.googleapis.com',
    data: { message_status: 'MESSAGE_SENT_TO_DEVICE', device_registration_id: 'device:1', original_message_id: 'm1' },
  });
  client.write(gcm({ to: 'gcm.googleapis.com', message_id: 'dr2:m1', message_type: 'ack' }));
  await until(() => store.waiting('ccs:123456') === 0);
  t.is(await client.said(), '');
});

test('a connection that does not read is given no more than it may clog, and the rest when it reads again', async (t) => {
  const { login, upstream, facts } = await startDoor(t, { options: { upstream_window: 1_000 } });
  const client = await login();
  client.socket.pause();
  const count = 600; // some 30 MB: more than the buffers of the system and ours
  for (let n = 1; n <= count; n++) await upstream(`u${n}`, { pad: 'x'.repeat(50_000) });
  const given = facts().upstream_unacked ?? count;
  t.true(given < count / 2, `${given} of ${count}`);
  client.socket.resume();
  await until(() => facts().upstream_unacked === count);
  t.like((await client.jsons(count)).at(-1), { message_id: `u${count}` });
});
