/** Bridge and emulator as the benchmark runs them: each a process of its own, on loopback. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export interface Rig {
  readonly balPort: number;
  /** Process id of the bridge, to look at its memory and time. */
  readonly bridgePid: number;
  stop(): Promise<void>;
}

/** Starts both in `folder`; the store is a SQLite file there. */
export async function startRig(folder: string, pool: { connections: number; window: number }): Promise<Rig> {
  const ca = join(folder, 'ca.pem');
  const emulator = spawn(process.execPath, [here('emulator.ts'), ca], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ccsPort = Number(await firstLine(emulator));
  const config = join(folder, 'bench.yaml');
  writeFileSync(
    config,
    JSON.stringify({
      log: { level: 'warn' },
      store: { url: `sqlite:${join(folder, 'bench.db')}` },
      bal: { port: 0 },
      admin: { port: 0 },
      sessions: [{ id: 'com.example.app' }],
      providers: {
        ccs: {
          host: '127.0.0.1',
          port: ccsPort,
          sender_id: '1',
          server_key: 'key',
          ca,
          pool: { min: pool.connections, max: pool.connections, window: pool.window },
        },
      },
    }),
  );
  const bridge = spawn(process.execPath, [here('../../src/main.ts'), 'serve', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await firstLine(bridge);
  const balPort = Number(/bal\D+(?:[\d.]+|localhost):(\d+)/i.exec(line)?.[1]);
  if (!balPort || bridge.pid === undefined) throw new Error(`the bridge says: ${line}`);
  return {
    balPort,
    bridgePid: bridge.pid,
    async stop() {
      await end(bridge, 'SIGTERM');
      await end(emulator, 'SIGTERM');
    },
  };
}

/** Processor seconds and resident bytes of a process, from /proc; undefined where there is none. */
export function usage(pid: number): { cpuSeconds: number; residentBytes: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
    return { cpuSeconds: (Number(stat[11]) + Number(stat[12])) / 100, residentBytes: pages * 4096 };
  } catch {
    return undefined;
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('no output to read');
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'close').then(([code]) => {
    throw new Error(`${child.spawnargs.join(' ')} ended with ${code}`);
  });
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
  ended.catch(() => {});
  child.stdout.resume();
  return line;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill(signal);
  await closed;
}
