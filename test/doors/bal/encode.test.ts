import test from 'ava';
import { encodeWithin } from '../../../src/doors/bal/encode.ts';

const upstream = (data: unknown) => ({
  message_type: 'UPSTREAM' as const,
  sequence_id: 1,
  session_id: 'app',
  message_id: 'u1',
  fcm_data: JSON.stringify(data),
});
const body = (bytes: Buffer) => JSON.parse(bytes.toString('utf8', 4)) as Record<string, unknown>;
const size = (data: unknown) => encodeWithin(upstream(data), 'json', 100_000).bytes.length - 4;

test('a frame at the limit goes out whole, one past it without its nested values', (t) => {
  const data = { from: 'device', data: { text: 'x'.repeat(500) } };
  const limit = size(data);
  t.is(encodeWithin(upstream(data), 'json', limit).left, undefined);
  const cut = encodeWithin(upstream(data), 'json', limit - 1);
  t.is(cut.left, 'nested values');
  t.deepEqual(body(cut.bytes).fcm_data, { from: 'device' });
});

test('plain values that are too large stay behind too: the frame is delivered and can be acknowledged', (t) => {
  const cut = encodeWithin(upstream({ from: 'd'.repeat(500) }), 'json', 300);
  t.is(cut.left, 'everything');
  t.like(body(cut.bytes), { sequence_id: 1, message_id: 'u1', fcm_data: {} });
});

test('data deeper than Qt can carry goes out without it', (t) => {
  let nested: unknown = 1;
  for (let i = 0; i < 70; i++) nested = [nested];
  t.is(encodeWithin(upstream({ from: 'device', nested }), 'qt', 65_536).left, 'nested values');
  t.is(encodeWithin(upstream({ from: 'device', nested }), 'json', 65_536).left, undefined);
});
