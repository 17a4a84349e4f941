import test from 'ava';
import { judge } from '../../../src/providers/webpush/outcomes.ts';
import { message } from '../contract.ts';
import { stage } from './stage.ts';

const NOW = 1_700_000_000_000;
const response = (status: number, headers: Readonly<Record<string, string>> = {}, body = '') =>
  ({ kind: 'response', status, headers, body: Buffer.from(body) }) as const;
const judged = (...args: Parameters<typeof response>) =>
  judge(response(...args), message('https://push.example'), NOW, () => 0);

const table: readonly (readonly [status: number, kind: string, code?: string, scope?: string])[] = [
  [200, 'accepted'],
  [201, 'accepted'],
  [202, 'accepted'],
  [204, 'accepted'],
  [301, 'refused', 'BAD_REGISTRATION'],
  [307, 'refused', 'BAD_REGISTRATION'],
  [400, 'refused', 'INVALID_MESSAGE'],
  [401, 'refused', 'BAD_REGISTRATION'],
  [403, 'refused', 'BAD_REGISTRATION'],
  [404, 'gone', 'DEVICE_UNREGISTERED'],
  [405, 'refused', 'INVALID_MESSAGE'],
  [408, 'later', 'SERVICE_UNAVAILABLE', 'message'],
  [410, 'gone', 'DEVICE_UNREGISTERED'],
  [413, 'refused', 'PAYLOAD_TOO_LARGE'],
  [415, 'refused', 'INVALID_MESSAGE'],
  [425, 'later', 'SERVICE_UNAVAILABLE', 'message'],
  [429, 'later', 'DEVICE_MESSAGE_RATE_EXCEEDED', 'target'],
  [500, 'later', 'SERVICE_UNAVAILABLE', 'message'],
  [502, 'later', 'SERVICE_UNAVAILABLE', 'message'],
  [503, 'later', 'SERVICE_UNAVAILABLE', 'message'],
  [507, 'later', 'SERVICE_UNAVAILABLE', 'message'],
  [600, 'later', 'SERVICE_UNAVAILABLE', 'message'],
];
for (const [status, kind, code, scope] of table) {
  test(`${status} is ${kind}${scope ? ` for the ${scope}` : ''}${code ? `, ${code}` : ''}`, (t) => {
    const { outcome, error, unauthorized } = judged(status);
    t.like(outcome, { kind, ...(code && { code }), ...(scope && { scope }) });
    t.is(error !== undefined, status >= 500, 'only a 5xx is trouble of the service');
    t.is(unauthorized, status === 401 || status === 403);
    const reply: { message_type: string; error?: string } = JSON.parse('reply' in outcome ? outcome.reply : '{}');
    t.is(reply.message_type, kind === 'accepted' ? 'ack' : 'nack');
    t.is(reply.error, code);
  });
}

test('Retry-After is heeded, as seconds and as a date; without it an endpoint over its rate waits all the same', (t) => {
  t.like(judged(429, { 'retry-after': '30' }).outcome, { delayMs: 30_000 });
  t.like(judged(429, { 'retry-after': new Date(NOW + 60_000).toUTCString() }).outcome, { delayMs: 60_000 });
  t.like(judged(429).outcome, { delayMs: 10_000 });
  const { outcome, error } = judged(503, { 'retry-after': '7' });
  t.like(outcome, { delayMs: 7_000 });
  t.like(error, { retryAfterMs: 7_000 });
  t.false('delayMs' in judged(503).outcome, 'the core decides');
});

test('the words of the service are handed on, on one line and not for ever', (t) => {
  const because = (...args: Parameters<typeof response>) => {
    const { outcome } = judged(...args);
    return 'because' in outcome ? outcome.because : '';
  };
  const json = '{"errno":109,\r\n\t"message":"VAPID\u0000 key mismatch"}';
  t.is(
    because(403, { 'content-type': 'application/json' }, json),
    'HTTP 403: {"errno":109, "message":"VAPID key mismatch"}',
  );
  t.is(because(400, { 'content-type': 'application/problem+json; charset=utf-8' }, '{}'), 'HTTP 400: {}');
  t.is(because(400, { 'content-type': 'text/plain' }, 'x'.repeat(1_000)), `HTTP 400: ${'x'.repeat(300)}`);
  t.is(because(400, { 'content-type': 'text/html' }, '<html>'), 'HTTP 400');
  t.is(because(400, {}, 'anything'), 'HTTP 400');
  t.is(because(302), 'HTTP 302: sent elsewhere, which is not followed');
});

test('a location is handed on, but not one without end', (t) => {
  const reply = (location: string) => {
    const { outcome } = judged(201, { location });
    return JSON.parse('reply' in outcome ? outcome.reply : '{}').location;
  };
  t.is(reply('https://push.example/m/1'), 'https://push.example/m/1');
  t.is(reply('x'.repeat(1_025)), undefined);
});

test('what a service answers is heard: one endpoint says nothing about others', async (t) => {
  const { service, provider, deliver, to } = await stage(t);
  service.onRequest = ({ request, answer }) => answer.writeHead(Number(request.url?.slice(1))).end();
  for (const [status, kind, code] of table) {
    if (status === 600) continue; // nobody can say that with Node
    const sent = to(service.url(`/${status}`));
    t.like(await deliver(sent), { kind, ...(code && { code }) }, `${status}`);
    t.true(provider.room() > 0);
  }
  t.is(provider.health().state, 'ok');
});
