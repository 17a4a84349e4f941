/**
 * The raw loop, in a process of its own: bare @xmpp/client connections that send the same stanzas to the same emulator
 * with the same window, and take its upstream messages, with no bridge between. What a backend would do without one.
 */
import { client, xml } from '@xmpp/client';
import { median } from './measure.ts';

export interface RawOptions {
  readonly port: number;
  readonly connections: number;
  readonly window: number;
  readonly messages: number;
  readonly payload: number;
  readonly runs: number;
}

export interface RawResult {
  /** Messages per second downstream: the median, and all runs. */
  readonly perSecond: number;
  readonly runs: readonly number[];
}

interface Stanza {
  getChild(name: string): { text(): string } | null;
}

interface Client {
  on(event: 'stanza', listener: (stanza: Stanza) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  start(): Promise<unknown>;
  stop(): Promise<unknown>;
  send(stanza: unknown): Promise<void>;
}

const options = JSON.parse(process.argv[2] ?? '{}') as RawOptions;
const filler = 'x'.repeat(Math.max(0, options.payload - 10));

function open(): Client {
  return client({
    service: `xmpps://localhost:${options.port}`,
    domain: 'gcm.googleapis.com',
    timeout: 10_000,
    credentials: (authenticate, mechanisms) =>
      authenticate({ username: '1@gcm.googleapis.com', password: 'key' }, mechanisms[0] ?? ''),
  }) as unknown as Client;
}

/** Sends a share of the messages over one connection, never more than the window un-acked. */
function send(connection: Client, prefix: string, share: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let sent = 0;
  let done = 0;
  const fill = () => {
    for (; sent < share && sent - done < options.window; sent++) {
      const json = JSON.stringify({ to: `token-${sent}`, message_id: `${prefix}-${sent}`, data: { text: filler } });
      connection.send(xml('message', { id: '' }, [xml('gcm', { xmlns: 'google:mobile:data' }, [json])])).catch(reject);
    }
  };
  takers.set(connection, (stanza) => {
    const text = stanza.getChild('gcm')?.text() ?? stanza.getChild('data:gcm')?.text();
    if (text === undefined || (JSON.parse(text) as { message_type?: string }).message_type !== 'ack') return;
    if (++done === share) resolve();
    else fill();
  });
  fill();
  return promise;
}

const takers = new Map<Client, (stanza: Stanza) => void>();
const connections = Array.from({ length: options.connections }, open);
for (const connection of connections) {
  connection.on('stanza', (stanza) => takers.get(connection)?.(stanza));
  connection.on('error', (error) => {
    throw error;
  });
}
await Promise.all(connections.map((connection) => connection.start()));
const share = Math.floor(options.messages / options.connections);
const runs: number[] = [];
for (let run = 0; run <= options.runs; run++) {
  const started = performance.now();
  await Promise.all(connections.map((connection, index) => send(connection, `raw${run}-${index}`, share)));
  // The first is the warm-up.
  if (run > 0) runs.push((share * options.connections * 1000) / (performance.now() - started));
}
const result: RawResult = { perSecond: median(runs), runs };
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
