import type { ExecutionContext } from 'ava';
import { AppDoor, appOptions } from '../../../src/doors/app/index.ts';
import { createHttpListener, httpOptions } from '../../../src/protocols/http/index.ts';
import { type CoreBenchOptions, coreBench } from '../../core/bench.ts';

export type Json = Readonly<Record<string, unknown>>;

/** The key of the application in most tests. */
export const KEY = 'a-key-of-at-least-16';

export interface AppBenchOptions extends CoreBenchOptions {
  /** Of the application `app`; a key by default. */
  readonly application?: Json;
  /** Beside it. */
  readonly others?: readonly Json[];
  /** Keys of `doors.app` beside the applications. */
  readonly door?: Json;
  readonly http?: Json;
}

export interface Answer {
  readonly status: number;
  readonly json: Json;
  readonly headers: Headers;
}

/** The door on a core with a memory store, behind a real listener; time is the test's. */
export async function startApp(t: ExecutionContext, given: AppBenchOptions = {}) {
  const bench = await coreBench(given);
  const options = appOptions.parse({
    applications: [{ id: 'app', ...(given.application ?? { key: KEY }) }, ...(given.others ?? [])],
    ...given.door,
  });
  const faults: unknown[] = [];
  const server = createHttpListener(httpOptions.parse({ port: 0, ...given.http }), {
    version: '1.2.3',
    onFault: (error) => faults.push(error),
  });
  new AppDoor({ options, intake: bench.core.router.intake('app'), clock: bench.clock }).register(server);
  const port = await server.start();
  t.teardown(() => server.stop());
  const ask = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
    return { status: response.status, json: (await response.json()) as Json, headers: response.headers };
  };
  const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return {
    ...bench,
    server,
    port,
    faults,
    ask,
    post,
    /** Hands a message in; `fields` win, undefined ones are left out. */
    upstream: (fields: Json = {}, headers: Readonly<Record<string, string>> = {}) =>
      post('/v1/upstream', { ...message, ...fields }, headers),
    receipt: (fields: Json = {}, headers: Readonly<Record<string, string>> = {}) =>
      post('/v1/receipts', { ...receipt, ...fields }, headers),
  };
}

export type AppBench = Awaited<ReturnType<typeof startApp>>;

export const message: Json = { from: 'device', category: 'app', message_id: 'u1', data: { text: 'hello' } };
export const receipt: Json = { from: 'device', category: 'app', receipt: 'fake/none' };
