import test from 'ava';
import fc from 'fast-check';
import { start as startApns } from '../apns/stage.ts';
import { start } from './stage.ts';

const names = fc.constantFrom(
  ...['message', 'validate_only', 'token', 'topic', 'condition', 'data', 'android', 'apns', 'webpush', 'notification'],
  ...['ttl', 'priority', 'headers', 'payload', 'fcmOptions', 'analytics_label', 'vibrate_timings', '__proto__', 'x'],
);

/** JSON that looks like a message here and there. */
const { body } = fc.letrec((tie) => ({
  body: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, 5, -0.5, '', 'UNAVAILABLE:1', '3s', 'HIGH', "'a' in topics", '\ud800'),
    fc.string(),
    fc.array(tie('body'), { maxLength: 4 }),
    fc.dictionary(names, tie('body'), { maxKeys: 5 }),
  ),
}));

const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

test('whatever is sent gets an answer of FCM', async (t) => {
  const { login, control } = await start(t);
  const { send } = await login();
  const property = fc.asyncProperty(body, async (message) => {
    const { status } = await send(JSON.stringify({ message }));
    return [200, 400, 503].includes(status);
  });
  await fc.assert(property, { numRuns: 500 });
  for (const text of ['', '\0', deep(60_000), `{"message":${deep(60_000)}}`, `{"message":{"token":${deep(60_000)}}}`]) {
    t.is((await send(text)).status, 400);
  }
  t.is(control.stats().connections, 1);
});

test('whatever is sent gets an answer of APNs', async (t) => {
  const { open, control } = await startApns(t);
  const { push } = open();
  const printable = fc.string({ unit: 'grapheme-ascii', maxLength: 30 }).map((text) => text.trim());
  const property = fc.asyncProperty(printable, printable, fc.string(), async (device, value, payload) => {
    const more = { 'apns-topic': value, 'apns-id': value, 'apns-priority': value, authorization: value };
    const path = `/3/device/${encodeURIComponent(device)}`;
    const { status } = await push(device, { ...more, ':path': path }, payload);
    return status >= 400 && status < 500;
  });
  await fc.assert(property, { numRuns: 200 });
  t.is(control.stats().connections, 1);
});
