/**
 * Every fault of the emulator of FCM against the provider: each message gets its outcome, and only one. One test after the
 * other: each has thousands of requests, and deadlines that are short.
 */
import test from 'ava';
import type { Outcome } from '../../../src/core/index.ts';
import type { FcmEmulatorInput } from '../../../src/emulator/index.ts';
import { many, type Run, until } from '../dispatch.ts';
import { emulate } from './emulated.ts';

const accepted = ({ finals }: Run): number => [...finals.values()].filter(({ kind }) => kind === 'accepted').length;

test.serial(
  'ten thousand messages: each is sent once and acknowledged once, within the limit of streams',
  async (t) => {
    // So late that every stream is taken.
    const { run, control } = await emulate(t, { emulator: { latency: '50ms' } });
    const done = await run(many(10_000));
    t.is(accepted(done), 10_000);
    t.deepEqual(done.again, {});
    const { messages, repeated, successes, maxStreams, breaches, tokensIssued } = control.stats();
    t.deepEqual([messages, repeated, successes, breaches, tokensIssued], [10_000, 0, 10_000, 0, 1]);
    t.is(maxStreams, 100);
  },
);

/** What happens while messages go out; all get through. `once`: none of them may reach the service twice. */
const through: readonly {
  readonly what: string;
  readonly faults: FcmEmulatorInput;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly targets?: readonly string[];
  readonly once?: boolean;
  /** Counts of the emulator that show that it has happened. */
  readonly seen?: (stats: Readonly<Record<string, unknown>>) => boolean;
}[] = [
  { what: 'answers are late by chance', faults: { latency: '5ms', latency_spread: '60ms' }, once: true },
  { what: 'a tenth is unavailable', faults: { error_rate: 0.1 } },
  { what: 'a tenth is an internal error', faults: { error_rate: 0.1, error_code: 'INTERNAL' } },
  {
    what: 'a tenth of the devices is over its rate',
    faults: { error_rate: 0.1, error_code: 'DEVICE_MESSAGE_RATE_EXCEEDED' },
  },
  { what: 'successes come in two frames', faults: { two_frames: true }, once: true },
  { what: 'few streams', faults: { max_streams: 3 }, once: true, seen: ({ maxStreams }) => maxStreams === 3 },
  {
    what: 'one stream at first, more with time',
    faults: { initial_streams: 1, raise_after: '100ms', latency: '5ms' },
    once: true,
    seen: ({ breaches }) => breaches === 0,
  },
  {
    what: 'GOAWAY after each request',
    faults: { goaway_after: 1, max_streams: 1 },
    targets: many(60),
    seen: ({ goaways }) => Number(goaways) >= 30,
  },
  { what: 'GOAWAY after seven requests', faults: { goaway_after: 7, latency: '2ms' } },
  { what: 'GOAWAY for age', faults: { max_age: '50ms', latency: '5ms' }, targets: many(3_000) },
  { what: 'GOAWAY for idleness', faults: { session_timeout: '20ms' } },
  {
    what: 'connections are dropped',
    faults: { drop_after: 250, latency: '2ms' },
    seen: ({ drops }) => Number(drops) > 2,
  },
  { what: 'connections are reset', faults: { drop_after: 250, drop_how: 'rst', latency: '2ms' } },
  { what: 'one connection and no more', faults: { max_connections: 2, latency: '10ms' }, targets: many(3_000) },
  {
    what: 'tokens live shortly',
    faults: { token_lifetime: '1s', latency: '100ms' },
    targets: many(4_000),
    seen: ({ tokensIssued }) => Number(tokensIssued) > 1,
  },
  ...(['reset', 'refused', 'drop', 'goaway', 'drain', 'poison'] as const).map((fault) => ({
    what: `requests with ${fault} among others`,
    faults: { latency: '2ms' },
    targets: many(600).map((target, n) => (n % 40 === 7 ? `fault:${fault}:1` : target)),
  })),
  ...(['silent', 'half', 'slow', 'black-hole'] as const).map((fault) => ({
    what: `requests with ${fault} among others`,
    faults: { latency: '2ms', slow: '2s' as const },
    options: { deadline: '300ms' },
    targets: many(600).map((target, n) => (n % 150 === 7 ? `fault:${fault}:1` : target)),
  })),
  {
    what: 'everything at once',
    faults: {
      error_rate: 0.05,
      latency_spread: '30ms',
      goaway_after: 300,
      drop_after: 700,
      max_age: '400ms',
      two_frames: true,
      max_streams: 40,
    },
    options: { deadline: '500ms', connections: { max: 4 } },
    targets: many(3_000).map((target, n) =>
      n % 500 === 3 ? 'fault:half:1' : n % 300 === 5 ? 'fault:refused:1' : target,
    ),
  },
];

