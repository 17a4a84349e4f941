import test from 'ava';
import { ConnectionError, type ErrorName } from '../../../src/protocols/http2/codes.ts';
import { ACK, END_HEADERS, END_STREAM, frame, OK, PADDED, PRIORITY, settings, TestSession, u32 } from './wire.ts';

const HEAD = END_HEADERS;
const window = (hex: string) => frame('WINDOW_UPDATE', 0, 0, hex);
const zeros = (bytes: number) => Buffer.alloc(bytes);

/** Two requests are out, streams 1 and 3; then the server says this. */
const broken: [code: ErrorName, what: string, frames: Buffer[]][] = [
  ['FRAME_SIZE_ERROR', 'a frame larger than we allow', [frame('DATA', 0, 1, zeros(16_385))]],
  ['FRAME_SIZE_ERROR', 'its head alone', [frame('DATA', 0, 1, zeros(16_385)).subarray(0, 9)]],
  ['PROTOCOL_ERROR', 'data of the connection', [frame('DATA', 0, 0, '00')]],
  ['PROTOCOL_ERROR', 'data on a stream that was not opened', [frame('DATA', 0, 5, '00')]],
  ['PROTOCOL_ERROR', 'data on a stream of the server', [frame('DATA', 0, 2, '00')]],
  ['PROTOCOL_ERROR', 'as much padding as data', [frame('DATA', PADDED, 1, '0200')]],
  ['PROTOCOL_ERROR', 'padding without its length', [frame('DATA', PADDED, 1)]],
  ['PROTOCOL_ERROR', 'headers of the connection', [frame('HEADERS', HEAD, 0, OK)]],
  ['PROTOCOL_ERROR', 'headers on a stream that was not opened', [frame('HEADERS', HEAD, 5, OK)]],
  ['PROTOCOL_ERROR', 'more padding than headers', [frame('HEADERS', HEAD | PADDED, 1, '0288')]],
  ['FRAME_SIZE_ERROR', 'headers too short for a priority', [frame('HEADERS', HEAD | PRIORITY, 1, '00000000')]],
  ['COMPRESSION_ERROR', 'headers that can not be read', [frame('HEADERS', HEAD, 1, '80')]],
  [
    'COMPRESSION_ERROR',
    'headers of a stream that is over, which can not be read',
    [frame('RST_STREAM', 0, 1, u32(8)), frame('HEADERS', HEAD, 1, '80')],
  ],
  ['PROTOCOL_ERROR', 'headers that go on without a beginning', [frame('CONTINUATION', HEAD, 1, OK)]],
  [
    'PROTOCOL_ERROR',
    'headers that go on after their end',
    [frame('HEADERS', HEAD, 1, OK), frame('CONTINUATION', HEAD, 1)],
  ],
  ['PROTOCOL_ERROR', 'headers that go on elsewhere', [frame('HEADERS', 0, 1, OK), frame('CONTINUATION', HEAD, 3)]],
  [
    'PROTOCOL_ERROR',
    'another frame in the middle of headers',
    [frame('HEADERS', 0, 1, OK), frame('PING', 0, 0, zeros(8))],
  ],
  ['PROTOCOL_ERROR', 'an unknown frame in the middle of headers', [frame('HEADERS', 0, 1, OK), frame(0xbe, 0, 1)]],
  [
    'PROTOCOL_ERROR',
    'other headers in the middle of headers',
    [frame('HEADERS', 0, 1, OK), frame('HEADERS', HEAD, 1, OK)],
  ],
  [
    'ENHANCE_YOUR_CALM',
    'headers in too many pieces',
    [frame('HEADERS', 0, 1), ...Array.from({ length: 32 }, () => frame('CONTINUATION', 0, 1))],
  ],
  [
    'ENHANCE_YOUR_CALM',
    'headers that are too large to be read',
    [
      frame('HEADERS', 0, 1, zeros(16_384)),
      frame('CONTINUATION', 0, 1, zeros(16_384)),
      frame('CONTINUATION', 0, 1, '00'),
    ],
  ],
  ['PROTOCOL_ERROR', 'a reset of the connection', [frame('RST_STREAM', 0, 0, u32(0))]],
  ['PROTOCOL_ERROR', 'a reset of a stream that was not opened', [frame('RST_STREAM', 0, 5, u32(0))]],
  ['FRAME_SIZE_ERROR', 'a reset that is too short', [frame('RST_STREAM', 0, 1, '000000')]],
  [
    'FRAME_SIZE_ERROR',
    'a reset that is too long, of a stream that is over',
    [frame('RST_STREAM', 0, 1, u32(0)), frame('RST_STREAM', 0, 1, '0000000000')],
  ],
  ['PROTOCOL_ERROR', 'settings of a stream', [frame('SETTINGS', 0, 1)]],
  ['FRAME_SIZE_ERROR', 'half a setting', [frame('SETTINGS', 0, 0, '000100')]],
  ['FRAME_SIZE_ERROR', 'an acknowledgement of settings with more in it', [frame('SETTINGS', ACK, 0, zeros(6))]],
  ['PROTOCOL_ERROR', 'a server that wants pushes', [settings([2, 1])]],
  ['FLOW_CONTROL_ERROR', 'a first window that is too large', [settings([4, 0x8000_0000])]],
  ['PROTOCOL_ERROR', 'frames smaller than all take', [settings([5, 16_383])]],
  ['PROTOCOL_ERROR', 'frames larger than there are', [settings([5, 0x100_0000])]],
  ['PROTOCOL_ERROR', 'a push', [frame('PUSH_PROMISE', HEAD, 1, `00000002${OK}`)]],
  ['FRAME_SIZE_ERROR', 'a short ping', [frame('PING', 0, 0, zeros(7))]],
  ['FRAME_SIZE_ERROR', 'a long answer to a ping', [frame('PING', ACK, 0, zeros(9))]],
  ['PROTOCOL_ERROR', 'a ping of a stream', [frame('PING', 0, 1, zeros(8))]],
  ['FRAME_SIZE_ERROR', 'a short GOAWAY', [frame('GOAWAY', 0, 0, zeros(7))]],
  ['PROTOCOL_ERROR', 'a GOAWAY of a stream', [frame('GOAWAY', 0, 1, zeros(8))]],
  ['FRAME_SIZE_ERROR', 'a short window', [window('0001')]],
  ['PROTOCOL_ERROR', 'a window that opens by nothing', [window(u32(0))]],
  ['FLOW_CONTROL_ERROR', 'a window beyond all bounds', [window(u32(0x7fff_ffff - 65_535 + 5))]],
  ['PROTOCOL_ERROR', 'the window of a stream that was not opened', [frame('WINDOW_UPDATE', 0, 5, u32(1))]],
];

