import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { brief, downstream, type Json, startBridge } from './harness.ts';

const accepting = () => new FakeProvider('fake', 100, accept);

test('[BAL §Downstream rules] a repeat while pending: nothing but TAKEN', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn({ confirm: true });
  backend.send(downstream('m1'));
  const attempt = await bridge.provider.attempt(1);
  backend.send(downstream('m1'), downstream('m1'));
  t.deepEqual(
    (await backend.sync()).flatMap((frame) => frame.message_ids),
    ['m1', 'm1', 'm1'],
  );
  attempt.answer(accept(attempt.message));
  t.deepEqual(brief(await backend.take(1)), ['DOWNSTREAM_ACK m1']);
  t.deepEqual(await backend.sync(), []);
  t.is(bridge.provider.attempts.length, 1);
});

test('[BAL §Downstream rules] a repeat whose outcome waits for its ACK: that frame again', async (t) => {
  const bridge = await startBridge(t, { provider: accepting() });
  const backend = await bridge.logOn();
  backend.send(downstream('m1'));
  const first = await backend.next();
  backend.send(downstream('m1'));
  t.deepEqual(await backend.next(), first);
  backend.ack(first.sequence_id);
  t.deepEqual(await backend.sync(), []);
  t.is(bridge.store.waiting('app'), 0);
  t.is(bridge.provider.attempts.length, 1);
});

test('[BAL §Downstream rules] a repeat whose outcome was acknowledged: a new frame with a new number', async (t) => {
  const bridge = await startBridge(t, { provider: accepting() });
  const backend = await bridge.logOn();
  backend.send(downstream('m1'));
  const first = await backend.next();
  backend.ack(first.sequence_id);
  await backend.sync();
  backend.send(downstream('m1'));
  t.deepEqual(await backend.next(), { ...first, sequence_id: 2 });
  t.is(bridge.provider.attempts.length, 1);
});

test('[BAL §Downstream rules] the same content has the same digest whatever the order of its keys', async (t) => {
  const bridge = await startBridge(t, { provider: accepting() });
  const backend = await bridge.logOn();
  const send = (fcm_data: Json, fields: Json = {}) =>
    backend.send({ message_type: 'DOWNSTREAM', message_id: 'm1', ...fields, fcm_data });
  send({ to: 'token', data: { a: 1, b: [{ c: 2, d: 3 }] } });
  await backend.next();
  send({ data: { b: [{ d: 3, c: 2 }], a: 1 }, to: 'token' });
  t.like(await backend.next(), { message_type: 'DOWNSTREAM_ACK', sequence_id: 1 });
  for (const [data, fields] of [
    [{ to: 'token', data: { a: 1, b: [{ c: 2, d: 4 }] } }, {}],
    [{ to: 'token', data: { a: 1, b: [{ c: 2, d: 3 }] } }, { group_id: 'g' }],
    [{ to: 'token', data: { a: 1, b: [{ c: 2, d: 3 }] } }, { provider: 'fake' }],
  ] as const) {
    send(data, fields);
    t.like(await backend.next(), { error: 'DUPLICATE_MESSAGE_ID', taken: false });
  }
});

test('[BAL §Downstream rules] other content under the id of a pending message is refused and does not settle it', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn({ confirm: true });
  backend.send(downstream('m1'));
  await backend.next();
  const attempt = await bridge.provider.attempt(1);
  backend.send(downstream('m1', {}, { to: 'other' }));
  const refused = await backend.next();
  t.like(refused, {
    message_type: 'DOWNSTREAM_REJECT',
    message_id: 'm1',
    error: 'DUPLICATE_MESSAGE_ID',
    taken: false,
    fcm_data: { message_id: 'm1', to: 'other' },
  });
  t.false('sequence_id' in refused);
  attempt.answer(accept(attempt.message));
  t.like(await backend.next(), { message_type: 'DOWNSTREAM_ACK', message_id: 'm1', sequence_id: 1 });
});

test('[BAL §Downstream rules] the window of repeats ends dedupe_window after the outcome', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock, provider: accepting() });
  const backend = await bridge.logOn();
  backend.send(downstream('m1'));
  await backend.next();
  await clock.advance(3_599_000);
  backend.send(downstream('m1', {}, { to: 'other' }));
  t.is((await backend.next()).error, 'DUPLICATE_MESSAGE_ID');
  await clock.advance(10_000);
  backend.send(downstream('m1', {}, { to: 'other' }));
  t.like(await backend.next(), { message_type: 'DOWNSTREAM_ACK', sequence_id: 2 });
});

