import test from 'ava';
import { END_HEADERS, END_STREAM, frame, OK, PADDED, PREFACE, settings, TestSession, u32 } from './wire.ts';

const HEAD = END_HEADERS;
const ANSWER = Buffer.concat([frame('HEADERS', HEAD, 1, OK), frame('DATA', END_STREAM, 1, Buffer.from('body'))]);
const answered = { kind: 'response', response: { status: 200, headers: {}, body: 'body' }, connection: 1 };

test('a client says hello, what it takes, and then its request', async (t) => {
  const peer = new TestSession(1_000);
  peer.session.begin();
  t.is(peer.wire.bytes.length, 0, 'all of a turn goes out in one write');
  peer.feed(settings());
  peer.post('{"a":1}', { path: '/p', headers: { 'x-a': 'b' } });
  await new Promise((resolve) => setImmediate(resolve));
  t.is(peer.wire.bytes.toString('latin1', 0, PREFACE.length), PREFACE);
  const [first, window, ack, headers, data, ...rest] = await peer.written();
  t.is(first?.kind, 'SETTINGS');
  // ENABLE_PUSH 0, INITIAL_WINDOW_SIZE 1001, MAX_HEADER_LIST_SIZE 32768
  t.is(first?.payload.toString('hex'), `0002${u32(0)}0004${u32(1_001)}0006${u32(32_768)}`);
  t.like(window, { kind: 'WINDOW_UPDATE', streamId: 0 });
  t.is(window?.payload.readUInt32BE(0), 16_777_216 - 65_535);
  t.like(ack, { kind: 'SETTINGS', flags: 1, streamId: 0 });
  t.is(ack?.payload.length, 0);
  t.like(headers, { kind: 'HEADERS', flags: END_HEADERS, streamId: 1 });
  // POST, https, and literals: :authority, :path, x-a, content-length
  t.is(headers?.payload.toString('hex'), '8387010b6578616d706c652e6f726704022f700003782d6101620f0d0137');
  t.like(data, { kind: 'DATA', flags: END_STREAM, streamId: 1 });
  t.is(data?.payload.toString(), '{"a":1}');
  t.deepEqual(rest, []);
});

/** A whole conversation: settings, a ping, answers with padding, trailers and headers in pieces, a reset, a GOAWAY. */
const conversation = Buffer.concat([
  settings([3, 100], [1, 64]),
  frame('PING', 0, 0, '0102030405060708'),
  frame('HEADERS', HEAD, 1, '08 03313033'), // :status: 103
  frame('HEADERS', PADDED, 1, `03 ${OK} 000000`),
  frame('CONTINUATION', HEAD, 1, '5c 0135'), // content-length: 5
  frame('DATA', PADDED, 1, '026162630000'),
  frame(0xbe, 0, 1, '00'),
  frame('HEADERS', HEAD | END_STREAM, 3, '8d'), // :status: 404
  frame('DATA', 0, 1, '6465'),
  frame('HEADERS', HEAD | END_STREAM, 1, '40 0178 0179'), // trailers
  frame('RST_STREAM', 0, 5, u32(2)),
  frame('GOAWAY', 0, 0, `${u32(5)}${u32(0)}`),
  frame('RST_STREAM', 0, 7, u32(7)),
]);

for (const size of [1, 2, 3, 7, 10, 100, conversation.length]) {
  test(`a conversation in chunks of ${size} bytes`, async (t) => {
    const peer = new TestSession();
    peer.session.begin();
    for (let i = 0; i < 4; i++) peer.post();
    await peer.written();
    for (let at = 0; at < conversation.length; at += size) peer.session.push(conversation.subarray(at, at + size));
    outcome(t.deepEqual, peer);
    t.deepEqual((await peer.said()).slice(0, 2), ['SETTINGS 0  ack', 'PING 0 0102030405060708 ack']);
  });
}

