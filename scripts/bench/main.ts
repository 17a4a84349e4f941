/**
 * `npm run bench`: messages per second downstream through bridge and emulator, each in a process of its own, on loopback,
 * with the SQLite store. See `npm run bench -- --help`.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type LoadResult, runLoad } from './load.ts';
import { type Rig, startRig, usage } from './processes.ts';

const HELP = `npm run bench -- [options]

  --messages N      messages a run (40000)
  --runs N          measured runs after one warm-up; the median is shown (5)
  --payload N       bytes of data in a message (300)
  --connections N   connections on either side of the bridge (4)
  --rate N          messages per second of the latency scenario (2000)
  --folder DIR      where the store lies (a temporary folder)
  --json FILE       write the figures there too
`;

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '40000' },
    runs: { type: 'string', default: '5' },
    payload: { type: 'string', default: '300' },
    connections: { type: 'string', default: '4' },
    rate: { type: 'string', default: '2000' },
    folder: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

interface Row {
  readonly scenario: string;
  readonly perSecond: number;
  readonly spread: string;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly cpuMicros: number;
  readonly residentMiB: number;
}

const print = (text: string) => process.stdout.write(`${text}\n`);
const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
const whole = (n: number) => Math.round(n).toLocaleString('en');

/** The floor under every durable write: one 512-byte record and `fdatasync`, in microseconds. */
function fsyncFloor(folder: string): number {
  const file = openSync(join(folder, 'floor'), 'w');
  const record = Buffer.alloc(512, 'x');
  const times: number[] = [];
  for (let i = 0; i < 200; i++) {
    const started = performance.now();
    writeSync(file, record);
    fdatasyncSync(file);
    times.push((performance.now() - started) * 1000);
  }
  closeSync(file);
  return median(times);
}

async function scenario(name: string, rig: Rig, load: (run: number) => Promise<LoadResult>): Promise<Row> {
  const results: LoadResult[] = [];
  const cpu: number[] = [];
  for (let run = 0; run <= Number(values.runs); run++) {
    const before = usage(rig.bridgePid);
    const result = await load(run);
    const after = usage(rig.bridgePid);
    if (result.rejected > 0) throw new Error(`${result.rejected} messages were rejected`);
    if (run === 0) continue; // warm-up
    results.push(result);
    const messages = result.perSecond * result.seconds;
    if (before && after) cpu.push(((after.cpuSeconds - before.cpuSeconds) / messages) * 1e6);
  }
  const rates = results.map((r) => r.perSecond);
  return {
    scenario: name,
    perSecond: median(rates),
    spread: `${whole(Math.min(...rates))}–${whole(Math.max(...rates))}`,
    p50: median(results.map((r) => r.p50)),
    p95: median(results.map((r) => r.p95)),
    p99: median(results.map((r) => r.p99)),
    cpuMicros: median(cpu),
    residentMiB: (usage(rig.bridgePid)?.residentBytes ?? 0) / 2 ** 20,
  };
}

function table(rows: readonly Row[]): string {
  const lines = rows.map((r) =>
    [
      r.scenario,
      whole(r.perSecond),
      r.spread,
      r.p50.toFixed(1),
      r.p95.toFixed(1),
      r.p99.toFixed(1),
      r.cpuMicros.toFixed(0),
      r.residentMiB.toFixed(0),
    ].join(' | '),
  );
  const head = 'scenario | messages/s | spread | p50 ms | p95 ms | p99 ms | CPU µs per message | MiB resident';
  return [head, head.replace(/[^|]+/g, '---'), ...lines].map((line) => `| ${line} |`).join('\n');
}

async function main(): Promise<void> {
  if (values.help) {
    print(HELP);
    return;
  }
  const folder = mkdtempSync(join(values.folder, 'pushbridge-bench-'));
  const connections = Number(values.connections);
  const common = { connections, session: 'com.example.app', payload: Number(values.payload) };
  print(`processor: ${cpus().length} × ${cpus()[0]?.model.trim()}; Node.js ${process.version}`);
  print(`fdatasync of one 512-byte record: ${fsyncFloor(folder).toFixed(0)} µs (median of 200)`);
  const rig = await startRig(folder, { connections, window: 100 });
  try {
    const messages = Number(values.messages);
    const rate = Number(values.rate);
    const rows = [
      await scenario('as fast as it goes', rig, (run) =>
        runLoad({ ...common, port: rig.balPort, messages, outstanding: 400, prefix: `full${run}` }),
      ),
      await scenario(`at ${whole(rate)} a second`, rig, (run) =>
        runLoad({ ...common, port: rig.balPort, messages: rate * 3, outstanding: 400, rate, prefix: `paced${run}` }),
      ),
    ];
    print(`\n${table(rows)}`);
    if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
  } finally {
    await rig.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
