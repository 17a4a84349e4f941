import test from 'ava';
import { Backend, brief, bytesOf, downstream, startBridge, until } from './harness.ts';

const LOGON = { message_type: 'LOGON', session_id: 'app' };
const PING = { message_type: 'PING', data: 'x' };

/** A PING whose body has exactly so many bytes: the bridge ignores what it does not know. */
function ping(bytes: number): Buffer {
  const empty = JSON.stringify({ message_type: 'PING', data: 'big', padding: '' });
  return Buffer.from(JSON.stringify({ message_type: 'PING', data: 'big', padding: 'p'.repeat(bytes - empty.length) }));
}

test('[BAL §Framing] frames may be split at every byte', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.connect();
  backend.socket.setNoDelay(true);
  for (const byte of Buffer.concat([bytesOf(LOGON), bytesOf({ ...PING, data: 'ü€𝄞' })])) {
    backend.raw(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve)); // each byte is a write of its own
  }
  t.is((await backend.next()).status, 'SUCCESS');
  t.is((await backend.next()).data, 'ü€𝄞');
});

test('[BAL §Framing] frames may be coalesced, the last of them half', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.connect();
  const pings = Array.from({ length: 50 }, (_, i) => bytesOf({ message_type: 'PING', data: `p${i}` }));
  const all = Buffer.concat([bytesOf(LOGON), ...pings]);
  backend.raw(all.subarray(0, -5));
  t.deepEqual(
    brief((await backend.take(50)).slice(1)),
    Array.from({ length: 49 }, (_, i) => `PONG p${i}`),
  );
  backend.raw(all.subarray(-5));
  t.is((await backend.next()).data, 'p49');
});

test('[BAL §Framing] N = 0 is fatal: ERROR, then the bridge closes', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  backend.send(PING);
  backend.raw(Buffer.alloc(4));
  backend.send(PING);
  const frames = await backend.untilEnd();
  t.deepEqual(brief(frames), ['PONG x', 'ERROR FRAME_TOO_LARGE']);
});

test('[BAL §Framing] a frame of max_frame_bytes is taken, one byte more is fatal', async (t) => {
  const bridge = await startBridge(t, { options: { max_frame_bytes: 2_000 } });
  const backend = await bridge.logOn();
  backend.send(ping(2_000));
  t.is((await backend.next()).data, 'big');
  backend.raw(bytesOf(ping(2_001)).subarray(0, 4)); // the length alone is enough
  t.deepEqual(brief(await backend.untilEnd()), ['ERROR FRAME_TOO_LARGE']);
});

test('[BAL §Framing] the default of max_frame_bytes is 65536', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  backend.send(ping(65_536));
  t.is((await backend.next()).data, 'big');
  backend.send(ping(65_537));
  t.deepEqual(brief(await backend.untilEnd()), ['ERROR FRAME_TOO_LARGE']);
});

test('[BAL §Framing] garbage is answered and closed: in JSON where no body was readable', async (t) => {
  const bridge = await startBridge(t);
  for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\xff\xff\xff\xff', '\x00\x00\x00\x00']) {
    const backend = await bridge.connect();
    backend.raw(Buffer.from(garbage, 'latin1'));
    const frames = await backend.untilEnd();
    t.deepEqual(brief(frames), ['ERROR FRAME_TOO_LARGE'], garbage);
    t.is(frames[0]?.encoding, undefined);
  }
  const backend = await bridge.connect();
  backend.send(Buffer.from('\x99garbage', 'latin1'));
  t.deepEqual(brief(await backend.untilEnd()), ['ERROR INVALID_FRAME']);
});

test('[BAL §Framing] JSON must be one object in valid UTF-8', async (t) => {
  const bridge = await startBridge(t);
  for (const body of ['{"message_type":"PING"', '{} {}', '{"message_type":"PING","message_type":"PING"}']) {
    const backend = await bridge.logOn();
    backend.send(body);
    t.deepEqual(brief(await backend.untilEnd()), ['ERROR INVALID_FRAME'], body);
  }
  const backend = await bridge.logOn();
  backend.send(Buffer.from('{"message_type":"PING","data":"\xff"}', 'latin1'));
  const [error] = await backend.untilEnd();
  t.regex(String(error?.error_string), /UTF-8/);
});

test('[BAL §Framing] a later frame in another encoding is INVALID_FRAME', async (t) => {
  const bridge = await startBridge(t);
  for (const [first, second] of [
    ['json', 'protobuf'],
    ['protobuf', 'qt'],
    ['qt', 'json'],
  ] as const) {
    const backend = await bridge.logOn({}, { encoding: first });
    backend.raw(bytesOf({ message_type: 'PING', data: 'x' }, second));
    const [error] = await backend.untilEnd();
    t.like(error, { message_type: 'ERROR', error: 'INVALID_FRAME' }, second);
    t.is(error?.encoding, first === 'json' ? undefined : first);
  }
});

