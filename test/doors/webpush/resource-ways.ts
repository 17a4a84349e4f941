import type { ExecutionContext } from 'ava';
import { StoreError } from '../../../src/core/index.ts';
import { FakeProvider } from '../../core/fake-provider.ts';
import { head, raw } from '../../protocols/http/raw.ts';
import { type Json, NO_TOKEN, type PushBenchOptions, pathIn, startPush } from './bench.ts';
import { type Form, start, type Way } from './push-ways.ts';

export const MATRIX = '/_matrix/push/v1/notify';

/** What every route may answer. */
export function everywhere(method: string, target: string): Readonly<Record<string, Way>> {
  const startAll = (t: ExecutionContext, http: Json = {}) => startPush(t, { http, door: { matrix: {} } });
  return {
    '431 headers_too_large': async (t) => {
      const { port } = await startAll(t, { header_limit: 1_024 });
      return raw(port, head(`${method} ${target}?${'x'.repeat(1_100)}`));
    },
    '503 stopping': async (t) => {
      const { ask, server } = await startAll(t);
      await server.closeGate();
      return ask(target, { method, ...(method === 'POST' && { body: 'x' }) });
    },
  };
}

export const discoveryWays = {
  '200': async (t: ExecutionContext, form: Form) => {
    const { ask, target } = await start(t, form);
    return ask(target);
  },
};

/** A push whose receipt was asked for. */
async function withReceipt(t: ExecutionContext, given: PushBenchOptions = {}) {
  const bench = await start(t, 'path', given);
  const { headers } = await bench.push({ Prefer: 'respond-async' });
  const look = () => bench.ask(pathIn(headers.get('link')));
  const cancel = () => bench.ask(pathIn(headers.get('location')), { method: 'DELETE' });
  return { ...bench, look, cancel };
}
const waiting = () => ({ provider: new FakeProvider('xmpp', 0) });

/** What both resources of a push have in common. */
const resourceWays = (ask: 'look' | 'cancel'): Readonly<Record<string, Way>> => ({
  '500 internal': async (t) => {
    const { gated, [ask]: go } = await withReceipt(t);
    gated.refuse('outcomeOf', new StoreError('fault', 'a fault'));
    return go();
  },
  '503 unavailable': async (t) => {
    const { gated, [ask]: go } = await withReceipt(t);
    gated.refuse('outcomeOf', new StoreError('failed', 'gone'));
    return go();
  },
  '503 busy': async (t) => {
    const { gated, [ask]: go } = await withReceipt(t, { http: { max_requests: 1, answer_timeout: '50ms' } });
    t.teardown(gated.hold('outcomeOf'));
    await go();
    return go();
  },
  '503 timeout': async (t) => {
    const { gated, [ask]: go } = await withReceipt(t, { http: { answer_timeout: '50ms' } });
    t.teardown(gated.hold('outcomeOf'));
    return go();
  },
});

export const cancelWays: Readonly<Record<string, Way>> = {
  ...resourceWays('cancel'),
  '204': async (t) => (await withReceipt(t, waiting())).cancel(),
  '404 not_found': async (t) => (await startPush(t)).ask(`/message/${NO_TOKEN}`, { method: 'DELETE' }),
  '409 on_its_way': async (t) => {
    const { cancel, provider } = await withReceipt(t);
    await provider.attempt(1);
    return cancel();
  },
};

export const receiptWays: Readonly<Record<string, Way>> = {
  ...resourceWays('look'),
  '202': async (t) => (await withReceipt(t)).look(),
  '204': async (t) => {
    const { look, provider, settle } = await withReceipt(t);
    (await provider.attempt(1)).answer({ kind: 'accepted', reply: '{}' });
    await settle();
    return look();
  },
  '404 not_found': async (t) => (await startPush(t)).ask('/receipt/x'),
  '410 gone': async (t) => {
    const { look, cancel } = await withReceipt(t, waiting());
    await cancel();
    return look();
  },
};

const notify = async (t: ExecutionContext, given: PushBenchOptions = {}, fields: Json = {}) => {
  const bench = await startPush(t, { ...given, door: { matrix: {}, ...given.door } });
  const { url } = await bench.endpoint();
  const body = JSON.stringify({ notification: { ...fields, devices: [{ pushkey: url }] } });
  return { ...bench, go: () => bench.post(MATRIX, body) };
};

export const matrixWays: Readonly<Record<string, Way>> = {
  '200': async (t) => (await notify(t)).go(),
  '400 M_NOT_JSON': async (t) => (await notify(t)).post(MATRIX, '{'),
  '400 M_BAD_JSON': async (t) => (await notify(t)).post(MATRIX, '{}'),
  '408 timeout': async (t) => {
    const { port } = await notify(t, { http: { request_timeout: '50ms' } });
    return raw(port, `${head(`POST ${MATRIX}`, 'content-length: 9')}x`);
  },
  '413 too_large': async (t) => (await notify(t)).post(MATRIX, 'x'.repeat(65_537)),
  '413 M_TOO_LARGE': async (t) => (await notify(t, {}, { event_id: 'x'.repeat(4_096) })).go(),
  '429 M_LIMIT_EXCEEDED': async (t) => {
    const { go } = await notify(t, { door: { matrix: {}, rate: { per_minute: 1, burst: 1 } } });
    await go();
    return go();
  },
  '500 internal': async (t) => {
    const { go, gated } = await notify(t);
    gated.refuse('accept', new StoreError('fault', 'a fault'));
    return go();
  },
  '503 M_UNKNOWN': async (t) => {
    const { go, gated } = await notify(t);
    gated.refuse('accept', new StoreError('failed', 'gone'));
    return go();
  },
  '503 busy': async (t) => {
    const { go, gated } = await notify(t, { http: { max_requests: 1, answer_timeout: '20ms' } });
    t.teardown(gated.hold('accept'));
    await go();
    return go();
  },
  '503 timeout': async (t) => {
    const { go, gated } = await notify(t, { http: { answer_timeout: '20ms' } });
    t.teardown(gated.hold('accept'));
    return go();
  },
};
