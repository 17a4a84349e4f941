import test from 'ava';
import { StoreError } from '../../../src/core/index.ts';
import { message, startApp } from './bench.ts';

test('a message becomes what CCS would have given to the backend, field by field', async (t) => {
  const { upstream, inbox } = await startApp(t);
  const data = { text: 'Grüße <&> 😀', '': '', k: '\u0000\ud800' };
  t.like(await upstream({ message_id: 'ü1', data, time_to_live: 0 }), { status: 200, json: { status: 'stored' } });
  t.like(await upstream({ message_id: 'u2' }), { status: 200, json: { status: 'stored' } });
  const [first, second] = await inbox();
  t.like(first, { type: 'upstream', messageId: 'ü1', sequence: 1 });
  t.deepEqual(JSON.parse(first?.data ?? ''), {
    from: 'device',
    category: 'app',
    message_id: 'ü1',
    data,
    time_to_live: 0,
  });
  t.deepEqual(JSON.parse(second?.data ?? ''), { ...message, message_id: 'u2' });
});

test('[promise 1] the answer comes after the commit', async (t) => {
  const { upstream, gated, inbox } = await startApp(t);
  const open = gated.hold('receive');
  let status = 0;
  const asked = upstream().then((answer) => (status = answer.status));
  await gated.called('receive', 1);
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.is(status, 0);
  open();
  t.is(await asked, 200);
  t.is((await inbox()).length, 1);
});

test('a repeat is a duplicate, whatever else it says; another device or id is none', async (t) => {
  const { upstream, inbox } = await startApp(t);
  for (const [fields, status] of [
    [{}, 'stored'],
    [{}, 'duplicate'],
    [{ data: { text: 'other' } }, 'duplicate'],
    [{ from: 'other' }, 'stored'],
    [{ message_id: 'u2' }, 'stored'],
  ] as const) {
    t.like(await upstream(fields), { status: 200, json: { status } });
  }
  t.is((await inbox()).length, 3);
});

test('the same message twice at once is stored once, and both are told', async (t) => {
  const { upstream, inbox } = await startApp(t);
  const answers = await Promise.all([upstream(), upstream(), upstream()]);
  t.deepEqual(answers.map(({ json }) => json.status).sort(), ['duplicate', 'duplicate', 'stored']);
  t.is((await inbox()).length, 1);
});

test('an inbox that is full is no place for dead letters: 503, and later it goes', async (t) => {
  const { upstream, store } = await startApp(t, { maxInbox: 1 });
  t.is((await upstream({ message_id: 'u1' })).status, 200);
  const full = await upstream({ message_id: 'u2' });
  t.like(full, { status: 503, json: { error: 'inbox_full' } });
  t.is(full.headers.get('retry-after'), '30');
  t.like(await upstream({ message_id: 'u1' }), { status: 200, json: { status: 'duplicate' } });
  await store.ackInbox('app', [1], 0);
  t.like(await upstream({ message_id: 'u2' }), { status: 200, json: { status: 'stored' } });
  t.is((await store.stats()).deadLetters, 0);
});

test('a store in trouble: 503, and a repeat is taken when it is well', async (t) => {
  const { upstream, gated, inbox, faults } = await startApp(t);
  for (const code of ['full', 'failed', 'dead', 'closed'] as const) {
    const heal = gated.refuse('receive', new StoreError(code, 'the disk is gone'));
    const answer = await upstream();
    t.like(answer, { status: 503, json: { error: 'unavailable' } });
    t.is(answer.headers.get('retry-after'), '5');
    heal();
  }
  t.like(await upstream(), { status: 200, json: { status: 'stored' } });
  t.is((await inbox()).length, 1);
  t.deepEqual(faults, []);
});

test('a fault of the store is a fault of ours: 500, told to the operator and not to the app', async (t) => {
  const { upstream, gated, faults } = await startApp(t);
  gated.refuse('receive', new StoreError('fault', 'constraint failed'));
  t.like(await upstream(), { status: 500, json: { error: 'internal', message: 'something went wrong here' } });
  t.like(faults, [{ message: 'constraint failed' }]);
});

test('what no frame can carry is refused', async (t) => {
  const { upstream, store } = await startApp(t);
  t.like(await upstream({ data: { text: 'x'.repeat(1_000) } }), { status: 413, json: { error: 'too_large' } });
  t.is((await store.stats()).deadLetters, 0);
});
