import { createServer } from 'node:http';
import test from 'ava';
import type { Advice } from '../../../src/cli/pool/advise.ts';
import { begin, until } from '../../stories/faults/books.ts';
import { Console, run } from '../console.ts';

type Told = Advice & { now: Record<string, number>; fill: number; outbox: number };

/** The advice on the only provider. */
async function advised(port: number, ...more: string[]): Promise<Told> {
  const { code, stdout, stderr } = await run(['pool', 'advise', '--port', String(port), '--json', ...more]);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout).providers.ccs;
}

test('under load: rate, round trip, what the pool carries, and what the load needs', async (t) => {
  const { story, books } = await begin(t, {
    emulator: { latency: '30ms' },
    pool: { min: 2, max: 4, window: 50 },
  });
  await until(async () => (await story.pool()).open === 2, 'two connections');
  let told: Told | undefined;
  const asked = advised(story.app.adminPort, '--sample', '1s').then((advice) => (told = advice));
  while (!told) {
    books.send(20, undefined, false);
    await books.settled();
  }
  await asked;
  t.deepEqual(told.now, { min: 2, max: 4, window: 50, open: 2, draining: 0 });
  t.true(told.rate > 0 && told.wanted >= told.rate);
  // The emulator takes 30 ms at least, and the bucket begins at 25.
  t.true((told.p50 ?? 0) >= 0.025 && (told.p95 ?? 0) >= (told.p50 ?? 0));
  t.true(Math.abs((told.carries ?? 0) - (2 * 50) / (told.p50 ?? 0)) < 1e-6);
  t.true((told.min ?? 0) >= 1 && (told.max ?? 0) >= (told.min ?? 0));
  t.regex(told.why, /\.$/);
});

test('a backlog behind full windows: the pool is the limit, and a larger one is advised', async (t) => {
  const { story, books, control } = await begin(t, {
    emulator: { hold_acks: true },
    pool: { min: 1, max: 1, window: 100 },
  });
  books.send(1_000, undefined, false);
  const depth = () => story.metric('pushbridge_outbox_depth{provider="ccs"}');
  await until(async () => (await depth()) === 1_000, 'the metrics know of the backlog');
  let told: Told | undefined;
  const asked = advised(story.app.adminPort, '--sample', '1s', '--rate', '10000').then((advice) => (told = advice));
  // One answer at a time: its place is taken by the next message before another becomes free.
  for (let n = 1; !told && n <= 500; n++) {
    control.releaseAcks('all', 1);
    await until(() => told || control.stats().received === 100 + n, 'the next message');
  }
  const { fill, why, min } = await asked;
  t.true(fill > 0.9, `${fill}`);
  t.regex(why, /all windows are full: the pool is the limit/);
  t.true((min ?? 0) > 1, `${min}`);
});

test('without traffic there is no advice; as text it says so in one sentence', async (t) => {
  const { story } = await begin(t);
  await until(async () => (await story.pool()).open === 1, 'a connection');
  const admin = `http://127.0.0.1:${story.app.adminPort}`;
  const { code, stdout, stderr } = await run([
    'pool',
    'advise',
    '--admin',
    admin,
    '--sample',
    '100ms',
    '--rate',
    '900',
  ]);
  t.deepEqual([code, stderr], [0, '']);
  t.is(
    stdout,
    `provider ccs
  connections  1 open, 0 draining; min 1, max 10
  window       100 messages each, 0 % used
  round trip   unknown
  rate         0/s now, 900/s wanted
  carries      unknown
  advice       none
  No message was answered while we looked: the rate alone does not tell how long an answer takes; ask again under load.
`,
  );
});

test('wrong usage', async (t) => {
  for (const [argv, told] of [
    [[], 'say what: pool advise'],
    [['advice'], 'unknown request "advice"; did you mean advise?'],
    [['advise', 'ccs'], 'unexpected argument "ccs"'],
    [['advise', '--admin', 'localhost:1'], '--admin must be a URL with http or https'],
    [['advise', '--admin', 'http://h', '--port', '1'], 'give --admin or --host and --port, not both'],
    [['advise', '--port', '0'], '--port must be a number from 1 to 65535'],
    [['advise', '--rate', '-5'], '--rate must be a whole number of at least 1'],
    [['advise', '--sample', '99ms'], '--sample must be 100ms to 1h'],
  ] as const) {
    const { code, stdout, stderr } = await run(['pool', ...argv]);
    t.is(code, 2, told);
    t.is(stdout, '');
    t.is(stderr, `pushbridge pool: ${told} (see pushbridge pool --help)\n`);
  }
});

test('nobody there, somebody else there', async (t) => {
  const nobody = await run(['pool', 'advise', '--port', '1']);
  t.is(nobody.code, 1);
  t.regex(nobody.stderr, /^pushbridge pool: http:\/\/127\.0\.0\.1:1\/metrics: .+\n$/);
  const other = createServer((_, response) => response.end('{}'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const address = other.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const console = new Console();
  const { code, stderr } = await console.run(['pool', 'advise', '--port', String(port)]);
  t.is(code, 1);
  t.is(stderr, `pushbridge pool: http://127.0.0.1:${port}/ is not the admin listener of a bridge\n`);
});
