import test from 'ava';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { downstream, startBridge, until } from './harness.ts';

const accepting = () => new FakeProvider('fake', 100, accept);

test('[BAL §Downstream rules] upstream is deduplicated by (provider, from, message_id)', async (t) => {
  const other = new FakeProvider('other');
  const bridge = await startBridge(t, { others: [other] });
  const backend = await bridge.logOn();
  await bridge.upstream('u1');
  await t.notThrowsAsync(bridge.upstream('u1')); // acked again, not delivered
  await bridge.upstream('u1', { n: 2 }, 'app', 'another device');
  await other.receiver?.upstream({ from: 'device', id: 'u1', session: 'app', data: '{}' });
  t.is((await backend.sync()).length, 3);
});

test('[BAL §Downstream rules] upstream for an unknown session is a dead letter, and acked', async (t) => {
  const bridge = await startBridge(t);
  await t.notThrowsAsync(bridge.upstream('u1', {}, 'nobody'));
  t.is((await bridge.store.stats()).deadLetters, 1);
});

test('[BAL §Downstream rules] upstream that the store refuses is not acked', async (t) => {
  const bridge = await startBridge(t);
  const heal = bridge.gates.refuse('receive');
  await t.throwsAsync(bridge.upstream('u1'));
  heal();
  await bridge.upstream('u1'); // what the service sends again is no duplicate
  t.is(bridge.store.waiting('app'), 1);
});

/** A receipt as a provider hands it in. */
const receipt = (provider: FakeProvider, wireId: string, id = `r-${wireId}`) =>
  provider.receiver?.receipt({
    from: 'token',
    id,
    wireId,
    data: (messageId) => JSON.stringify({ data: { original_message_id: messageId, message_status: 'MESSAGE_SENT' } }),
  });

test('[BAL §Downstream rules] a receipt goes to the connection that submitted, under the backend’s own id', async (t) => {
  const bridge = await startBridge(t, { provider: accepting() });
  const a = await bridge.logOn();
  const b = await bridge.logOn();
  a.send(downstream('m1', { group_id: 'g' }, { delivery_receipt_requested: true }));
  await a.next();
  const wireId = bridge.provider.attempts[0]?.message.wireId ?? '';
  t.not(wireId, 'm1');
  await receipt(bridge.provider, wireId);
  await receipt(bridge.provider, wireId); // a duplicate
  t.deepEqual(await a.next(), {
    message_type: 'DOWNSTREAM_RECEIPT',
    sequence_id: 2,
    session_id: 'app',
    message_id: 'm1',
    group_id: 'g',
    fcm_data: { data: { original_message_id: 'm1', message_status: 'MESSAGE_SENT' } },
  });
  t.deepEqual([await a.sync(), await b.sync()], [[], []]);
});

test('[BAL §Downstream rules] a receipt without an entry in the index is a dead letter', async (t) => {
  const bridge = await startBridge(t, { provider: accepting() });
  const backend = await bridge.logOn();
  backend.send(downstream('m1')); // asked for no receipt
  await backend.next();
  await receipt(bridge.provider, bridge.provider.attempts[0]?.message.wireId ?? '');
  await receipt(bridge.provider, 'unheard-of');
  t.deepEqual(await backend.sync(), []);
  t.is((await bridge.store.stats()).deadLetters, 2);
});

test('[BAL §Downstream rules] a receipt after its connection closed goes to another one', async (t) => {
  const bridge = await startBridge(t, { provider: accepting() });
  const a = await bridge.logOn();
  a.send(downstream('m1', {}, { delivery_receipt_requested: true }));
  a.ack((await a.next()).sequence_id);
  await a.sync();
  a.destroy();
  await until(() => bridge.door.connections === 0);
  await receipt(bridge.provider, bridge.provider.attempts[0]?.message.wireId ?? '');
  t.like(await (await bridge.logOn()).next(), { message_type: 'DOWNSTREAM_RECEIPT', message_id: 'm1' });
});
