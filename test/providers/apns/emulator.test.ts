/** Every fault of the emulator of APNs against the provider: each message gets its outcome, and only one. */
import test from 'ava';
import type { Outcome } from '../../../src/core/index.ts';
import type { ApnsEmulatorInput, ApnsReason } from '../../../src/emulator/index.ts';
import { apnsReasons, requestFaults } from '../../../src/emulator/index.ts';
import { many, type Run, until } from '../dispatch.ts';
import { emulate } from './emulated.ts';

const accepted = ({ finals }: Run): number => [...finals.values()].filter(({ kind }) => kind === 'accepted').length;

test.serial(
  'ten thousand messages: each is sent once and acknowledged once, within the limit of streams',
  async (t) => {
    // So late that every stream is taken.
    const { run, control } = await emulate(t, { emulator: { latency: '200ms' } });
    const done = await run(many(10_000));
    t.is(accepted(done), 10_000);
    t.deepEqual(done.again, {});
    const { messages, repeated, successes, maxStreams, breaches } = control.stats();
    t.deepEqual([messages, repeated, successes, breaches], [10_000, 0, 10_000, 0]);
    t.is(maxStreams, 1_000);
  },
);

test.serial('with the certificate of the service, no token', async (t) => {
  const { run, control } = await emulate(t, { certificate: true });
  t.is(accepted(await run(many(1_000))), 1_000);
  t.true(control.requests().every(({ headers }) => headers.authorization === undefined));
});

/** What happens while messages go out; all get through. */
const through: readonly {
  readonly what: string;
  readonly faults: ApnsEmulatorInput;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly targets?: readonly string[];
  /** None may reach the service twice. */
  readonly once?: true;
  /** Counts of the emulator that show that it has happened. */
  readonly seen?: (stats: Readonly<Record<string, unknown>>) => boolean;
}[] = [
  { what: 'answers are late by chance', faults: { latency: '5ms', latency_spread: '60ms' }, once: true },
  { what: 'a tenth is unavailable', faults: { error_rate: 0.1 } },
  {
    what: 'a tenth is unavailable and says for how long',
    faults: { error_rate: 0.1, retry_after: '30' },
    seen: ({ errors }) => Object.keys(Object(errors)).join() === 'ServiceUnavailable',
  },
  { what: 'a tenth is an internal error', faults: { error_rate: 0.1, error_code: 'InternalServerError' } },
  { what: 'a tenth of the devices is over its rate', faults: { error_rate: 0.1, error_code: 'TooManyRequests' } },
  {
    what: 'connections shut down by an answer',
    faults: { error_rate: 0.01, error_code: 'Shutdown', latency: '2ms' },
    seen: ({ goaways }) => Number(goaways) > 0,
  },
  {
    what: 'connections that were idle too long',
    faults: { error_rate: 0.01, error_code: 'IdleTimeout', latency: '2ms' },
  },
  { what: 'successes come in two frames', faults: { two_frames: true }, once: true },
  { what: 'few streams', faults: { max_streams: 3 }, once: true, seen: ({ maxStreams }) => maxStreams === 3 },
  {
    what: 'one stream at first, more with time',
    faults: { initial_streams: 1, raise_after: '100ms', latency: '5ms' },
    once: true,
  },
  { what: 'as many streams as there are, from the start', faults: { initial_streams: 0 }, once: true },
  {
    what: 'GOAWAY after each request',
    faults: { goaway_after: 1 },
    targets: many(60),
    seen: ({ goaways }) => Number(goaways) >= 60,
  },
  {
    what: 'GOAWAY after seven requests',
    faults: { goaway_after: 7, latency: '2ms', max_streams: 5 },
    targets: many(200),
    seen: ({ goaways }) => Number(goaways) >= 15,
  },
  {
    what: 'GOAWAY for age',
    faults: { max_age: '150ms', latency: '20ms', max_streams: 50 },
    targets: many(2_000),
    seen: ({ goaways }) => Number(goaways) > 0,
  },
  {
    what: 'GOAWAY for idleness, while there is work',
    faults: { session_timeout: '150ms', max_streams: 50 },
  },
  {
    what: 'connections are dropped',
    faults: { drop_after: 40, latency: '2ms', max_streams: 30 },
    seen: ({ drops }) => Number(drops) > 2,
  },
  {
    what: 'connections are reset',
    faults: { drop_after: 40, drop_how: 'rst', latency: '2ms', max_streams: 30 },
    seen: ({ drops }) => Number(drops) > 2,
  },
  {
    what: 'two connections and no more',
    faults: { max_connections: 2, max_streams: 20, latency: '10ms' },
    seen: ({ refused }) => Number(refused) > 0,
  },
  ...(['reset', 'refused', 'drop', 'goaway', 'drain', 'poison'] as const).map((fault) => ({
    what: `requests with ${fault} among others`,
    faults: { latency: '2ms' as const },
    targets: many(600).map((target, n) => (n % 40 === 7 ? `fault:${fault}:1` : target)),
  })),
  ...(['silent', 'half', 'slow', 'black-hole'] as const).map((fault) => ({
    what: `requests with ${fault} among others`,
    faults: { latency: '2ms' as const, slow: '2s' as const },
    options: { deadline: '300ms' },
    targets: many(600).map((target, n) => (n % 150 === 7 ? `fault:${fault}:1` : target)),
  })),
  {
    what: 'everything at once',
    faults: {
      error_rate: 0.05,
      goaway_after: 60,
      drop_after: 100,
      latency: '1ms',
      latency_spread: '10ms',
      max_streams: 20,
    },
    options: { deadline: '500ms' },
    targets: many(1_000).map((target, n) => {
      const fault = requestFaults[n % requestFaults.length];
      return n % 97 === 0 ? `fault:${fault}:1` : target;
    }),
  },
];

