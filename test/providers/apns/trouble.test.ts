import test from 'ava';
import { bench, EPOCH_MS, message, TOPIC, until } from './bench.ts';
import { type Reply, reason } from './scripted-server.ts';

const MINUTE_MS = 60_000;
const ok: Reply = { status: 200 };

const credentials = [
  reason(403, 'InvalidProviderToken'),
  reason(403, 'MissingProviderToken'),
  reason(403, 'BadCertificate'),
  reason(403, 'BadCertificateEnvironment'),
  reason(403, 'Forbidden'),
  reason(403, 'BadEnvironmentKeyInToken'),
  reason(403, 'BadEnvironmentKeyIdInToken'),
  reason(400, 'TopicDisallowed'),
  { status: 403, body: '<html>' },
  { status: 401 },
  { status: 404 },
  { status: 410 },
];

for (const reply of credentials) {
  test(`${reply.status} ${reply.body ?? ''}: the queue waits, and one message tries when it is time`, async (t) => {
    await using b = await bench({ server: { answer: () => reply } });
    t.is((await b.send()).kind, 'unsent');
    t.is(b.provider.room(), 0);
    t.is(b.provider.health().state, 'down');
    t.regex(b.provider.health().detail ?? '', new RegExp(String(reply.status)));
    t.is((await b.send()).kind, 'unsent');
    t.is(b.server.seen.length, 1);
    t.is(b.log.filter(({ level }) => level === 'error').length, 1);
    t.is(b.events.trouble, 1);
    let told = 0;
    b.provider.onRoom(() => told++);
    await b.clock.advance(1_000);
    t.true(told > 0);
    t.is(b.provider.room(), 1);
    t.is((await b.send()).kind, 'unsent'); // the same answer: a longer pause, nothing new to tell
    t.is(b.log.filter(({ level }) => level === 'error').length, 1);
    await b.clock.advance(1_000);
    t.is(b.provider.room(), 0);
    await b.clock.advance(1_000);
    b.server.answer = () => ok;
    t.is((await b.send()).kind, 'accepted');
    t.is(b.provider.health().state, 'ok');
    await b.room(2);
    t.true(b.log.some(({ level, event }) => level === 'info' && event === 'service works again'));
  });
}

test('a token refused as expired is replaced after 20 minutes, and the request goes once more', async (t) => {
  await using b = await bench();
  await b.send();
  const first = b.server.seen[0]?.headers.authorization;
  await b.clock.advance(25 * MINUTE_MS);
  await b.room();
  b.server.answer = ({ headers }) => (headers.authorization === first ? reason(403, 'ExpiredProviderToken') : ok);
  t.is((await b.send()).kind, 'accepted');
  t.deepEqual(
    b.server.seen.map(({ headers }) => headers.authorization === first),
    [true, true, false],
  );
  t.is(b.events.token_expired, 1);
  t.is(b.provider.health().state, 'ok');
});

test('a second refusal is trouble: nobody asks with a third token', async (t) => {
  await using b = await bench();
  await b.send();
  await b.clock.advance(25 * MINUTE_MS);
  await b.room();
  b.server.answer = () => reason(403, 'ExpiredProviderToken');
  t.is((await b.send()).kind, 'unsent');
  t.is(b.server.seen.length, 3);
  t.is(new Set(b.server.seen.map(({ headers }) => headers.authorization)).size, 2);
  t.like(b.provider.health(), {
    state: 'down',
    detail: 'ExpiredProviderToken (status 403): see the clock of this machine',
  });
});

test('a young token that is refused as expired is not replaced: the clock is wrong, which is trouble', async (t) => {
  await using b = await bench({ server: { answer: () => reason(403, 'ExpiredProviderToken') } });
  t.is((await b.send()).kind, 'unsent');
  t.is(b.server.seen.length, 1);
  t.is(b.provider.room(), 0);
  // Somebody sets the clock: the next try signs anew.
  b.clock.jump(-30 * MINUTE_MS);
  await b.clock.advance(1_000);
  b.server.answer = ({ number }) => (number === 2 ? reason(403, 'ExpiredProviderToken') : ok);
  t.is((await b.send()).kind, 'accepted');
  t.is(new Set(b.server.seen.map(({ headers }) => headers.authorization)).size, 2);
});