for (const [code, what, frames] of broken) {
  test(`${code}: ${what}`, async (t) => {
    const peer = await two();
    const error = t.throws(() => peer.feed(...frames), { instanceOf: ConnectionError });
    t.is(error.code, code);
    t.deepEqual(
      Object.values(peer.results).filter(({ kind }) => kind === 'response'),
      [],
    );
  });
}

const fine: [what: string, frames: Buffer[]][] = [
  ['a frame as large as we allow', [frame('HEADERS', HEAD, 1, OK), frame('DATA', 0, 1, zeros(16_384))]],
  ['data that is all padding', [frame('HEADERS', HEAD, 1, OK), frame('DATA', PADDED, 1, '0100')]],
  ['headers with padding and a priority', [frame('HEADERS', HEAD | PADDED | PRIORITY, 1, `02 0000000010 ${OK} 0000`)]],
  ['headers that begin with nothing', [frame('HEADERS', 0, 1), frame('CONTINUATION', HEAD, 1, OK)]],
  [
    'headers in as many pieces as there may be',
    [
      frame('HEADERS', 0, 1),
      ...Array.from({ length: 30 }, () => frame('CONTINUATION', 0, 1)),
      frame('CONTINUATION', HEAD, 1, OK),
    ],
  ],
  ['an unknown frame, wherever it is', [frame(0xbe, 0xff, 0x7fff_ffff, '0102'), frame(0xbe, 0, 2)]],
  ['a priority, which is none of ours', [frame('PRIORITY', 0, 1, zeros(5))]],
  ['an unknown setting', [settings([0x99, 5])]],
  ['a server without pushes', [settings([2, 0])]],
  ['the largest window and frames', [settings([4, 0x7fff_ffff], [5, 0xff_ffff])]],
  ['the largest window of all', [window(u32(0x7fff_ffff - 65_535 + 4))]],
  ['an increment whose reserved bit is set', [window('80000001')]],
  ['an answer to a ping that nobody sent', [frame('PING', ACK, 0, zeros(8))]],
  [
    'frames of a stream that is over',
    [
      frame('RST_STREAM', 0, 1, u32(8)),
      frame('RST_STREAM', 0, 1, u32(8)),
      frame('HEADERS', HEAD | END_STREAM, 1, OK),
      frame('DATA', END_STREAM, 1, '00'),
      frame('DATA', PADDED, 1, '0100'),
      frame('WINDOW_UPDATE', 0, 1, u32(0x7fff_ffff)),
      frame('WINDOW_UPDATE', 0, 1, u32(0)),
    ],
  ],
];

for (const [what, frames] of fine) {
  test(`no harm: ${what}`, async (t) => {
    const peer = await two(32_768);
    peer.feed(...frames);
    peer.feed(frame('HEADERS', HEAD | END_STREAM, 3, OK));
    t.is(peer.results[2]?.kind, 'response');
  });
}

/** Two requests of two bytes are out. */
async function two(maxResponseBytes?: number): Promise<TestSession> {
  const peer = await TestSession.open(undefined, maxResponseBytes);
  peer.post();
  peer.post();
  await peer.written();
  return peer;
}

const firsts: [what: string, bytes: Buffer][] = [
  ['a ping', frame('PING', 0, 0, zeros(8))],
  ['an acknowledgement', frame('SETTINGS', ACK, 0)],
  ['an unknown frame', frame(0xbe, 0, 0)],
  ['an answer in HTTP/1.1', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
];

for (const [what, bytes] of firsts) {
  test(`a server that does not begin with its settings: ${what}`, (t) => {
    const peer = new TestSession();
    peer.session.begin();
    t.throws(() => peer.feed(bytes), { instanceOf: ConnectionError });
    t.deepEqual(peer.events, []);
  });
}
