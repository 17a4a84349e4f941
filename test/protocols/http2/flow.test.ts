import test from 'ava';
import { ConnectionError } from '../../../src/protocols/http2/codes.ts';
import { END_HEADERS, END_STREAM, frame, OK, PADDED, settings, TestSession, u32 } from './wire.ts';

const HEAD = END_HEADERS;
const INITIAL = 4;
const open = (bytes: number, streamId = 0) => frame('WINDOW_UPDATE', 0, streamId, u32(bytes));
const body = (bytes: number) => 'x'.repeat(bytes);

test('a body goes out as far as the windows go, in frames that the server takes', async (t) => {
  const peer = await TestSession.open();
  peer.post(body(70_000));
  t.deepEqual(await peer.said(), ['DATA 1 16384', 'DATA 1 16384', 'DATA 1 16384', 'DATA 1 16383']);
  peer.feed(open(10_000, 1));
  t.deepEqual(await peer.said(), [], 'the window of the connection is closed');
  peer.feed(open(10));
  t.deepEqual(await peer.said(), ['DATA 1 10']);
  peer.feed(open(5_000));
  t.deepEqual(await peer.said(), ['DATA 1 4455 end']);
});

test('bodies up to one frame and one past it', async (t) => {
  const peer = await TestSession.open();
  peer.post(body(16_384));
  peer.post(body(16_385));
  t.deepEqual(await peer.said(), ['DATA 1 16384 end', 'DATA 3 16384', 'DATA 3 1 end']);
});

test('bodies that fill a window exactly, and one byte more', async (t) => {
  const peer = await TestSession.open(settings([INITIAL, 100]));
  peer.post(body(100));
  peer.post(body(101));
  t.deepEqual(await peer.said(), ['DATA 1 100 end', 'DATA 3 100']);
  peer.feed(open(1, 3));
  t.deepEqual(await peer.said(), ['DATA 3 1 end']);
});

test('a body of many bytes for few characters', async (t) => {
  const peer = await TestSession.open(settings([INITIAL, 5]));
  peer.post('\u20ac\u20ac');
  peer.feed(open(100, 1));
  const sent = (await peer.written()).filter(({ kind }) => kind === 'DATA');
  t.deepEqual(
    sent.map(({ payload }) => payload.length),
    [5, 1],
  );
  t.is(Buffer.concat(sent.map(({ payload }) => payload)).toString(), '\u20ac\u20ac');
});

test('an empty body needs no window', async (t) => {
  const peer = await TestSession.open(settings([INITIAL, 0]));
  peer.post('');
  t.deepEqual(await peer.said(), ['DATA 1 0 end']);
});

test('a stream that waits for its own window holds up no other one', async (t) => {
  const peer = await TestSession.open(settings([INITIAL, 0]));
  peer.post(body(5));
  peer.post(body(6));
  t.deepEqual(await peer.said(), []);
  peer.feed(open(6, 3));
  t.deepEqual(await peer.said(), ['DATA 3 6 end']);
  peer.feed(settings([INITIAL, 7]));
  t.deepEqual(await peer.said(), ['SETTINGS 0  ack', 'DATA 1 5 end']);
  peer.post(body(7));
  t.deepEqual(await peer.said(), ['DATA 5 7 end']);
});

test('bodies that wait for the connection go out in the order in which they came', async (t) => {
  const peer = await TestSession.open();
  peer.post(body(65_530));
  peer.post(body(20));
  peer.post(body(3));
  await peer.written();
  peer.feed(open(16));
  t.deepEqual(await peer.said(), ['DATA 3 15 end', 'DATA 5 1']);
  peer.feed(open(100));
  t.deepEqual(await peer.said(), ['DATA 5 2 end']);
});

test('a window that shrinks below what was sent is negative: so much more has to open before the rest goes', async (t) => {
  const peer = await TestSession.open(settings([INITIAL, 1_000]));
  peer.post(body(1_500));
  t.deepEqual(await peer.said(), ['DATA 1 1000']);
  peer.feed(settings([INITIAL, 100]), open(900, 1));
  t.deepEqual(await peer.said(), ['SETTINGS 0  ack']);
  peer.feed(open(1, 1));
  t.deepEqual(await peer.said(), ['DATA 1 1']);
  peer.feed(settings([INITIAL, 0], [INITIAL, 50]));
  t.deepEqual(await peer.said(), ['SETTINGS 0  ack']);
  peer.feed(settings([INITIAL, 102]));
  t.deepEqual(await peer.said(), ['SETTINGS 0  ack', 'DATA 1 2']);
});