test('a conversation cut in two at every byte', (t) => {
  for (let at = 1; at < conversation.length; at++) {
    const peer = new TestSession();
    peer.session.begin();
    for (let i = 0; i < 4; i++) peer.post();
    peer.session.push(conversation.subarray(0, at));
    peer.session.push(conversation.subarray(at));
    outcome(t.deepEqual, peer);
  }
});

function outcome(equal: (a: unknown, b: unknown) => void, { results, events }: TestSession): void {
  equal(events, ['settings 100', 'goaway 0 ']);
  equal(results[1], {
    kind: 'response',
    response: { status: 200, headers: { 'content-length': '5' }, body: 'abcde' },
    connection: 1,
  });
  equal(results[2], { kind: 'response', response: { status: 404, headers: {}, body: '' }, connection: 1 });
  equal(results[3], { kind: 'broken', because: 'the stream ended with INTERNAL_ERROR' });
  equal(results[4]?.kind, 'refused');
}

const resets: [code: number, kind: string, because: string][] = [
  [0, 'broken', 'the stream ended with NO_ERROR'],
  [7, 'refused', 'the server refused the stream'],
  [8, 'broken', 'the stream ended with CANCEL'],
  [0xff, 'broken', 'the stream ended with code 255'],
  [0x8000_0007, 'broken', 'the stream ended with code 2147483655'],
];

for (const [code, kind, because] of resets) {
  test(`a stream that is reset with ${code}`, async (t) => {
    const peer = await TestSession.open();
    peer.post();
    await peer.written();
    peer.feed(frame('RST_STREAM', 0, 1, u32(code)));
    t.deepEqual(peer.results[1] as unknown, { kind, because });
    t.deepEqual(await peer.said(), [], 'a reset wants no answer');
    t.is(peer.session.exchanges.size, 0);
  });
}

test('a reset in the middle of our body: nothing more of it, and no reset of ours', async (t) => {
  const peer = await TestSession.open();
  peer.post('x'.repeat(70_000));
  await peer.written();
  peer.feed(frame('RST_STREAM', 0, 1, u32(8)));
  peer.feed(frame('WINDOW_UPDATE', 0, 0, u32(100_000)), frame('WINDOW_UPDATE', 0, 1, u32(100_000)));
  t.is(peer.results[1]?.kind, 'broken');
  t.deepEqual(await peer.said(), []);
});

test('an answer in the middle of our body counts, and the rest is not sent', async (t) => {
  const peer = await TestSession.open();
  peer.post('x'.repeat(70_000));
  await peer.written();
  peer.feed(ANSWER, frame('RST_STREAM', 0, 1, u32(0)));
  peer.feed(frame('WINDOW_UPDATE', 0, 0, u32(100_000)));
  t.deepEqual(peer.results[1] as unknown, answered);
  t.deepEqual(await peer.said(), ['RST_STREAM 1 00000008']);
});

test('GOAWAY: what the server will not look at is refused; the smallest stream that it names counts', async (t) => {
  const peer = await TestSession.open();
  for (let i = 0; i < 4; i++) peer.post('x'.repeat(30_000)); // the last two wait for a window
  await peer.written();
  const goaway = (last: number, words = '') =>
    frame('GOAWAY', 0, 0, u32(last) + u32(0) + Buffer.from(words).toString('hex'));
  peer.feed(goaway(0x7fff_ffff, 'soon'));
  t.deepEqual(peer.results, {});
  peer.feed(goaway(0x8000_0003)); // with the reserved bit
  t.deepEqual(Object.keys(peer.results), ['3', '4']);
  peer.feed(goaway(5));
  t.deepEqual(Object.keys(peer.results), ['3', '4']);
  peer.feed(goaway(0));
  t.deepEqual(
    Object.values(peer.results).map(({ kind }) => kind),
    ['refused', 'refused', 'refused', 'refused'],
  );
  t.deepEqual(peer.events, ['settings Infinity', 'goaway 0 soon', 'goaway 0 ', 'goaway 0 ', 'goaway 0 ']);
  t.deepEqual(await peer.said(), [], 'of streams that it ignores the server hears nothing');
});

