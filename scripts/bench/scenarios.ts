/** The scenarios of the benchmark. Each starts its own bridge and emulator, and gives a table. */
import { encodings } from '../../src/protocols/bal/index.ts';
import { Backend } from './backend.ts';
import { type FairnessResult, measureFairness } from './fairness.ts';
import { type LoadResult, runLoad, runSink } from './load.ts';
import { bytesOf, MIB, median, peakBytes, resetPeak, sleep, usage } from './measure.ts';
import { Rig, type RigOptions, runScript } from './processes.ts';
import type { RawOptions, RawResult } from './raw.ts';
import { columns, type Measured, perSecondOf, type Row, ratio, type Section, tenth, whole } from './table.ts';

export interface Setting {
  /** Where stores lie. */
  readonly folder: string;
  readonly messages: number;
  readonly runs: number;
  /** Bytes of `data` in a message. */
  readonly payload: number;
  /** Connections on either side of the bridge. */
  readonly connections: number;
  /** Messages per second of the scenarios that show latency. */
  readonly rate: number;
  readonly backlog: number;
  readonly idle: number;
  readonly nodeArgs: readonly string[];
  /** The program of the bridge. */
  readonly program: string;
}

/** What later scenarios compare themselves with, in messages per second. */
export interface Known {
  raw?: number;
  downstream?: number;
}

export type Scenario = (setting: Setting, known: Known) => Promise<Section>;

const APP = 'com.example.app';
const WINDOW = 100;
const OUTSTANDING = 400;

async function withRig<T>(
  setting: Setting,
  options: Omit<RigOptions, 'program'>,
  use: (rig: Rig) => Promise<T>,
): Promise<T> {
  const rig = await Rig.start(setting.folder, { nodeArgs: setting.nodeArgs, program: setting.program, ...options });
  try {
    return await use(rig);
  } finally {
    await rig.stop();
  }
}

/** A warm-up and the runs. */
async function measure(runs: number, rig: Rig, load: (run: number) => Promise<LoadResult>): Promise<Measured> {
  const results: LoadResult[] = [];
  const cpuMicros: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const before = usage(rig.bridgePid).cpuSeconds;
    const result = await load(run);
    if (run === 0) continue;
    results.push(result);
    cpuMicros.push(((usage(rig.bridgePid).cpuSeconds - before) / result.messages) * 1e6);
  }
  return { runs: results, cpuMicros, residentMiB: usage(rig.bridgePid).residentBytes / MIB };
}

const common = (setting: Setting, rig: Rig) => ({
  port: rig.balPort,
  sessions: [APP],
  connections: setting.connections,
  messages: setting.messages,
  outstanding: OUTSTANDING,
  payload: setting.payload,
});

/** What a backend would reach without a bridge. */
const raw: Scenario = (setting, known) =>
  withRig(setting, { pool: 1 }, async (rig) => {
    const { messages, payload, runs, connections } = setting;
    const options: RawOptions = { port: rig.ccsPort, connections, window: WINDOW, messages, payload, runs };
    const result = await runScript<RawResult>('raw.ts', options, { NODE_EXTRA_CA_CERTS: rig.ca });
    known.raw = result.perSecond;
    const spread = `${whole(Math.min(...result.runs))}–${whole(Math.max(...result.runs))}`;
    const row = { scenario: 'raw loop', 'messages/s': whole(result.perSecond), spread };
    return { title: 'The raw loop: @xmpp/client and the emulator, no bridge', rows: [row] };
  });

const downstream: Scenario = (setting, known) =>
  withRig(setting, { pool: setting.connections }, async (rig) => {
    const load = common(setting, rig);
    const { runs, rate } = setting;
    const full = await measure(runs, rig, (run) => runLoad({ ...load, prefix: `full${run}` }));
    known.downstream = perSecondOf(full);
    const paced = await measure(runs, rig, (run) =>
      runLoad({ ...load, messages: rate * 10, rate, prefix: `rate${run}` }),
    );
    const single = await measure(runs, rig, (run) =>
      runLoad({ ...load, connections: 1, outstanding: 1, messages: 2_000, prefix: `only${run}` }),
    );
    return {
      title: 'Downstream',
      note: 'From the frame to its DOWNSTREAM_ACK.',
      rows: [
        columns('as fast as it goes', full, known.raw),
        columns(`at ${whole(rate)} a second`, paced, undefined),
        columns('one at a time', single, undefined),
      ],
    };
  });

