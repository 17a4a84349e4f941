import { readFileSync } from 'node:fs';
import type { BalClient, BalClientOptions } from '../client/index.ts';
import { systemClock } from '../lib/clock.ts';
import { DeadlineError, deadline } from '../lib/deadline.ts';
import { createLog, reason } from '../lib/log.ts';
import { type Args, type Io, type Options, UsageError } from './command.ts';
import { durationOf, levelOf, portOf, required } from './values.ts';

/** The flags of every command that logs on to a bridge. */
export const balFlags: Options = {
  session: { type: 'string', short: 's', value: 'ID', help: 'the session to log on to' },
  secret: {
    type: 'string',
    value: 'TEXT',
    help: 'its secret; others on this machine can see it: better in PUSHBRIDGE_SECRET or a file',
  },
  'secret-file': { type: 'string', value: 'FILE', help: 'read the secret from a file; white space at its end is cut' },
  host: { type: 'string', value: 'HOST', help: 'where the bridge is (default: 127.0.0.1)' },
  port: { type: 'string', value: 'PORT', help: 'its BAL port (default: 5290)' },
  tls: { type: 'boolean', help: 'speak TLS, with the authorities that Node.js knows' },
  ca: { type: 'string', value: 'FILE', help: 'speak TLS, with this authority (PEM)' },
  cert: { type: 'string', value: 'FILE', help: 'certificate of this backend, for a bridge with client_ca (PEM)' },
  key: { type: 'string', value: 'FILE', help: 'its private key (PEM)' },
  client: { type: 'string', value: 'NAME', help: 'name of this backend instance: answers wait for it for a while' },
  'connect-timeout': { type: 'string', value: 'TIME', help: 'give up when there is no logon by then (default: 10s)' },
  'log-level': { type: 'string', value: 'LEVEL', help: 'what is told on standard error (default: warn)' },
};

/** Frames that may wait for an ACK: as many as the protocol has, because outcomes queue behind upstream messages. */
const WINDOW = 1_000;
/** How long a goodbye may take, in milliseconds. */
const GOODBYE_MS = 500;

/** What the flags say about the connection. */
export function clientOptions(args: Args, env: Io['env']): BalClientOptions {
  const secret = secretOf(args, env);
  const client = args.text('client');
  const tls = tlsOf(args);
  return {
    host: args.text('host') ?? '127.0.0.1',
    port: portOf(args.text('port') ?? '5290'),
    session: required(args, 'session', 'ID'),
    window: WINDOW,
    log: createLog(levelOf(args, 'warn'), 'pretty'),
    ...(secret !== undefined && { secret }),
    ...(client !== undefined && { client }),
    ...(tls !== undefined && { tls }),
  };
}

/**
 * A client that is logged on.
 * @throws Error if the bridge refuses, or cannot be reached in time
 */
export async function logOn(args: Args, env: Io['env']): Promise<BalClient> {
  const options = clientOptions(args, env);
  const timeoutMs = durationOf(args, 'connect-timeout', 10_000);
  const { BalClient } = await import('../client/index.ts');
  const client = new BalClient(options);
  let last: unknown;
  const forget = client.onState((change) => {
    if ('error' in change) last = change.error;
  });
  // The client's own timers keep the process alive while it tries; the deadline's need not.
  try {
    await deadline(systemClock, client.connect(), timeoutMs, `logon at ${options.host}:${options.port}`);
    return client;
  } catch (error) {
    client.close();
    if (error instanceof DeadlineError && last) throw new Error(`${error.message}: ${reason(last)}`, { cause: last });
    throw error;
  } finally {
    forget();
  }
}

/**
 * Says goodbye, so that the last ACKs arrive. The bridge would wait a while for the ACKs of whatever else it has sent;
 * this backend will not give them, and others get these frames as soon as the connection is closed.
 */
export async function leave(client: BalClient): Promise<void> {
  const timer = setTimeout(() => client.close(), GOODBYE_MS);
  await client.logoff({ wait: 'nothing' });
  clearTimeout(timer);
}

function secretOf(args: Args, env: Io['env']): string | undefined {
  const file = args.text('secret-file');
  const given = args.text('secret');
  if (file !== undefined && given !== undefined) throw new UsageError('give --secret or --secret-file, not both');
  if (file !== undefined) return readText(file, '--secret-file').trimEnd();
  return given ?? (env.PUSHBRIDGE_SECRET || undefined);
}

function tlsOf(args: Args): BalClientOptions['tls'] {
  const files = (['ca', 'cert', 'key'] as const).flatMap((name) => {
    const file = args.text(name);
    return file === undefined ? [] : [[name, readText(file, `--${name}`)] as const];
  });
  if (files.length > 0) return Object.fromEntries(files);
  return args.flag('tls') ? true : undefined;
}

function readText(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`${flag}: ${reason(cause)}`, { cause });
  }
}
