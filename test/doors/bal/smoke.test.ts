import test from 'ava';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { downstream, startBridge } from './harness.ts';

test('a DOWNSTREAM is taken, delivered, acked, and the ACK ends it', async (t) => {
  const bridge = await startBridge(t, { provider: new FakeProvider('fake', 100, accept) });
  const backend = await bridge.logOn({ confirm: true });
  backend.send(downstream('m1'));
  const [taken, ack] = await backend.take(2);
  t.deepEqual(taken, { message_type: 'DOWNSTREAM_TAKEN', message_ids: ['m1'] });
  t.is(ack?.message_type, 'DOWNSTREAM_ACK');
  t.is(ack?.sequence_id, 1);
  t.is(bridge.store.waiting('app'), 1);
  backend.ack(1);
  t.deepEqual(await backend.sync(), []);
  t.is(bridge.store.waiting('app'), 0);
});