for (const { what, faults, options, targets = many(1_500), once, seen } of through) {
  test.serial(`${what}: every message is acknowledged once`, async (t) => {
    const { run, control } = await emulate(t, { emulator: faults, ...(options && { options }) });
    const done = await run(targets);
    t.is(accepted(done), targets.length);
    const stats = control.stats();
    t.is(stats.breaches, 0);
    if (once) t.deepEqual([stats.messages, stats.repeated], [targets.length, 0]);
    t.true(seen?.({ ...stats }) ?? true, JSON.stringify(stats));
  });
}

type Expected = Partial<Record<'kind' | 'code' | 'scope', string>>;
const trouble: Expected = { kind: 'unsent' };
const request: Expected = { kind: 'refused', code: 'INVALID_JSON' };

/** Reasons that mean something else than that the request is wrong. */
const outcomes: Partial<Record<ApnsReason, Expected>> = {
  BadDeviceToken: { kind: 'refused', code: 'BAD_REGISTRATION' },
  DeviceTokenNotForTopic: { kind: 'refused', code: 'BAD_REGISTRATION' },
  TopicDisallowed: trouble,
  IdleTimeout: { kind: 'unsent' },
  ExpiredProviderToken: trouble,
  InvalidProviderToken: trouble,
  MissingProviderToken: trouble,
  BadCertificate: trouble,
  BadCertificateEnvironment: trouble,
  Forbidden: trouble,
  BadEnvironmentKeyInToken: trouble,
  BadEnvironmentKeyIdInToken: trouble,
  UnrelatedKeyIdInToken: { kind: 'unsent' },
  BadPath: { kind: 'refused', code: 'INTERNAL_SERVER_ERROR' },
  MethodNotAllowed: { kind: 'refused', code: 'INTERNAL_SERVER_ERROR' },
  Unregistered: { kind: 'gone', code: 'DEVICE_UNREGISTERED' },
  ExpiredToken: { kind: 'gone', code: 'DEVICE_UNREGISTERED' },
  TooManyRequests: { kind: 'later', scope: 'target', code: 'DEVICE_MESSAGE_RATE_EXCEEDED' },
  TooManyProviderTokenUpdates: trouble,
  InternalServerError: { kind: 'later', scope: 'message', code: 'INTERNAL_SERVER_ERROR' },
  ServiceUnavailable: { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE' },
  Shutdown: { kind: 'unsent' },
};

for (const reason of Object.keys(apnsReasons) as ApnsReason[]) {
  test.serial(`the service says ${reason}`, async (t) => {
    const { deliver, provider, control, events } = await emulate(t);
    const expected = outcomes[reason] ?? request;
    t.like(await deliver(`${reason}:1`), expected);
    t.is(control.stats().errors[reason], 1);
    const held = expected === trouble;
    t.is(events.trouble, held ? 1 : undefined);
    if (held) {
      t.is(provider.room(), 0);
      t.like(provider.health(), { state: 'down' });
      t.regex(provider.health().detail ?? '', new RegExp(reason));
    } else await until(() => provider.room() > 0, 'room');
  });
}

/** What every request gets, and what is said of it; afterwards all is as before. */
const walls: readonly (readonly [faults: ApnsEmulatorInput, kind: Outcome['kind'], detail: RegExp])[] = [
  [{ instead: 'html_502' }, 'later', /nothing but errors.*502/],
  [{ instead: 'bare_401' }, 'unsent', /401/],
  [{ instead: 'bare_403' }, 'unsent', /403/],
  [{ instead: 'bare_404' }, 'unsent', /404/],
  [{ stall: true }, 'later', /no complete answer/],
];

for (const [faults, kind, detail] of walls) {
  test.serial(`${JSON.stringify(faults)}: messages wait, and all arrive when it is over`, async (t) => {
    const { deliver, control, provider, run } = await emulate(t, { options: { deadline: '150ms' } });
    await deliver('device');
    control.setFaults({ ...faults });
    t.is((await deliver('device')).kind, kind);
    const running = run(many(300));
    await until(() => detail.test(provider.health().detail ?? ''), 'the trouble');
    t.not(provider.health().state, 'ok');
    control.setFaults({ instead: 'nothing', stall: false });
    t.is(accepted(await running), 300);
    t.is(provider.health().state, 'ok');
  });
}

test.serial('GOAWAY for pings, on a connection with nothing to do: there is another one', async (t) => {
  const { events, run } = await emulate(t, { emulator: { max_pings: 2 }, options: { ping_interval: '20ms' } });
  await until(() => (events.goaway ?? 0) >= 2, 'GOAWAY');
  const done = await run(many(10));
  t.is(accepted(done), 10);
});

test.serial('TLS is refused, and then it is not', async (t) => {
  const { control, provider, run, events } = await emulate(t);
  control.setFaults({ refuse_tls: true });
  control.drop('all');
  await until(() => (events.connect_failed ?? 0) >= 2, 'attempts');
  t.is(provider.health().state, 'down');
  t.is(provider.room(), 0);
  const running = run(many(100));
  control.setFaults({ refuse_tls: false });
  t.is(accepted(await running), 100);
});

const WAVES = 30;

test.serial('a storm of GOAWAY, resets and drops under load: each message has one outcome', async (t) => {
  const { control, run } = await emulate(t, { emulator: { latency: '3ms' }, options: { connections: { max: 4 } } });
  control.setFaults({ max_streams: 50 });
  const waves = [() => control.goaway('all', 'wave'), () => control.drop('all', 'rst'), () => control.drop('all')];
  let wave = 0;
  const storm = setInterval(() => {
    waves[wave++ % waves.length]?.();
    if (wave === WAVES) clearInterval(storm);
  }, 20);
  t.teardown(() => clearInterval(storm));
  const done = await run(many(6_000));
  t.is(accepted(done), 6_000);
  t.is(wave, WAVES);
  t.is(control.stats().breaches, 0);
});

test.serial('one key for all connections; another key of the team on an old connection is not taken', async (t) => {
  const { control, run } = await emulate(t, { emulator: { max_streams: 5, latency: '2ms' } });
  await run(many(500));
  const tokens = new Set(control.requests(500).map(({ headers }) => headers.authorization));
  t.is(tokens.size, 1);
  t.true(new Set(control.requests(500).map(({ connection }) => connection)).size > 1);
});

test.serial('a token that the service finds too old is replaced when it may be, and the queue goes on', async (t) => {
  const { deliver, provider } = await emulate(t, { emulator: { token_max_age: '1s' } });
  t.is((await deliver('device')).kind, 'accepted');
  await new Promise((resolve) => setTimeout(resolve, 2_100)); // seconds of the token's own clock
  const outcome = await deliver('device');
  // 20 minutes have not gone by: nothing but waiting helps.
  t.is(outcome.kind, 'unsent');
  t.like(provider.health(), { state: 'down' });
  t.regex(provider.health().detail ?? '', /ExpiredProviderToken/);
});

test.serial('a device that is gone: since when is handed on', async (t) => {
  const { deliver } = await emulate(t, { emulator: { gone_for: '1h' } });
  const outcome = await deliver('Unregistered');
  const { timestamp } = JSON.parse('reply' in outcome ? outcome.reply : '{}') as { timestamp?: number };
  t.true(Math.abs(Number(timestamp) - (Date.now() - 3_600_000)) < 10_000);
});