test('a token is signed anew at its age, for all that follow', async (t) => {
  await using b = await bench({ options: { token_age: '20m', ping_interval: 0 } });
  const tokens = () => b.server.seen.map(({ headers }) => headers.authorization);
  await b.send();
  await b.clock.advance(20 * MINUTE_MS - 1);
  await b.send();
  t.is(new Set(tokens()).size, 1);
  await b.clock.advance(1);
  await b.send();
  await b.send();
  t.is(new Set(tokens()).size, 2);
  t.is(tokens()[3], tokens()[2]);
});

test('too many tokens: nothing is asked for a minute, and the token is kept', async (t) => {
  await using b = await bench({ server: { answer: () => reason(429, 'TooManyProviderTokenUpdates') } });
  t.is((await b.send()).kind, 'unsent');
  await b.clock.advance(MINUTE_MS - 1);
  t.is(b.provider.room(), 0);
  await b.clock.advance(1);
  await b.room();
  b.server.answer = () => ok;
  t.is((await b.send()).kind, 'accepted');
  t.is(new Set(b.server.seen.map(({ headers }) => headers.authorization)).size, 1);
});

test('too many tokens, with a wish: the longer of the two pauses', async (t) => {
  const reply = { ...reason(429, 'TooManyProviderTokenUpdates'), headers: { 'retry-after': '120' } };
  await using b = await bench({ server: { answer: () => reply } });
  await b.send();
  // Two minutes, and half of a tenth by chance.
  await b.clock.advance(2.1 * MINUTE_MS - 1);
  t.is(b.provider.room(), 0);
  await b.clock.advance(1);
  await b.room();
  t.is(b.provider.room(), 1);
});

test('another key on this connection: once more over a new one', async (t) => {
  await using b = await bench();
  await b.send();
  b.server.answer = ({ connection }) => (connection === 1 ? reason(403, 'UnrelatedKeyIdInToken') : ok);
  t.is((await b.send()).kind, 'unsent');
  await b.room();
  t.is((await b.send()).kind, 'accepted');
  t.is(b.server.seen.at(-1)?.connection, 2);
  t.is(b.events.trouble, undefined);
});

test('another key on the new connection too: trouble', async (t) => {
  await using b = await bench();
  await b.send();
  b.server.answer = () => reason(403, 'UnrelatedKeyIdInToken');
  t.is((await b.send()).kind, 'unsent');
  await b.room();
  t.is((await b.send()).kind, 'unsent');
  t.like(b.provider.health(), { state: 'down', detail: 'UnrelatedKeyIdInToken (status 403): see key_id' });
});

test('while there is trouble a try that meets an error waits longer', async (t) => {
  await using b = await bench({ server: { answer: () => reason(403, 'Forbidden') } });
  await b.send();
  await b.clock.advance(1_000);
  b.server.answer = () => ({ ...reason(503, 'ServiceUnavailable'), headers: { 'retry-after': '30' } });
  t.is((await b.send()).kind, 'later');
  await b.clock.advance(31_499);
  t.is(b.provider.room(), 0);
  await b.clock.advance(1);
  t.is(b.provider.room(), 1);
});