test('what a stream that is over has taken of the connection stays taken', async (t) => {
  const peer = await TestSession.open();
  peer.post(body(65_536));
  peer.post(body(10));
  await peer.written();
  peer.feed(frame('RST_STREAM', 0, 1, u32(8)));
  t.deepEqual(await peer.said(), []);
  peer.feed(open(9));
  t.deepEqual(await peer.said(), ['DATA 3 9']);
});

test('a window of one stream that is opened wrongly costs this stream', async (t) => {
  const peer = await TestSession.open();
  for (const bytes of [70_000, 20, 20]) peer.post(body(bytes));
  await peer.written();
  peer.feed(open(0, 1), open(0x7fff_ffff - 65_535 + 1, 3), open(0x7fff_ffff - 65_535, 5), open(100));
  t.deepEqual(peer.results as unknown, {
    1: { kind: 'broken', because: 'a window that opens by nothing' },
    2: { kind: 'broken', because: 'a window beyond all bounds' },
  });
  t.deepEqual(await peer.said(), ['RST_STREAM 1 00000001', 'RST_STREAM 3 00000003', 'DATA 5 20 end']);
});

test('a first window that lifts one of a stream beyond all bounds breaks the rules for all', async (t) => {
  const peer = await TestSession.open(settings([INITIAL, 0]));
  peer.post(body(100_000));
  peer.feed(open(0x7fff_ffff, 1)); // of the connection's own window the stream takes 65535
  peer.feed(open(65_535, 1));
  const error = t.throws(() => peer.feed(settings([INITIAL, 1])), { instanceOf: ConnectionError });
  t.is(error.code, 'FLOW_CONTROL_ERROR');
});

test('the server hears that we have read when half of what it may send has come', async (t) => {
  const peer = await TestSession.open(undefined, 16_777_216);
  peer.post();
  await peer.written();
  const piece = frame('DATA', 0, 1, Buffer.alloc(16_384));
  peer.feed(frame('HEADERS', HEAD, 1, OK), ...Array.from({ length: 512 }, () => piece));
  t.deepEqual(await peer.said(), []);
  peer.feed(frame('DATA', 0, 1, '00'));
  t.deepEqual(await peer.said(), [`WINDOW_UPDATE 0 ${u32(8_388_609)}`]);
});

test('data of streams that are over counts as well', async (t) => {
  const peer = await TestSession.open();
  peer.post();
  await peer.written();
  peer.feed(frame('HEADERS', HEAD | END_STREAM, 1, OK));
  const piece = frame('DATA', PADDED, 1, Buffer.alloc(16_384));
  peer.feed(...Array.from({ length: 513 }, () => piece));
  t.deepEqual(await peer.said(), [`WINDOW_UPDATE 0 ${u32(8_404_992)}`]);
});

test('padding does not eat the window of a stream, which is only as large as an answer', async (t) => {
  const peer = await TestSession.open(undefined, 100);
  peer.post();
  await peer.written();
  peer.feed(frame('HEADERS', HEAD, 1, OK), frame('DATA', PADDED, 1, `32 ${'61'.repeat(40)} ${'00'.repeat(50)}`));
  t.deepEqual(await peer.said(), [`WINDOW_UPDATE 1 ${u32(51)}`]);
  peer.feed(frame('DATA', PADDED | END_STREAM, 1, `32 ${'62'.repeat(10)} ${'00'.repeat(50)}`));
  t.deepEqual(await peer.said(), [], 'a stream that is over needs no window');
  const [result] = Object.values(peer.results);
  t.is(result?.kind === 'response' && result.response.body, 'a'.repeat(40) + 'b'.repeat(10));
});

test('a server that sends padding without end and does not listen is sent away', async (t) => {
  const peer = await TestSession.open();
  peer.post();
  await peer.written();
  peer.feed(frame('HEADERS', HEAD, 1, OK));
  const padding = frame('DATA', PADDED, 1, '00');
  peer.wire.holding = true;
  peer.feed(padding);
  await peer.written();
  peer.feed(...Array.from({ length: 999 }, () => padding));
  t.like(
    t.throws(() => peer.feed(padding, padding)),
    { code: 'ENHANCE_YOUR_CALM' },
  );
});
