import test from 'ava';
import { packClear, packEncrypted, unpackClear, unpackEncrypted } from '../../../src/providers/webpush/batches.ts';
import { keysOf, receiver } from './stage.ts';

test('messages come out as they went in, the empty and the largest too', (t) => {
  const messages = [0, 1, 4_096, 65_535].map((bytes) => ({ keys: keysOf(receiver()), body: Buffer.alloc(bytes, 9) }));
  const out = unpackClear(packClear(messages)).map(({ to, body }) => ({
    keys: { p256dh: to.point.toString('base64url'), auth: Buffer.from(to.auth).toString('base64url') },
    body,
  }));
  t.deepEqual(out, messages);
});

test('keys that are too short or too long spoil nobody else', (t) => {
  const good = { keys: keysOf(receiver()), body: Buffer.from('good') };
  const bad = { keys: { p256dh: 'A'.repeat(1_000), auth: '' }, body: Buffer.from('bad') };
  const out = unpackClear(packClear([bad, good]));
  t.deepEqual(
    out.map(({ body }) => Buffer.from(body).toString()),
    ['bad', 'good'],
  );
  t.is(out[1]?.to.point.toString('base64url'), good.keys.p256dh);
});

test('results come out as they went in, and those that are none stay none', (t) => {
  const results = [undefined, Buffer.from('a'), undefined, Buffer.alloc(5_000, 1)];
  t.deepEqual(unpackEncrypted(packEncrypted(results)), results);
  t.deepEqual(unpackEncrypted(packEncrypted([])), []);
});
