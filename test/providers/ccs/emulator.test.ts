import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type Message, noTelemetry, type Outcome } from '../../../src/core/index.ts';
import { createEmulator, type Emulator, type EmulatorInput } from '../../../src/emulator/index.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { type CcsProvider, ccsOptions, createCcsProvider } from '../../../src/providers/ccs/index.ts';
import { message, pause, until } from './bench.ts';

interface Stage extends AsyncDisposable {
  readonly emulator: Emulator;
  readonly provider: CcsProvider;
  readonly upstream: string[];
  readonly receipts: string[];
  /** Sends until every message has a final outcome, as the dispatcher would. */
  run(messages: readonly Message[]): Promise<Map<string, Outcome>>;
}

async function stage(input: EmulatorInput = {}, options: Record<string, unknown> = {}): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'ccs-'));
  const ca = join(folder, 'ca.pem');
  const emulator = createEmulator({
    port: 0,
    senders: { 123: 'key' },
    drain_min: '50ms',
    drain_max: '200ms',
    ...input,
  });
  await emulator.start();
  writeFileSync(ca, emulator.caPem);
  const upstream: string[] = [];
  const receipts: string[] = [];
  const provider = createCcsProvider({
    name: 'fcm',
    options: ccsOptions.parse({
      host: 'localhost',
      port: emulator.port,
      sender_id: '123',
      server_key: 'key',
      ca,
      ...options,
    }),
    clock: systemClock,
    random: () => 0.01,
    log: silentLog,
    telemetry: noTelemetry,
  });
  await provider.start({
    async upstream({ id }) {
      upstream.push(id);
      await pause(1);
    },
    async receipt({ wireId }) {
      receipts.push(wireId);
    },
  });
  await until(() => provider.room() > 0);
  // Timers of the system clock do not keep the process alive; the end of the test does need them.
  const awake = setInterval(() => {}, 1_000);
  return {
    emulator,
    provider,
    upstream,
    receipts,
    run: (messages) => dispatch(provider, messages),
    async [Symbol.asyncDispose]() {
      await provider.stop(2_000);
      await emulator.stop();
      clearInterval(awake);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function dispatch(provider: CcsProvider, messages: readonly Message[]): Promise<Map<string, Outcome>> {
  const queue = [...messages];
  const finals = new Map<string, Outcome>();
  return new Promise((resolve) => {
    const deliver = async (next: Message): Promise<void> => {
      const outcome = await provider.deliver(next, Date.now());
      if (outcome.kind === 'later' || outcome.kind === 'unanswered' || outcome.kind === 'unsent') queue.push(next);
      else finals.set(next.wireId, outcome);
      if (finals.size === messages.length) resolve(finals);
      else pump();
    };
    const pump = (): void => {
      while (provider.room() > 0) {
        const next = queue.shift();
        if (!next) return;
        void deliver(next);
      }
    };
    provider.onRoom(pump);
    pump();
  });
}

const many = (count: number, fcm: (n: number) => object = () => ({})): Message[] =>
  Array.from({ length: count }, (_, n) => message({ fcm: fcm(n) }));

test('ten thousand messages: one ack each, never more than the window', async (t) => {
  await using s = await stage({ close_on_breach: true }, { pool: { min: 2, max: 4 } });
  const finals = await s.run(many(10_000));
  t.true([...finals.values()].every((outcome) => outcome.kind === 'accepted'));
  const stats = s.emulator.control.stats();
  t.is(stats.windowBreaches, 0);
  t.true(stats.maxUnacked <= 100);
  t.deepEqual([stats.received, stats.repeated, stats.errors400], [10_000, 0, 0]);
});

test('a bad day: nacks, drains, drops, strays, doubles, unknown types, and every message still gets through', async (t) => {
  await using s = await stage(
    {
      nack_rate: 0.1,
      drain_after: 400,
      drop_after: 900,
      double_acks: true,
      stray_acks: true,
      unknown_types: true,
      swap_forms: true,
      latency: '1ms',
      latency_spread: '5ms',
      close_on_breach: true,
    },
    { pool: { min: 2, max: 4 } },
  );
  const messages = many(5_000);
  const finals = await s.run(messages);
  t.is(finals.size, messages.length);
  t.true([...finals.values()].every((outcome) => outcome.kind === 'accepted'));
  const stats = s.emulator.control.stats();
  t.true(stats.drains > 2);
  const { used, open, window } = s.provider.pool();
  t.deepEqual([used, s.provider.room()], [0, open * window]);
  t.deepEqual([stats.windowBreaches, stats.errors400, stats.errors406, stats.streamErrors], [0, 0, 0, 0]);
});

test('dropped by reset in the middle: every message is sent again', async (t) => {
  await using s = await stage({ drop_after: 150, drop_how: 'rst' }, { pool: { min: 3, max: 3 } });
  const finals = await s.run(many(1_000));
  t.is(finals.size, 1_000);
  t.true(s.emulator.control.stats().repeated > 0);
});

test('upstream and receipts: everything is acked where it came from, nothing twice', async (t) => {
  await using s = await stage({ receipt_delay: '1ms' }, { pool: { min: 3, max: 3 } });
  s.emulator.control.upstream({ count: 2_000 });
  await s.run(many(500, () => ({ delivery_receipt_requested: true })));
  await until(() => s.upstream.length === 2_000 && s.receipts.length === 500, 'upstream', 15_000);
  await until(() => s.emulator.control.stats().upstreamAcked === 2_500, 'acks');
  const stats = s.emulator.control.stats();
  t.deepEqual([stats.errors406, stats.upstreamResent], [0, 0]);
  t.is(new Set(s.upstream).size, 2_000);
});

test('upstream over connections that drain and drop', async (t) => {
  await using s = await stage({}, { pool: { min: 3, max: 3 } });
  const { control } = s.emulator;
  control.upstream({ count: 3_000, message_id: 'u' });
  for (let i = 0; i < 5; i++) {
    await pause(20);
    control.drain('one');
    await pause(20);
    control.drop('one');
  }
  await until(() => new Set(s.upstream).size === 3_000, 'upstream', 15_000);
  t.is(control.stats().errors406, 0);
});

test('one poisoned message among hundreds: a dead letter, and the others get through', async (t) => {
  const messages = many(300);
  const bad = messages[150];
  await using s = await stage({ poison: [bad?.wireId ?? ''] }, { pool: { min: 2, max: 2 } });
  const finals = await s.run(messages);
  t.like(finals.get(bad?.wireId ?? ''), { kind: 'refused', code: 'INVALID_MESSAGE', dead: true });
  t.is([...finals.values()].filter((outcome) => outcome.kind === 'accepted').length, 299);
});

test('a black hole: ack timeout and pings find it, the messages go elsewhere', async (t) => {
  await using s = await stage({}, { ack_timeout: '300ms', ping_interval: '200ms', pool: { min: 1, max: 1 } });
  s.emulator.control.setFaults({ black_hole: true }, 1);
  const finals = await s.run(many(200));
  t.is([...finals.values()].filter((outcome) => outcome.kind === 'accepted').length, 200);
});

test('split writes: the whole session byte by byte', async (t) => {
  await using s = await stage({ split_writes: true });
  const finals = await s.run(many(50, () => ({ data: { text: 'Grüße, 世界 👋' } })));
  t.is(finals.size, 50);
});

test('a wrong key is an authentication failure; every certificate fault is refused', async (t) => {
  const emulator = createEmulator({ port: 0, senders: { 123: 'other' } });
  await emulator.start();
  const folder = mkdtempSync(join(tmpdir(), 'ccs-'));
  const make = (port: number, ca: string) => {
    writeFileSync(join(folder, `${port}.pem`), ca);
    return createCcsProvider({
      name: 'fcm',
      options: ccsOptions.parse({
        host: 'localhost',
        port,
        sender_id: '123',
        server_key: 'key',
        ca: join(folder, `${port}.pem`),
      }),
      clock: systemClock,
      random: () => 0,
      log: silentLog,
      telemetry: noTelemetry,
    });
  };
  const nothing = { upstream: async () => {}, receipt: async () => {} };
  const provider = make(emulator.port, emulator.caPem);
  await provider.start(nothing);
  await until(() => provider.health().detail?.includes('not-authorized'));
  await provider.stop(0);
  t.is(emulator.control.stats().loginsRefused, 1);
  await emulator.stop();
  for (const certificate of ['expired', 'not_yet_valid', 'wrong_host'] as const) {
    const bad = createEmulator({ port: 0, certificate });
    await bad.start();
    const refused = make(bad.port, bad.caPem);
    await refused.start(nothing);
    await until(() => /certificate|altnames/i.test(refused.health().detail ?? ''), certificate);
    await refused.stop(0);
    t.is(bad.control.stats().logins, 0);
    await bad.stop();
  }
  rmSync(folder, { recursive: true });
});

test('no connection is left behind after stop', async (t) => {
  const s = await stage({}, { pool: { min: 5, max: 5 } });
  await until(() => s.provider.pool().open === 5);
  await s.provider.stop(1_000);
  await until(() => s.emulator.control.connections().length === 0);
  t.is(s.emulator.control.stats().drops, 0);
  await s[Symbol.asyncDispose]();
});