for (const { what, faults, options, targets = many(1_000), once, seen } of through) {
  test.serial(`all get through: ${what}`, async (t) => {
    const { run, control, provider } = await emulate(t, { emulator: faults, ...(options && { options }) });
    const done = await run(targets);
    t.is(accepted(done), targets.length);
    const stats = control.stats();
    t.is(stats.breaches, 0);
    if (once) t.is(stats.repeated, 0);
    if (seen) t.true(seen({ ...stats }), JSON.stringify(stats));
    await until(() => provider.health().facts?.used === 0, 'the end of all requests');
    return undefined;
  });
}

/** What a code makes of its message. [fcm.md §3.3, §3.6] */
const codes: readonly (readonly [token: string, kind: Outcome['kind'], code: string])[] = [
  ['UNSPECIFIED_ERROR', 'refused', 'INTERNAL_SERVER_ERROR'],
  ['INVALID_ARGUMENT', 'refused', 'INVALID_JSON'],
  ['UNREGISTERED', 'gone', 'DEVICE_UNREGISTERED'],
  ['SENDER_ID_MISMATCH', 'refused', 'BAD_REGISTRATION'],
  ['QUOTA_EXCEEDED', 'later', 'SERVICE_UNAVAILABLE'],
  ['UNAVAILABLE', 'later', 'SERVICE_UNAVAILABLE'],
  ['INTERNAL', 'later', 'INTERNAL_SERVER_ERROR'],
  ['THIRD_PARTY_AUTH_ERROR', 'refused', 'INVALID_APNS_CREDENTIAL'],
  ['BAD_REGISTRATION', 'refused', 'BAD_REGISTRATION'],
  ['DEVICE_MESSAGE_RATE_EXCEEDED', 'later', 'DEVICE_MESSAGE_RATE_EXCEEDED'],
  ['TOPICS_MESSAGE_RATE_EXCEEDED', 'later', 'TOPICS_MESSAGE_RATE_EXCEEDED'],
  ['INVALID_TTL', 'refused', 'INVALID_JSON'],
];
for (const [token, kind, code] of codes) {
  test.serial(`a message with ${token} is ${kind} as ${code}`, async (t) => {
    const { deliver } = await emulate(t);
    t.like(await deliver(token), { kind, code });
  });
}

test.serial('CONNECTION_DRAINING is a GOAWAY: the message was not looked at, and goes out again', async (t) => {
  const { deliver, run } = await emulate(t);
  t.is((await deliver('CONNECTION_DRAINING')).kind, 'unsent');
  t.is(accepted(await run(['CONNECTION_DRAINING:2', 'device'])), 2);
});

test.serial('Retry-After is the wish of the service', async (t) => {
  const { deliver } = await emulate(t, { emulator: { retry_after: '30' } });
  t.like(await deliver('UNAVAILABLE'), { kind: 'later', delayMs: 30_030 });
});

for (const instead of ['html_502', 'bare_401', 'bare_403', 'bare_404'] as const) {
  test.serial(`instead of every answer ${instead}: nothing is lost, and it goes on by itself afterwards`, async (t) => {
    const { run, control, provider } = await emulate(t);
    control.setFaults({ instead });
    const running = run(many(500));
    if (instead === 'html_502') await until(() => Number(control.stats().errors.html_502) > 100, 'many answers');
    else {
      await until(() => provider.health().state === 'down', 'the trouble');
      t.is(provider.room(), 0);
    }
    const { requests } = control.stats();
    control.setFaults({ instead: 'nothing' });
    const done = await running;
    t.is(accepted(done), 500);
    if (instead !== 'html_502') t.true(requests < 600, `${requests} requests, held as they were`);
    t.is(control.stats().successes, 500);
    t.is(provider.health().state, 'ok');
  });
}