const upstream: Scenario = (setting, known) =>
  withRig(setting, { pool: setting.connections }, async (rig) => {
    const { runs, rate, messages, payload: bytes } = setting;
    const full = await measure(runs, rig, () =>
      runSink(common(setting, rig), () => rig.order({ upstream: { count: messages, bytes } })),
    );
    const paced = await measure(runs, rig, () =>
      runSink({ ...common(setting, rig), messages: rate * 10 }, () =>
        rig.order({ upstream: { count: rate * 10, bytes, rate } }),
      ),
    );
    return {
      title: 'Upstream',
      note: 'From the emulator’s stanza to the UPSTREAM frame at the backend, which acknowledges it.',
      rows: [columns('as fast as it goes', full, known.raw), columns(`at ${whole(rate)} a second`, paced, undefined)],
    };
  });

const ROUND_TRIP_MS = 60;

/** Throughput of a pool is window × connections / round trip, until the processor is the limit. */
const pool: Scenario = async (setting, known) => {
  const rows: Row[] = [];
  for (const connections of [1, 2, 5, 10, 20, 50]) {
    const options = { pool: connections, emulator: { latency: `${ROUND_TRIP_MS}ms` } };
    const measured = await withRig(setting, options, async (rig) => {
      const bound = (WINDOW * connections * 1000) / ROUND_TRIP_MS;
      const messages = Math.round(Math.min(bound, 25_000) * 2);
      const load = { ...common(setting, rig), messages, outstanding: 200 + WINDOW * connections };
      return measure(Math.min(3, setting.runs), rig, (run) => runLoad({ ...load, prefix: `pool${run}` }));
    });
    const bound = (WINDOW * connections * 1000) / ROUND_TRIP_MS;
    rows.push({
      connections,
      'window × connections / round trip': whole(bound),
      'messages/s': whole(perSecondOf(measured)),
      'of that': ratio(perSecondOf(measured) / bound),
      'of raw': known.raw === undefined ? '–' : ratio(perSecondOf(measured) / known.raw),
      'CPU µs': whole(median(measured.cpuMicros)),
    });
  }
  return { title: `Pool size at a round trip of ${ROUND_TRIP_MS} ms`, rows };
};

const SESSIONS = Array.from({ length: 100 }, (_, n) => `app${n}`);

/** Many backends: 1,000 busy connections on 100 sessions, and ten times as many that say nothing. */
const connections: Scenario = async (setting, known) => {
  const sessions = SESSIONS.map((id) => ({ id }));
  const most = setting.idle + 1_000;
  const options = {
    pool: setting.connections,
    sessions,
    bal: { max_connections: most, max_connections_per_session: most },
  };
  const busy = await withRig(setting, options, (rig) => {
    const load = { ...common(setting, rig), sessions: SESSIONS, connections: 1_000, outstanding: 2 };
    return measure(setting.runs, rig, (run) => runLoad({ ...load, prefix: `busy${run}` }));
  });
  const idle = await withRig(setting, options, (rig) => withIdle(setting, rig));
  return {
    title: 'Many connections',
    rows: [columns('1,000 connections on 100 sessions, busy', busy, known.raw), idle],
  };
};

/** Memory of connections that only stand there, and the latency of one message at a time beside them. */
async function withIdle(setting: Setting, rig: Rig): Promise<Row> {
  const backends: Backend[] = [];
  const open = async (count: number) => {
    for (const end = backends.length + count; backends.length < end; ) {
      const wave = Array.from({ length: Math.min(100, end - backends.length) }, (_, i) => SESSIONS[i] ?? '');
      backends.push(...(await Promise.all(wave.map((session) => Backend.logOn({ port: rig.balPort, session })))));
    }
    await sleep(3_000);
  };
  await open(200); // what the first ones cost is the code and the tables
  const before = usage(rig.bridgePid).residentBytes;
  await open(setting.idle);
  const after = usage(rig.bridgePid).residentBytes;
  const only = { sessions: SESSIONS, connections: 1, outstanding: 1, messages: 1_000, prefix: 'only' };
  const single = await runLoad({ ...common(setting, rig), ...only });
  for (const backend of backends) backend.close();
  return {
    scenario: `${whole(setting.idle)} idle connections, one message at a time`,
    'p50 ms': tenth(single.p50),
    'p95 ms': tenth(single.p95),
    'p99 ms': tenth(single.p99),
    MiB: whole(after / MIB),
    'KiB for each idle one': tenth((after - before) / 1024 / setting.idle),
  };
}

