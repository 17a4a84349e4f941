import type { ExecutionContext } from 'ava';
import {
  Core,
  type Endpoint,
  Endpoints,
  noTelemetry,
  type Payload,
  type Registration,
  type StoreLimits,
} from '../../../src/core/index.ts';
import { type Forward, WebPushDoor, webpushOptions } from '../../../src/doors/webpush/index.ts';
import { ManualClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { createHttpListener, httpOptions } from '../../../src/protocols/http/index.ts';
import { type PushHeaders, readPushHeaders } from '../../../src/protocols/webpush/index.ts';
import { createMemoryStore } from '../../../src/storage/memory/index.ts';
import { FakeProvider } from '../../core/fake-provider.ts';
import { GatedStore } from '../../core/gated-store.ts';
import { limits } from '../bal/harness.ts';

export type Json = Readonly<Record<string, unknown>>;
export type Headers = Readonly<Record<string, string>>;

export const PUBLIC_URL = 'https://push.example.net';

export interface PushBenchOptions {
  /** Keys of `doors.webpush`. */
  readonly door?: Json;
  readonly http?: Json;
  readonly publicUrl?: string;
  readonly provider?: FakeProvider;
  readonly limits?: Partial<StoreLimits>;
  /** Pushes that may wait. */
  readonly maxPending?: number;
  readonly forward?: Forward;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** The body, if it is JSON. */
  readonly json: Json | undefined;
  readonly headers: globalThis.Headers;
}

/** The door on a core with a memory store, behind a real listener; time is the test's. */
export async function startPush(t: ExecutionContext, given: PushBenchOptions = {}) {
  const clock = new ManualClock();
  const provider = given.provider ?? new FakeProvider('xmpp');
  const gated = new GatedStore(createMemoryStore({ ...limits, ...given.limits }));
  const { store } = gated;
  const core = new Core({
    store,
    providers: [provider],
    sessions: [],
    maxPushes: given.maxPending ?? 1_000,
    retry: { baseMs: 1_000, capMs: 60_000 },
    ownerGraceMs: 30_000,
    maxNoticeBytes: 1_000,
    onFatal: (error) => t.fail(error.message),
    clock,
    random: () => 0.5,
    log: silentLog,
    telemetry: noTelemetry,
  });
  await provider.start(core.router.receiver(provider.name));
  core.start();
  const publicUrl = given.publicUrl ?? PUBLIC_URL;
  const endpoints = new Endpoints({ store, clock, urlOf: (token) => `${publicUrl}/push/${token}` });
  const faults: unknown[] = [];
  const routes: string[] = [];
  const server = createHttpListener(httpOptions.parse({ port: 0, ...given.http }), {
    version: '1.2.3',
    onFault: (error) => faults.push(error),
    onAnswer: (route, status) => routes.push(`${route} ${status}`),
  });
  new WebPushDoor({
    options: webpushOptions.parse({ ...given.door }),
    publicUrl,
    endpoints,
    pushes: core.pushes,
    clock,
    ...(given.forward && { forward: given.forward }),
  }).register(server);
  const port = await server.start();
  t.teardown(() => server.stop());
  const ask = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    const text = await response.text();
    const json = text.startsWith('{') ? (JSON.parse(text) as Json) : undefined;
    return { status: response.status, text, json, headers: response.headers };
  };
  let count = 0;
  return {
    clock,
    core,
    gated,
    endpoints,
    provider,
    server,
    port,
    faults,
    /** Routes and statuses that the listener told of. */
    routes,
    ask,
    /** Pushes; the body is text or bytes. */
    post: (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Headers = {}) =>
      ask(path, { method: 'POST', body, headers }),
    /** An endpoint that is registered now. */
    async endpoint(fields: Partial<Pick<Registration, 'vapid' | 'name' | 'owner'>> & { lifeMs?: number } = {}) {
      const asked = { owner: 'xmpp:romeo@example.net', name: `n${++count}`, provider: provider.name, data: '{}' };
      const endpoint = await endpoints.register({ ...asked, ...fields });
      if (!endpoint) throw new Error('no room for an endpoint');
      return { ...endpoint, ...pathsOf(endpoint) };
    },
    /** Lets everything that can happen now happen. */
    settle: () => clock.advance(0),
  };
}

export type PushBench = Awaited<ReturnType<typeof startPush>>;

/** The ways to one endpoint. */
function pathsOf({ registration: { token } }: Endpoint) {
  return { token, path: `/push/${token}`, up: `/UP?token=${token}`, message: `/message?token=${token}` };
}

/** A token of the right form that nobody was ever given. */
export const NO_TOKEN = 'A'.repeat(27);

/** What is pushed, as the provider gets it. */
export function pushed(payload: Payload): { readonly body: Buffer; readonly headers: PushHeaders } {
  const headers = payload.kind === 'opaque' ? readPushHeaders(payload.headers) : undefined;
  if (payload.kind !== 'opaque' || !headers) throw new Error('this is no push');
  return { body: Buffer.from(payload.body), headers };
}

/** What is left of `https://…/message/ID` and the like. */
export function pathIn(url: string | null): string {
  return (url ?? '').replace(/^.*https:\/\/[^/]+/, '').replace(/>.*$/, '');
}