test('when the connection ends, what was not written is refused, what was may have been looked at', async (t) => {
  const peer = await TestSession.open();
  peer.post();
  await peer.written();
  peer.post();
  peer.wire.destroy();
  peer.session.end('gone');
  t.deepEqual(peer.results as unknown, {
    1: { kind: 'broken', because: 'gone' },
    2: { kind: 'refused', because: 'gone' },
  });
  await new Promise((resolve) => setImmediate(resolve));
  t.is(peer.wire.bytes.length, 0);
});

test('a request that comes while another one ends is a request like others', async (t) => {
  const peer = await TestSession.open();
  peer.post();
  peer.onEnded = () => {
    peer.onEnded = () => {};
    peer.post('again');
  };
  await peer.written();
  peer.feed(ANSWER, frame('HEADERS', HEAD | END_STREAM, 3, OK));
  t.deepEqual(
    Object.values(peer.results).map(({ kind }) => kind),
    ['response', 'response'],
  );
  t.deepEqual(await peer.said(), ['DATA 3 5 end']);
});

test('a server that asks without end and does not listen is sent away', async (t) => {
  const peer = await TestSession.open();
  const ping = frame('PING', 0, 0, Buffer.alloc(8));
  peer.feed(...Array.from({ length: 3_000 }, () => ping));
  t.is((await peer.written()).length, 3_000, 'one that listens gets its answers');
  peer.wire.holding = true;
  peer.feed(ping);
  await peer.written();
  peer.feed(...Array.from({ length: 999 }, () => ping));
  const error = t.throws(() => peer.feed(ping, ping));
  t.like(error, { code: 'ENHANCE_YOUR_CALM' });
});

test('when every number of a stream was used there are no more requests', async (t) => {
  const peer = new TestSession(1_024, 0x7fff_fffd);
  peer.session.begin();
  peer.feed(settings());
  peer.post();
  t.false(peer.session.exhausted);
  peer.post();
  t.true(peer.session.exhausted);
  const sent = (await peer.written()).filter(({ kind }) => kind === 'DATA');
  t.deepEqual(
    sent.map(({ streamId }) => streamId),
    [0x7fff_fffd, 0x7fff_ffff],
  );
  peer.feed(frame('HEADERS', HEAD | END_STREAM, 0x7fff_ffff, OK));
  t.is(peer.results[2]?.kind, 'response');
});

const wrong: [what: string, request: { path?: string; headers?: Record<string, string> }][] = [
  ...['', 'x', '*', '/a b', '/a\n', '/a\r\nb: c', '/\u00fc', '/\u20ac', '/\0'].map((path): (typeof wrong)[number] => [
    `the path ${JSON.stringify(path)}`,
    { path },
  ]),
  ...['', 'X-A', ':path', 'a b', 'a\n', 'a:', '\u00fc'].map((name): (typeof wrong)[number] => [
    `the name ${JSON.stringify(name)}`,
    { headers: { 'x-good': 'good', [name]: 'v' } },
  ]),
  ...['a\n', 'a\r\nb: c', '\0', '\x1f', '\x7f', '\u20ac', ' a', 'a ', '\ta', 'a\t', ' '].map(
    (value): (typeof wrong)[number] => [
      `the value ${JSON.stringify(value)}`,
      { headers: { 'x-good': 'good', 'x-a': value } },
    ],
  ),
];

for (const [what, request] of wrong) {
  test(`not sent: ${what}`, async (t) => {
    const peer = await TestSession.open();
    t.throws(() => peer.post('{}', request), { instanceOf: TypeError });
    t.deepEqual(await peer.written(), []);
    t.is(peer.session.exchanges.size, 0);
    peer.post('{}', { headers: { 'x-good': 'good', 'x-a': 'a \t\u00fc\x80', 'x-empty': '' } });
    const [headers] = await peer.written();
    t.is(headers?.streamId, 1, 'no number was used');
    t.true(headers?.payload.includes('\x06x-good\x04good'), 'nothing was taken for known');
  });
}