test('[BAL §Framing] before LOGON the bridge answers in the encoding of the first body', async (t) => {
  const bridge = await startBridge(t);
  for (const encoding of ['json', 'protobuf', 'qt'] as const) {
    const backend = await bridge.connect({ encoding });
    backend.send(PING);
    const [error] = await backend.untilEnd();
    t.like(error, { message_type: 'ERROR', error: 'LOGON_EXPECTED' });
    t.is(error?.encoding, encoding === 'json' ? undefined : encoding);
  }
});

test('[BAL §Framing] frames behind LOGON may be pipelined: they wait for its result', async (t) => {
  const bridge = await startBridge(t);
  const open = bridge.gates.hold('openMailbox');
  const backend = await bridge.connect();
  backend.send({ ...LOGON, confirm: true }, downstream('m1'), PING);
  await bridge.gates.called('openMailbox', 1);
  t.is(bridge.gates.calls('accept'), 0);
  open();
  t.is((await backend.next()).message_type, 'LOGON_RESPONSE');
  t.deepEqual(brief(await backend.take(2)).sort(), ['DOWNSTREAM_TAKEN m1', 'PONG x']);
});

test('[BAL §Framing] frames behind a LOGON that fails are not looked at', async (t) => {
  const bridge = await startBridge(t, { sessions: [{ id: 'app', secret: 's3cret' }] });
  const backend = await bridge.connect();
  backend.send({ ...LOGON, secret: 'wrong' }, downstream('m1'), PING);
  t.deepEqual(brief(await backend.untilEnd()), ['LOGON_RESPONSE AUTHENTICATION_FAILED']);
  t.is(bridge.gates.calls('accept'), 0);
});

test('[BAL §Framing] unknown fields are ignored', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn({ future: { deep: [1] } });
  backend.send({ ...PING, future: null });
  t.is((await backend.next()).data, 'x');
});

test('[BAL §Framing] a wrong type or a missing required field is an error that names the field', async (t) => {
  const bridge = await startBridge(t);
  for (const [frame, field] of [
    [{ message_type: 'PING', data: 1 }, 'data'],
    [{ message_type: 'ACK', sequence_id: '1' }, 'sequence_id'],
    [{ message_type: 'ACK', sequence_id: 1.5 }, 'sequence_id'],
    [{ message_type: 'ACK' }, 'sequence_id'],
    [{ message_type: 'ACK', sequence_id: 2 ** 53 }, 'sequence_id'],
    [{ data: 'x' }, 'message_type'],
    [{ message_type: 'DOWNSTREAM', message_id: 'm' }, 'fcm_data'],
    [{ message_type: 'DOWNSTREAM', fcm_data: { to: 't' } }, 'message_id'],
    [{ message_type: 'DOWNSTREAM', message_id: 7, fcm_data: { to: 't' } }, 'message_id'],
  ] as const) {
    const backend = await bridge.logOn();
    backend.send(frame);
    const [error] = await backend.untilEnd();
    t.like(error, { message_type: 'ERROR', error: 'INVALID_FRAME' });
    t.regex(String(error?.error_string), new RegExp(field));
    t.is(error?.error_description, error?.error_string);
  }
});

test('[BAL §Framing] an empty string or 0 in an optional header field means absent, not inside fcm_data', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn({ client: '', secret: '', window: 0 });
  backend.send(
    downstream('m1', { group_id: '', provider: '', session_id: '', fcm_message_id: '' }, { data: { empty: '' } }),
  );
  const { message } = await bridge.provider.attempt(1);
  t.is(message.groupId, undefined);
  t.is(message.provider, 'fake');
  t.deepEqual(JSON.parse(message.payload.kind === 'fcm' ? message.payload.json : ''), {
    to: 'token',
    data: { empty: '' },
  });
  backend.send(downstream('m2', {}, { to: '' }));
  t.like(await backend.next(), { message_type: 'DOWNSTREAM_REJECT', error: 'INVALID_MESSAGE' });
});

test('[BAL §Framing] data of PING may have 1 KiB, not one byte more', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  backend.send({ message_type: 'PING', data: 'ü'.repeat(512) });
  t.is((await backend.next()).data, 'ü'.repeat(512));
  backend.send({ message_type: 'PING', data: `${'ü'.repeat(512)}.` });
  t.deepEqual(brief(await backend.untilEnd()), ['ERROR INVALID_FRAME']);
});

test('[BAL §Framing] a body that comes in parts is no reason to hold up others', async (t) => {
  const bridge = await startBridge(t);
  const half = await bridge.logOn();
  half.raw(bytesOf(downstream('m1')).subarray(0, 40));
  const other = await bridge.logOn();
  t.deepEqual(await other.sync(), []);
  half.destroy();
  await until(() => bridge.door.connections === 1);
  t.is(bridge.gates.calls('accept'), 0);
});

test('[BAL §Framing] a broken frame takes nothing from those in front of it', async (t) => {
  const bridge = await startBridge(t);
  const backend = await Backend.connect(bridge.door.port);
  backend.raw(Buffer.concat([bytesOf(LOGON), bytesOf(downstream('m1')), Buffer.alloc(4)]));
  t.deepEqual(brief((await backend.untilEnd()).slice(1)), ['ERROR FRAME_TOO_LARGE']);
  t.is((await bridge.provider.attempt(1)).message.messageId, 'm1');
});
