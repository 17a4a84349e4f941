/** Scenarios of much: many connections, a flood, a backlog. */
import { Backend } from './backend.ts';
import { type FairnessResult, measureFairness } from './fairness.ts';
import { runLoad } from './load.ts';
import { bytesOf, MIB, median, peakBytes, resetPeak, sleep, usage } from './measure.ts';
import type { Rig } from './processes.ts';
import { APP, common, measure, OUTSTANDING, ROUND_TRIP_MS, type Scenario, type Setting, withRig } from './stage.ts';
import { columns, type Row, ratio, tenth, whole } from './table.ts';

const SESSIONS = Array.from({ length: 100 }, (_, n) => `app${n}`);

/** Many backends: 1,000 busy connections on 100 sessions, and ten times as many that say nothing. */
export const connections: Scenario = async (setting, known) => {
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
export const backlog: Scenario = async (setting, known) => {
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
export const fairness: Scenario = async (setting) => {
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
