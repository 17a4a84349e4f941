import test, { type ExecutionContext } from 'ava';
import { StoreError } from '../../../src/core/index.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { startApp } from './bench.ts';

/** A door, and a message whose receipt is awaited. */
async function delivered(t: ExecutionContext) {
  const provider = new FakeProvider('fake', 10, accept);
  const bench = await startApp(t, { providers: [provider] });
  await bench.core.router.submit('app', [bench.submission({ messageId: 'mine', groupId: 'g', receipt: true })]);
  await bench.settle();
  const wireId = provider.attempts[0]?.message.wireId ?? '';
  return { ...bench, wireId, carried: `fake/${wireId}` };
}

test('a receipt becomes what CCS would have given to the backend, field by field', async (t) => {
  const { receipt, carried, inbox, clock } = await delivered(t);
  const at = clock.now();
  t.like(await receipt({ receipt: carried }), { status: 200, json: { status: 'stored' } });
  const read = { status: 'MESSAGE_READ_BY_USER', timestamp: 1_700_000_000_123 };
  t.like(await receipt({ receipt: carried, ...read }), { status: 200, json: { status: 'stored' } });
  const [, first, second] = await inbox();
  t.like(first, { type: 'receipt', messageId: 'mine', groupId: 'g' });
  const data = {
    message_status: 'MESSAGE_SENT_TO_DEVICE',
    original_message_id: 'mine',
    device_registration_id: 'device',
    message_sent_timestamp: String(at),
  };
  const fields = {
    message_type: 'receipt',
    from: 'gcm.googleapis.com',
    message_id: 'dr2:mine',
    category: 'app',
    time_to_live: 0,
  };
  t.deepEqual(JSON.parse(first?.data ?? ''), { ...fields, data });
  t.deepEqual(JSON.parse(second?.data ?? ''), {
    ...fields,
    data: { ...data, message_status: 'MESSAGE_READ_BY_USER', message_sent_timestamp: '1700000000123' },
  });
});

test('a repeat is a duplicate; every device of a message has its own receipt', async (t) => {
  const { receipt, carried, inbox } = await delivered(t);
  for (const [fields, status] of [
    [{}, 'stored'],
    [{}, 'duplicate'],
    [{ timestamp: 5 }, 'duplicate'],
    [{ from: 'other' }, 'stored'],
  ] as const) {
    t.like(await receipt({ receipt: carried, ...fields }), { status: 200, json: { status } });
  }
  t.is((await inbox()).length, 3);
});

test('a receipt that nobody awaits, or of another provider: 404, and no dead letter', async (t) => {
  const { receipt, wireId, store } = await delivered(t);
  for (const unknown of ['fake/never', `other/${wireId}`, `fake/${wireId}/`]) {
    t.like(await receipt({ receipt: unknown }), { status: 404, json: { error: 'unknown_message' } });
  }
  t.is((await store.stats()).deadLetters, 0);
});

test('an expired one: 404', async (t) => {
  const { receipt, carried, store, clock } = await delivered(t);
  // An hour of life, and an hour of grace after it.
  clock.jump(2 * 3_600_000 + 1);
  while (await store.sweep(clock.now()));
  t.is((await receipt({ receipt: carried })).status, 404);
});

test('the receipt of a message of another session: 404', async (t) => {
  const provider = new FakeProvider('fake', 10, accept);
  const bench = await startApp(t, { providers: [provider] });
  await bench.store.accept([bench.submission({ session: 'foreign', receipt: true })]);
  await bench.settle();
  const wireId = (await provider.attempt(1)).message.wireId;
  t.truthy(await bench.store.receiptFor('fake', wireId));
  t.is((await bench.receipt({ receipt: `fake/${wireId}` })).status, 404);
});

test('a store that can not be asked: 503', async (t) => {
  const { receipt, carried, gated } = await delivered(t);

  gated.refuse('receiptFor', new StoreError('failed', 'gone'));
  t.like(await receipt({ receipt: carried }), { status: 503, json: { error: 'unavailable' } });
});