test.serial(
  'no answer at all: the service counts as gone and is asked by one message at a time, until it answers',
  async (t) => {
    const { run, control, provider } = await emulate(t, { options: { deadline: '200ms' } });
    control.setFaults({ stall: true });
    const running = run(many(300));
    await until(() => provider.health().detail?.startsWith('no answers: ') === true, 'the trouble');
    await until(() => provider.health().facts?.used === 0, 'the end of what was in flight');
    const before = control.stats().requests;
    await new Promise((resolve) => setTimeout(resolve, 400));
    t.true(control.stats().requests - before <= 2);
    control.setFaults({ stall: false });
    t.is(accepted(await running), 300);
    t.is(provider.health().state, 'ok');
  },
);

test.serial('answers that are held come when they are let go', async (t) => {
  const { run, control, provider } = await emulate(t);
  control.setFaults({ hold_answers: true });
  const running = run(many(150));
  await until(() => control.stats().messages >= 100, 'a full connection');
  control.setFaults({ hold_answers: false });
  const done = await running;
  t.is(accepted(done), 150);
  t.is(control.stats().repeated, 0);
  t.is(provider.health().state, 'ok');
});

test.serial('TLS is refused from the start: health says so, and it is found when it is there', async (t) => {
  const { run, control, provider } = await emulate(t, { emulator: { refuse_tls: true }, cold: true });
  await until(() => control.stats().refused > 3, 'some attempts');
  t.is(provider.room(), 0);
  t.is(provider.health().state, 'down');
  t.regex(provider.health().detail ?? '', /disconnected before secure TLS|ECONNRESET/);
  control.setFaults({ refuse_tls: false });
  t.is(accepted(await run(many(100))), 100);
});

test.serial('fewer streams while messages go out, and more again', async (t) => {
  const { run, control } = await emulate(t, { emulator: { latency: '3ms' } });
  const running = run(many(3_000));
  for (const max_streams of [5, 1, 60, 2, 100]) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    control.setFaults({ max_streams });
  }
  t.is(accepted(await running), 3_000);
  t.like(control.stats(), { repeated: 0, breaches: 0 });
});

test.serial('tokens that end before their time: one request for another, and nobody notices', async (t) => {
  const { run, control } = await emulate(t, { emulator: { latency: '3ms' } });
  const running = run(many(3_000));
  for (let i = 1; i <= 3; i++) {
    await until(() => control.stats().successes > i * 600, 'some messages');
    control.expireTokens();
  }
  const done = await running;
  t.is(accepted(done), 3_000);
  t.is(control.stats().tokensIssued, 4);
  t.is(control.stats().repeated, 0);
});

test.serial('pings beyond what FCM takes cost a connection, and no message', async (t) => {
  const { run, control } = await emulate(t, { options: { ping_interval: '10ms', connect_timeout: '100ms' } });
  await until(() => control.stats().goaways > 1, 'too_many_pings');
  t.is(accepted(await run(many(300))), 300);
});

test.serial(
  'the quota of the project: all wait as long as it says, and the messages of the next minute get through',
  async (t) => {
    const { run, control, provider, counts } = await emulate(t, {
      emulator: { quota_per_minute: 50, retry_after: '1' },
    });
    const running = run(many(120));
    await until(() => provider.health().state === 'degraded', 'the pause');
    t.is(provider.room(), 0);
    t.is(control.stats().successes, 50);
    await new Promise((resolve) => setTimeout(resolve, 300));
    t.true(control.stats().messages <= 120);
    control.setFaults({ quota_per_minute: 0 });
    t.is(accepted(await running), 120);
    t.true(Number(counts.quota) >= 1);
    t.is(control.stats().repeated, 0);
  },
);

test.serial('a service that goes and comes back with other tokens: the queue waits, and goes on', async (t) => {
  const stage = await emulate(t, { emulator: { latency: '3ms' } });
  const running = stage.run(many(2_000));
  await until(() => stage.control.stats().successes > 300, 'some messages');
  await stage.goAway();
  await until(() => stage.provider.health().state === 'down', 'the loss');
  t.is(stage.provider.room(), 0);
  await stage.comeBack();
  t.is(accepted(await running), 2_000);
  t.is(stage.provider.health().state, 'ok');
});
