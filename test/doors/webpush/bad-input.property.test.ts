import test from 'ava';
import fc from 'fast-check';
import { FakeProvider } from '../../core/fake-provider.ts';
import { head, raw } from '../../protocols/http/raw.ts';
import { startPush } from './bench.ts';

const NAMES = ['TTL', 'Urgency', 'Topic', 'Prefer', 'Authorization', 'Content-Encoding', 'Content-Type', 'Crypto-Key'];
const VALUES = [
  '0',
  '60',
  '-1',
  'low',
  'high',
  'aes128gcm',
  'respond-async',
  'vapid t=a.b.c, k=B',
  'WebPush a.b.c',
  'dh=x;p256ecdsa=y',
];

/** Any text that a request can carry in a header, and often one that means something. */
const value = fc.oneof(
  fc.constantFrom(...VALUES),
  fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 40 }),
);
const headers = fc.array(fc.tuple(fc.constantFrom(...NAMES), value), { maxLength: 6 });

test('whatever the headers are, a push is taken or refused with words, and what is taken keeps to the rules', async (t) => {
  const { endpoint, port, faults, provider } = await startPush(t, {
    provider: new FakeProvider('xmpp', 1_000),
    door: { rate: { burst: 1_000_000 } },
  });
  const { path } = await endpoint();
  await fc.assert(
    fc.asyncProperty(headers, async (sent) => {
      const before = provider.attempts.length;
      const lines = sent.map(([name, text]) => `${name}: ${text}`);
      const request = head(`POST ${path}`, ...lines, 'content-length: 1');
      const { status, json, text } = await raw(port, `${request}x`);
      t.true([201, 202, 400, 403].includes(status), `${status} ${JSON.stringify(sent)}`);
      if (status < 300) {
        t.regex(text, /\r\nttl: \d{1,7}\r\n/);
        const { message } = await provider.attempt(before + 1);
        t.true((message.ttl ?? -1) >= 0 && (message.ttl ?? 0) <= 2_419_200);
      } else {
        t.is(typeof (json as { message: unknown }).message, 'string');
        t.is(provider.attempts.length, before);
      }
    }),
    { numRuns: 300 },
  );
  t.deepEqual(faults, []);
});