/** FCM unreachable for long: everything is accepted, the bridge restarts, and all of it is drained. */
const backlog: Scenario = async (setting, known) => {
  const options = { pool: setting.connections, sessions: [{ id: APP, max_pending: setting.backlog + 1_000 }] };
  return withRig(setting, options, async (rig) => {
    const rows: Row[] = [];
    const phase = (name: string, facts: Row) =>
      rows.push({ phase: name, ...facts, 'peak MiB': whole(peakBytes(rig.bridgePid) / MIB) });
    rig.order({ reachable: false });
    const load = { ...common(setting, rig), messages: setting.backlog, outstanding: OUTSTANDING };
    const accepted = await runLoad({ ...load, until: 'taken', prefix: 'back' });
    const share = (perSecond: number) => ratio(perSecond / (known.downstream ?? Number.NaN));
    phase('accepted while FCM is unreachable', {
      messages: whole(accepted.messages),
      'messages/s': whole(accepted.perSecond),
      'of downstream': share(accepted.perSecond),
      'file MiB': whole(bytesOf(rig.folder, 'bench.db') / MIB),
    });
    await rig.stopBridge();
    const stopped = performance.now();
    await rig.startBridge();
    phase('restarted with it', { seconds: tenth((performance.now() - stopped) / 1000) });
    rig.order({ reachable: true });
    resetPeak(rig.bridgePid);
    const drained = await drain(rig, accepted.messages);
    phase('drained', {
      messages: whole(accepted.messages),
      'messages/s': whole(drained),
      'of downstream': share(drained),
      'file MiB': whole(bytesOf(rig.folder, 'bench.db') / MIB),
    });
    return { title: 'Backlog', rows };
  });
};

/** Takes outcomes until all have come. @returns messages per second, from the first outcome on */
async function drain(rig: Rig, messages: number): Promise<number> {
  const finished = Promise.withResolvers<void>();
  let done = 0;
  let began = 0;
  const backends = await Promise.all(
    Array.from({ length: 4 }, () => Backend.logOn({ port: rig.balPort, session: APP })),
  );
  for (const backend of backends) {
    backend.listen((frames) => {
      began ||= performance.now();
      done += frames.filter(({ message_type }) => message_type === 'DOWNSTREAM_ACK').length;
      if (done >= messages) finished.resolve();
    }, finished.reject);
  }
  await finished.promise;
  for (const backend of backends) backend.close();
  return (messages * 1000) / (performance.now() - began);
}

/**
 * A session that sends 100 messages a second, alone and beside another with a backlog of 20,000 that sends as fast as it
 * can: where the windows are what is short, and where the processor is.
 */
const fairness: Scenario = async (setting) => {
  const [quietSession, floodSession] = ['quiet', 'flood'];
  const sessions = [{ id: quietSession }, { id: floodSession }];
  const rows: Row[] = [];
  for (const latency of [ROUND_TRIP_MS, 0]) {
    const options = { pool: setting.connections, sessions, emulator: { latency: `${latency}ms` } };
    const results = await withRig(setting, options, async (rig) => {
      const load = { port: rig.balPort, quietSession, floodSession, payload: setting.payload };
      const all: FairnessResult[] = [];
      while (all.length < Math.min(3, setting.runs))
        all.push(await measureFairness({ ...load, prefix: `f${all.length}` }));
      return all;
    });
    const of = (pick: (result: FairnessResult) => number) => median(results.map(pick));
    rows.push({
      'round trip ms': latency,
      'flood, messages/s': whole(of(({ floodPerSecond }) => floodPerSecond)),
      'p50 alone': tenth(of(({ alone }) => alone.p50)),
      'p99 alone': tenth(of(({ alone }) => alone.p99)),
      'p50 beside': tenth(of(({ beside }) => beside.p50)),
      'p99 beside': tenth(of(({ beside }) => beside.p99)),
      'p99 by p99': ratio(of((result) => result.ratio)),
    });
  }
  return { title: 'A quiet session beside a flood', note: '100 messages a second; times in milliseconds.', rows };
};

const encoding: Scenario = (setting, known) =>
  withRig(setting, { pool: setting.connections }, async (rig) => {
    const rows: Row[] = [];
    for (const encoding of encodings) {
      const load = { ...common(setting, rig), encoding };
      const measured = await measure(setting.runs, rig, (run) =>
        runLoad({ ...load, prefix: `${encoding[0]}-enc${run}` }),
      );
      rows.push(columns(encoding, measured, known.raw));
    }
    return { title: 'Encodings of BAL', rows };
  });

/** In the order in which they run: the first ones are what others are compared with. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  raw,
  downstream,
  upstream,
  pool,
  connections,
  fairness,
  backlog,
  encoding,
};
