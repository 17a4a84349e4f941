import type { Message, Outcome, Receiver, Telemetry } from '../../../src/core/index.ts';
import { type Clock, ManualClock } from '../../../src/lib/clock.ts';
import type { Log } from '../../../src/lib/log.ts';
import { type CcsProvider, ccsOptions, createCcsProvider } from '../../../src/providers/ccs/index.ts';
import { type Peer, type Script, type ScriptedServer, scriptedServer } from './scripted-server.ts';

/** Waits until `check` gives something, in real time: what happens between sockets has its own. */
export async function until<T>(check: () => T | undefined | false, what = 'it', ms = 5_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const value = check();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

let witnesses = 0;

/**
 * What the bridge wrote from the character `since` on, until it answered a ping that came behind everything else on this
 * connection: all before it has been handled then. What a test expects not to be there will not come any more.
 */
export async function said(peer: Peer | undefined, since = peer?.text.length ?? 0): Promise<string> {
  const id = `witness-${++witnesses}`;
  peer?.write(`<iq type="get" id="${id}"><ping xmlns="urn:xmpp:ping"/></iq>`);
  const answer = new RegExp(`<iq [^>]*id="${id}"[^>]*>`);
  const found = await until(() => answer.exec(peer?.text.slice(since) ?? '') ?? undefined, 'the answer to a ping');
  return found.input.slice(0, found.index);
}

/** Long enough for anything that is under way between sockets on this machine. */
export const pause = (ms = 40): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let ids = 0;

/** A message as the dispatcher hands it over. */
export function message(changes: Partial<Message> & { fcm?: object } = {}): Message {
  const { fcm, ...rest } = changes;
  const id = ++ids;
  return {
    id,
    wireId: `w${id}`,
    session: 'com.example.app',
    messageId: `m${id}`,
    provider: 'fcm',
    target: 'token',
    payload: { kind: 'fcm', json: JSON.stringify({ to: 'token', ...fcm }) },
    priority: 'normal',
    acceptedAt: 0,
    expiresAt: 1_700_000_000_000 + 2_419_200_000,
    answer: 'inbox',
    mailbox: 0,
    digest: '',
    receipt: false,
    attempts: 0,
    ...rest,
  };
}

export interface Line {
  readonly level: string;
  readonly event: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface Bench extends AsyncDisposable {
  readonly server: ScriptedServer;
  readonly provider: CcsProvider;
  readonly clock: ManualClock;
  readonly log: Line[];
  /** Events of the metrics, counted. */
  readonly events: Record<string, number>;
  readonly upstream: Parameters<Receiver['upstream']>[0][];
  readonly receipts: (Omit<Parameters<Receiver['receipt']>[0], 'data'> & { data: string })[];
  /** Outcomes of what `send` sent, in the order of their arrival. */
  readonly outcomes: { readonly message: Message; readonly outcome: Outcome }[];
  send(message: Message): Promise<Outcome>;
  /** Moves time on in small steps, so that sweeps see it. */
  pass(ms: number): Promise<void>;
}

export interface BenchOptions {
  readonly script?: Partial<Script>;
  readonly options?: Record<string, unknown>;
  readonly receiver?: Partial<Receiver>;
  readonly server?: ScriptedServer;
  readonly random?: () => number;
  /** Connections to wait for before the test begins. */
  readonly wait?: number;
  readonly clock?: ManualClock;
  /** Time goes on by itself, faster than the real one. */
  readonly flow?: boolean;
}

/** A started provider and the server that it talks to. Time stands still unless the test moves it. */
export async function bench(given: BenchOptions = {}): Promise<Bench> {
  const server = given.server ?? (await scriptedServer(given.script));
  const clock = given.clock ?? new ManualClock();
  const log: Line[] = [];
  const events: Record<string, number> = {};
  const upstream: Bench['upstream'] = [];
  const receipts: Bench['receipts'] = [];
  const outcomes: Bench['outcomes'] = [];
  const provider = createCcsProvider({
    name: 'fcm',
    options: ccsOptions.parse({
      host: 'localhost',
      port: server.port,
      sender_id: '123',
      server_key: 'key',
      ca: server.ca,
      ...given.options,
    }),
    clock: clock as Clock,
    random: given.random ?? (() => 0.5),
    log: recorder(log, {}),
    telemetry: counting(events),
  });
  await provider.start({
    async upstream(incoming) {
      upstream.push(incoming);
      await given.receiver?.upstream?.(incoming);
    },
    async receipt(incoming) {
      receipts.push({ ...incoming, data: incoming.data('own') });
      await given.receiver?.receipt?.(incoming);
    },
  });
  let flowing = given.flow ?? false;
  const flow = (async () => {
    while (flowing) {
      await clock.advance(50);
      await pause(5);
    }
  })();
  const wait = given.wait ?? 1;
  if (wait > 0) await until(() => provider.pool().open >= wait, `${wait} connections`);
  return {
    server,
    provider,
    clock,
    log,
    events,
    upstream,
    receipts,
    outcomes,
    async send(sent) {
      const outcome = await provider.deliver(sent, clock.now());
      outcomes.push({ message: sent, outcome });
      return outcome;
    },
    async pass(ms) {
      for (let left = ms; left > 0; left -= 500) {
        await clock.advance(Math.min(500, left));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
    async [Symbol.asyncDispose]() {
      flowing = false;
      await flow;
      const stopped = provider.stop(0);
      await clock.advance(1);
      await pause(20);
      await clock.advance(5_000);
      await stopped;
      await server[Symbol.asyncDispose]();
    },
  };
}

function counting(events: Record<string, number>): Telemetry {
  return {
    add(name, labels, by = 1) {
      if (name !== 'pushbridge_provider_events_total' || !('event' in labels)) return;
      const event = String(labels.event);
      events[event] = (events[event] ?? 0) + by;
    },
    observe() {},
    gauge() {},
  };
}

function recorder(lines: Line[], base: Readonly<Record<string, unknown>>): Log {
  const put =
    (level: string) =>
    (event: string, facts: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, event, facts: { ...base, ...facts } });
  return {
    error: put('error'),
    warn: put('warn'),
    info: put('info'),
    debug: put('debug'),
    child: (facts) => recorder(lines, { ...base, ...facts }),
  };
}
