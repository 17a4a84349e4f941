import test, { type ExecutionContext } from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { type Backend, brief, bytesOf, downstream, stalled, startBridge, until } from '../../doors/bal/harness.ts';
import { heapAfterCollection } from './heap.ts';

const LOGON = bytesOf({ message_type: 'LOGON', session_id: 'app' });
const HEADER = Buffer.from([0, 0, 0xff, 0xff]);
const SECOND = 1_000;

async function start(t: ExecutionContext, options: Record<string, unknown> = {}, sessions = [{ id: 'app' }]) {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock, options, sessions, provider: new FakeProvider('fake', 100, accept) });
  return { clock, bridge };
}

/** One byte a second of what comes round and round, until the bridge closes. @returns seconds */
async function drip(clock: ManualClock, backend: Backend, bytes: Buffer, most: number): Promise<number> {
  for (let second = 0; second < most; second++) {
    if (backend.ended) return second;
    const before = backend.socket.bytesWritten;
    backend.raw(bytes.subarray(second % bytes.length, (second % bytes.length) + 1));
    await until(() => backend.socket.bytesWritten > before && backend.socket.writableLength === 0);
    await clock.advance(SECOND);
  }
  return most;
}

for (const [what, bytes] of [
  ['a LOGON one byte a second', LOGON],
  ['a header and a body that never ends, one byte a second', Buffer.concat([HEADER, Buffer.alloc(9_999, '{')])],
] as const) {
  test(`[promise 6] ${what} is cut off by logon_timeout, however busy it is`, async (t) => {
    const { clock, bridge } = await start(t);
    const good = await bridge.logOn();
    const slow = await bridge.connect();
    await until(() => bridge.door.connections === 2);
    t.true((await drip(clock, slow, bytes, 20)) <= 12);
    t.deepEqual(brief(await slow.untilEnd()), ['ERROR LOGON_TIMEOUT']);
    good.send(downstream('m1'));
    t.deepEqual(brief(await good.take(1)), ['DOWNSTREAM_ACK m1']);
  });
}

test('[promise 6] a frame that was begun must be complete after frame_timeout, also if it grows all the time', async (t) => {
  const { clock, bridge } = await start(t, { frame_timeout: '10s' });
  const slow = await bridge.logOn();
  const other = await bridge.logOn();
  t.true((await drip(clock, slow, Buffer.concat([HEADER, Buffer.alloc(99, '{')]), 30)) <= 12);
  const [error] = await slow.untilEnd();
  t.like(error, { message_type: 'ERROR', error: 'INVALID_FRAME' });
  t.regex(String(error?.error_string), /not complete after 10000 ms/);
  t.deepEqual(await other.sync(), []);
});

test('[promise 6] frame_timeout counts for each frame anew, and silence between frames is free', async (t) => {
  const { clock, bridge } = await start(t, { frame_timeout: '10s' });
  const backend = await bridge.logOn();
  for (let n = 0; n < 4; n++) {
    const bytes = bytesOf({ message_type: 'PING', data: `p${n}` });
    backend.raw(bytes.subarray(0, 7));
    await until(() => backend.socket.writableLength === 0);
    await clock.advance(9 * SECOND);
    // The end of one frame and the beginning of the next in one piece.
    backend.raw(Buffer.concat([bytes.subarray(7), bytes.subarray(0, 7)]));
    t.is((await backend.next()).data, `p${n}`);
    await clock.advance(9 * SECOND);
    backend.raw(bytes.subarray(7));
    t.is((await backend.next()).data, `p${n}`);
    await clock.advance(60 * SECOND);
  }
  t.deepEqual(await backend.sync(), []);
});

test('[promise 6] while the bridge does not read, a half frame has all the time it needs', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, {
    clock,
    options: { frame_timeout: '10s', max_parked_bytes: 65_536 },
    sessions: [{ id: 'app', max_pending: 1 }],
  });
  const backend = await bridge.logOn();
  const ids = Array.from({ length: 300 }, (_, n) => `m${n}`);
  backend.send(...ids.map((id) => downstream(id, {}, { data: { blob: 'x'.repeat(30_000) } })));
  t.true((await stalled(backend)) > 0, 'the bridge has stopped reading');
  await clock.advance(300 * SECOND);
  t.false(backend.ended);
  for (let n = 1; n <= ids.length; n++) {
    const attempt = await bridge.provider.attempt(n);
    attempt.answer(accept(attempt.message));
  }
  await until(() => bridge.store.pending('app') === 0);
  t.is(bridge.door.connections, 1);
});

test('[promise 5] a connection that announces a large frame costs what it has sent, not what it announced', async (t) => {
  const limit = 16 * 2 ** 20;
  const { bridge } = await start(t, { max_frame_bytes: limit, max_connections_per_session: 1_000 });
  const before = heapAfterCollection();
  const header = Buffer.alloc(5, '{');
  header.writeUInt32BE(limit);
  const backends: Backend[] = [];
  for (let n = 0; n < 100; n++) {
    const backend = await bridge.connect();
    backend.raw(Buffer.concat([LOGON, header]));
    backends.push(backend);
  }
  for (const backend of backends) t.is((await backend.next()).status, 'SUCCESS');
  const used = heapAfterCollection() - before;
  t.true(used < limit, `100 connections that announced ${limit} bytes each hold ${used}`);
});