const invalid: readonly (readonly [string, Json, RegExp])[] = [
  ['message_type', { message_type: 'x' }, /fcm_data\.message_type/],
  ['from', { from: 'x' }, /fcm_data\.from/],
  ['registration_ids', { registration_ids: ['x'] }, /fcm_data\.registration_ids/],
  ['no target', { to: undefined }, /fcm_data\.to/],
  ['two targets', { condition: "'a' in topics" }, /fcm_data\.condition/],
  ['a target of another type', { to: 5 }, /fcm_data\.to/],
  ['a TTL below 0', { time_to_live: -1 }, /time_to_live/],
  ['a TTL beyond four weeks', { time_to_live: 2_419_201 }, /time_to_live/],
  ['a TTL with a fraction', { time_to_live: 0.5 }, /time_to_live/],
  ['a TTL as text', { time_to_live: '60' }, /time_to_live/],
  ['a receipt flag as text', { delivery_receipt_requested: 'true' }, /delivery_receipt_requested/],
];

test('[BAL §Downstream rules] INVALID_MESSAGE names the field, is not stored and makes no dedupe entry', async (t) => {
  const bridge = await startBridge(t, { provider: accepting() });
  const backend = await bridge.logOn();
  for (const [what, data, field] of invalid) {
    backend.send(downstream('m1', { group_id: 'g' }, data));
    const refused = await backend.next();
    t.like(refused, {
      message_type: 'DOWNSTREAM_REJECT',
      session_id: 'app',
      message_id: 'm1',
      group_id: 'g',
      error: 'INVALID_MESSAGE',
      taken: false,
    });
    t.false('sequence_id' in refused, what);
    t.regex(String(refused.error_string), field, what);
    t.is(refused.error_description, refused.error_string);
  }
  t.is(bridge.store.waiting('app'), 0);
  backend.send(downstream('m1', { group_id: 'g' })); // the id is still free
  t.is((await backend.next()).message_type, 'DOWNSTREAM_ACK');
});

test('[BAL §Downstream rules] a key twice in fcm_data is INVALID_MESSAGE', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  backend.send('{"message_type":"DOWNSTREAM","message_id":"m1","fcm_data":{"to":"t","data":{"a":1,"a":2}}}');
  const refused = await backend.next();
  t.like(refused, { message_type: 'DOWNSTREAM_REJECT', message_id: 'm1', error: 'INVALID_MESSAGE' });
  t.regex(String(refused.error_string), /"a"/);
});

test('[BAL §Downstream rules] time_to_live may be four weeks', async (t) => {
  const bridge = await startBridge(t, { provider: accepting() });
  const backend = await bridge.logOn();
  backend.send(downstream('m1', {}, { time_to_live: 2_419_200 }));
  t.is((await backend.next()).message_type, 'DOWNSTREAM_ACK');
});

test('[BAL §Downstream rules] a frame whose message id can not be read: INVALID_FRAME and a close', async (t) => {
  const bridge = await startBridge(t);
  for (const message_id of [7, null, 'x'.repeat(1_025)]) {
    const backend = await bridge.logOn();
    backend.send({ message_type: 'DOWNSTREAM', message_id, fcm_data: { to: 't' } });
    t.deepEqual(brief(await backend.untilEnd()), ['ERROR INVALID_FRAME']);
  }
});

test('[BAL §Error codes] PAYLOAD_TOO_LARGE comes from the provider’s own rule, at the door', async (t) => {
  const bridge = await startBridge(t);
  bridge.provider.refusal = { code: 'PAYLOAD_TOO_LARGE', because: 'data: more than 4096 bytes' };
  const backend = await bridge.logOn();
  backend.send(downstream('m1'));
  t.like(await backend.next(), {
    message_type: 'DOWNSTREAM_REJECT',
    error: 'PAYLOAD_TOO_LARGE',
    error_string: 'data: more than 4096 bytes',
    taken: false,
  });
  t.is(bridge.gates.calls('accept'), 0);
});

test('[BAL §Downstream rules] provider must be one that the session may use; the first is the default', async (t) => {
  const [one, two] = [accepting(), new FakeProvider('two', 100, accept)];
  const three = new FakeProvider('three', 100, accept);
  const bridge = await startBridge(t, {
    provider: one,
    others: [two, three],
    sessions: [{ id: 'app', providers: ['two', 'fake'] }],
  });
  const backend = await bridge.logOn();
  backend.send(downstream('m1'), downstream('m2', { provider: 'fake' }));
  await backend.take(2);
  t.deepEqual([one.attempts.length, two.attempts.length], [1, 1]);
  t.is(two.attempts[0]?.message.messageId, 'm1');
  for (const provider of ['three', 'nowhere']) {
    backend.send(downstream('m3', { provider }));
    t.like(await backend.next(), { error: 'NO_PROVIDER', message_id: 'm3', taken: false });
  }
  t.is(three.attempts.length, 0);
});

test('[BAL §Downstream rules] rejects at the door keep their place among answers of the same batch', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn({ confirm: true });
  backend.send(downstream('m1'), downstream('bad', {}, { from: 'x' }), downstream('m2'));
  const frames = await backend.take(2);
  t.deepEqual(frames.flatMap((frame) => frame.message_ids ?? frame.message_id).sort(), ['bad', 'm1', 'm2']);
});
