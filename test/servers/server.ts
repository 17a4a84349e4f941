import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The one host that the servers of the tests serve, and the component beside it. */
export const HOST = 'localhost';
export const COMPONENT = 'up.localhost';
export const SECRET = 'component secret';

export interface ServerOptions {
  /** Accounts at {@link HOST} with their passwords. */
  readonly users: Readonly<Record<string, string>>;
}

/** A real XMPP server on free ports of the loopback. */
export interface XmppServer {
  /** Plain TCP for clients. */
  readonly clientPort: number;
  readonly componentPort: number;
  /** What it has written about itself. */
  log(): string;
  /** Ends it as its own administrator would, and starts it again on the same ports and data. */
  restart(): Promise<void>;
  /** Ends it; {@link restart} starts it again. */
  halt(): Promise<void>;
  /** Ends it for good and removes what it has written. */
  stop(): Promise<void>;
}

/** How a program is run as a server. */
export interface Recipe {
  readonly program: string;
  /** Writes its files into `folder`. */
  prepare(
    folder: string,
    ports: { client: number; component: number },
  ): {
    readonly args: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  };
}

/** Real time for a server to start or to end, in milliseconds: machines that run tests may be slow. */
const PATIENCE_MS = 30_000;

/** Runs a program until standard input ends: whatever becomes of the test, its server does not outlive it. */
const LEASH = 'exec 3<&0; "$0" "$@" </dev/null & server=$!; { read -r _ <&3; kill "$server"; } & wait "$server"';

/** Starts a server. Rejects, with its words, if it ends or does not listen in time. */
export async function startServer({ program, prepare }: Recipe): Promise<XmppServer> {
  if (!existsSync(program)) throw new Error(`${program} is not installed: scripts/ensure-servers installs it`);
  const folder = mkdtempSync(join(tmpdir(), 'xmpp-server-'));
  const clientPort = await freePort();
  const componentPort = await freePort();
  const { args, env } = prepare(folder, { client: clientPort, component: componentPort });
  const output = join(folder, 'output');
  writeFileSync(output, '');
  let child: ChildProcessWithoutNullStreams | undefined;

  const run = async (): Promise<void> => {
    const running = spawn('/bin/sh', ['-c', LEASH, program, ...args], {
      cwd: folder,
      env: { ...process.env, HOME: folder, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    child = running;
    for (const stream of [running.stdout, running.stderr]) {
      stream.on('data', (chunk: Buffer) => writeFileSync(output, chunk, { flag: 'a' }));
    }
    const end = Date.now() + PATIENCE_MS;
    while (!((await listens(clientPort)) && (await listens(componentPort)))) {
      const over = running.exitCode !== null || Date.now() > end;
      if (over) throw new Error(`${program} does not listen:\n${readFileSync(output, 'utf8')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const halt = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null) return;
    const gone = once(running, 'exit');
    running.stdin.end();
    const timer = setTimeout(() => running.pid !== undefined && process.kill(-running.pid, 'SIGKILL'), PATIENCE_MS);
    await gone;
    clearTimeout(timer);
  };
  const stop = async (): Promise<void> => {
    await halt();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await run();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    clientPort,
    componentPort,
    log: () => readFileSync(output, 'utf8'),
    async restart() {
      await halt();
      await run();
    },
    halt,
    stop,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
