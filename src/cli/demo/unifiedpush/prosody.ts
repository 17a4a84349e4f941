import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Clock } from '../../../lib/clock.ts';
import { freePorts, listens } from './ports.ts';
import { until } from './waiting.ts';

/** The domain that the server serves, and that of the bridge beside it. */
export const DOMAIN = 'localhost';
export const COMPONENT = 'push.localhost';
/** The one account. */
export const ACCOUNT = { username: 'romeo', password: 'demo' } as const;

/** How long it may take to end before it is made to, in milliseconds. */
const ENDING_MS = 5_000;
/** Characters of its log that an error shows. */
const LOG_SHOWN = 1_000;

/** Runs a program until its standard input ends: however the demo ends, the server does not outlive it. */
const LEASH = 'exec 3<&0; "$0" "$@" </dev/null & server=$!; { read -r _ <&3; kill "$server"; } & wait "$server"';

/** A real Prosody on free ports of the loopback. */
export interface Prosody {
  /** Plain TCP for clients. */
  readonly clientPort: number;
  /** For the bridge as its component. */
  readonly componentPort: number;
  readonly secret: string;
  stop(): Promise<void>;
}

/** Where Prosody is installed; undefined if it is not. */
export function findProsody(path = ''): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, 'prosody'))
    .find((file) => existsSync(file));
}

/** Starts the program in `folder`. Rejects, with its words, if it does not listen. */
export async function startProsody(program: string, folder: string, clock: Clock): Promise<Prosody> {
  const [clientPort = 0, componentPort = 0] = await freePorts(2);
  const secret = 'demo';
  const accounts = join(folder, 'prosody', DOMAIN, 'accounts');
  mkdirSync(accounts, { recursive: true });
  writeFileSync(join(accounts, `${ACCOUNT.username}.dat`), `return { ["password"] = "${ACCOUNT.password}" };\n`);
  const config = join(folder, 'prosody.cfg.lua');
  writeFileSync(config, configuration(folder, clientPort, componentPort, secret));
  const child = spawn('/bin/sh', ['-c', LEASH, program, '--config', config, '-F'], {
    cwd: folder,
    env: { ...process.env, HOME: folder },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.pid === undefined) return;
    const { pid } = child;
    const gone = once(child, 'exit');
    child.stdin.end();
    const timer = clock.after(ENDING_MS, () => process.kill(-pid, 'SIGKILL'));
    await gone;
    timer.cancel();
  };
  const up = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error('it has ended');
    return (await listens(clientPort)) && (await listens(componentPort));
  };
  try {
    await until(clock, up, 'its ports');
  } catch (cause) {
    await stop();
    const log = join(folder, 'prosody.log');
    const words = existsSync(log) ? readFileSync(log, 'utf8').slice(-LOG_SHOWN) : '';
    throw new Error(`Prosody does not start: ${words || String(cause)}`, { cause });
  }
  return { clientPort, componentPort, secret, stop };
}

const configuration = (folder: string, client: number, component: number, secret: string): string => `
run_as_root = true
pidfile = "${folder}/prosody.pid"
data_path = "${folder}/prosody"
certificates = "${folder}"
plugin_server = ""
log = { info = "${folder}/prosody.log" }
interfaces = { "127.0.0.1" }
c2s_ports = { ${client} }
component_ports = { ${component} }
component_interfaces = { "127.0.0.1" }
modules_enabled = { "roster", "saslauth", "disco", "ping", "offline", "carbons", "smacks" }
modules_disabled = { "s2s", "tls", "s2s_auth_certs" }
c2s_require_encryption = false
authentication = "internal_plain"
VirtualHost "${DOMAIN}"
Component "${COMPONENT}"
  component_secret = "${secret}"
`;