test('the detail says what to look at, the log too', async (t) => {
  for (const [reply, advice] of [
    [reason(403, 'InvalidProviderToken'), /^InvalidProviderToken \(status 403\): see key, key_id and team_id$/],
    [reason(403, 'BadEnvironmentKeyInToken'), /: see environment/],
    [reason(400, 'TopicDisallowed'), /: see topic/],
    [reason(403, 'ExpiredProviderToken'), /: see the clock of this machine/],
    [{ status: 404, body: '<html>' }, /^status 404: .*see url/],
    [{ status: 302 }, /^status 302: .*see url/],
  ] as const) {
    await using b = await bench({ server: { answer: () => reply } });
    await b.send();
    const { detail } = b.provider.health();
    t.regex(detail ?? '', advice);
    t.is(b.log.find(({ level }) => level === 'error')?.facts.because, detail);
  }
});

test('errors and nothing else: the queue goes on, but the health says so', async (t) => {
  await using b = await bench();
  await b.send();
  b.server.answer = () => ({ status: 502, body: '<html>' });
  for (let n = 0; n < 9; n++) await b.send();
  t.is(b.provider.health().state, 'ok');
  for (let n = 0; n < 5; n++) await b.send();
  t.like(b.provider.health(), { state: 'degraded', detail: 'nothing but errors from the service: status 502' });
  t.true(b.provider.room() > 1);
  t.is(b.log.filter(({ level }) => level === 'warn').length, 1);
  b.server.answer = () => reason(400, 'BadDeviceToken');
  await b.send();
  t.is(b.provider.health().state, 'ok');
});

test('a topic that the sender may not use holds nobody else', async (t) => {
  await using b = await bench({
    server: { answer: ({ headers }) => (headers['apns-topic'] === TOPIC ? ok : reason(400, 'TopicDisallowed')) },
  });
  for (const headers of [{ 'apns-topic': 'com.example.other' }, { 'apns-push-type': 'voip' }]) {
    const refused = await b.send(message({ fcm: { notification: { title: 'T' }, apns: { headers } } }));
    t.like(refused, { kind: 'refused', code: 'INVALID_JSON' });
    t.regex('because' in refused ? refused.because : '', /TopicDisallowed/);
    t.is((await b.send()).kind, 'accepted');
  }
  t.is(b.events.trouble, undefined);
});

test('the topic of the provider, said by the sender once more, is that of the provider', async (t) => {
  await using b = await bench({ server: { answer: () => reason(400, 'TopicDisallowed') } });
  const fcm = { notification: { title: 'T' }, apns: { headers: { 'apns-topic': TOPIC } } };
  t.is((await b.send(message({ fcm }))).kind, 'unsent');
  t.is(b.provider.room(), 0);
});

test('errors without trouble before them hold nobody', async (t) => {
  await using b = await bench();
  await b.send();
  b.server.answer = () => reason(503, 'ServiceUnavailable');
  for (let n = 0; n < 10; n++) t.is((await b.send()).kind, 'later');
  t.true(b.provider.room() > 1);
});

test('messages that were out when the trouble began make one trouble', async (t) => {
  await using b = await bench();
  await b.send();
  await b.room(10);
  b.server.answer = () => reason(403, 'Forbidden');
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => b.send(message())));
  t.true(outcomes.every(({ kind }) => kind === 'unsent'));
  t.is(b.events.trouble, 1);
  await b.clock.advance(1_000);
  t.is(b.provider.room(), 1);
});

test('facts for people: connections, and the age of the token', async (t) => {
  await using b = await bench();
  await b.send();
  await b.room(2);
  await b.clock.advance(90_000);
  t.deepEqual(b.provider.health(), {
    state: 'ok',
    facts: { open: 1, connecting: 0, draining: 0, used: 0, size: 1_000, token_age_s: 90 },
  });
  t.deepEqual(
    [...(b.gauges.get('pushbridge_pool_connections')?.() ?? [])].map(([, value]) => value),
    [0, 1, 0],
  );
  t.deepEqual(
    [...(b.gauges.get('pushbridge_provider_window_size')?.() ?? [])].map(([, value]) => value),
    [1_000],
  );
  t.is(b.clock.now(), EPOCH_MS + 90_000);
  await until(() => b.provider.room() > 0);
});
