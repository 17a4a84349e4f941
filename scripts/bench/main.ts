/** `npm run bench`: what the bridge does under load, scenario by scenario. See `npm run bench -- --help`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fsyncFloor } from './measure.ts';
import { scenarios } from './scenarios.ts';
import type { Known, Setting } from './stage.ts';
import { markdown, type Section, whole } from './table.ts';

const names = Object.keys(scenarios);

const HELP = `npm run bench -- [options] [scenario …]

scenarios (default: all): ${names.join(', ')}

  --messages N      messages a run (40000)
  --runs N          measured runs after one warm-up; medians are shown (5)
  --payload N       bytes of data in a message (300)
  --connections N   connections on either side of the bridge (4)
  --rate N          messages per second where latency is shown (2000)
  --backlog N       messages of the backlog (1000000)
  --idle N          idle connections (10000)
  --folder DIR      where the stores lie (a temporary folder)
  --json FILE       write the figures there too
  --cpu-prof DIR    write a processor profile of each bridge there
  --node-args ARGS  further arguments of Node.js for the bridge
  --program FILE    the program of the bridge (dist/main.js), to compare two builds
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    messages: { type: 'string', default: '40000' },
    runs: { type: 'string', default: '5' },
    payload: { type: 'string', default: '300' },
    connections: { type: 'string', default: '4' },
    rate: { type: 'string', default: '2000' },
    backlog: { type: 'string', default: '1000000' },
    idle: { type: 'string', default: '10000' },
    folder: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
    'cpu-prof': { type: 'string' },
    program: { type: 'string', default: fileURLToPath(new URL('../../dist/main.js', import.meta.url)) },
    'node-args': { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
});

const print = (text: string) => void process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  if (values.help) {
    print(HELP);
    return;
  }
  const unknown = positionals.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no such scenario: ${unknown.join(', ')}; there are ${names.join(', ')}`);
  const folder = mkdtempSync(join(values.folder, 'pushbridge-floor-'));
  const machine = {
    processor: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
    node: process.version,
    fdatasyncMicros: fsyncFloor(folder, 1),
    fdatasyncOfHundredMicros: fsyncFloor(folder, 100),
  };
  rmSync(folder, { recursive: true });
  print(`processor: ${machine.processor}; Node.js ${machine.node}`);
  print(
    `fdatasync after one 512-byte record: ${whole(machine.fdatasyncMicros)} µs; after a hundred: ${whole(machine.fdatasyncOfHundredMicros)} µs (medians of 200)`,
  );
  const profile = values['cpu-prof'];
  const setting: Setting = {
    folder: values.folder,
    messages: Number(values.messages),
    runs: Number(values.runs),
    payload: Number(values.payload),
    connections: Number(values.connections),
    rate: Number(values.rate),
    backlog: Number(values.backlog),
    idle: Number(values.idle),
    program: values.program,
    nodeArgs: [
      ...(profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : []),
      ...values['node-args'].split(' ').filter((arg) => arg !== ''),
    ],
  };
  const known: Known = {};
  const sections: Record<string, Section> = {};
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const section = await scenario(setting, known);
    sections[name] = section;
    print(`\n### ${section.title}\n\n${section.note ? `${section.note}\n\n` : ''}${markdown(section.rows)}`);
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ machine, sections }, null, 2)}\n`);
}

await main();
