import test from 'ava';
import { END_HEADERS, END_STREAM, frame, OK, TestSession, u32 } from './wire.ts';

const HEAD = END_HEADERS;
const END = END_HEADERS | END_STREAM;
const status = (text: string) => `08${text.length.toString(16).padStart(2, '0')}${Buffer.from(text).toString('hex')}`;
const data = (text: string, flags = 0) => frame('DATA', flags, 1, Buffer.from(text));
const length = (text: string) => `5c${text.length.toString(16).padStart(2, '0')}${Buffer.from(text).toString('hex')}`;

/** A request, and these frames as its answer; then another request, which must be answered in any case. */
async function answer(frames: readonly Buffer[], maxResponseBytes = 10) {
  const peer = await TestSession.open(undefined, maxResponseBytes);
  peer.post();
  await peer.written();
  peer.feed(...frames);
  const said = await peer.said();
  peer.post();
  peer.feed(frame('HEADERS', END, 3, OK));
  return { result: peer.results[1], next: peer.results[2], said };
}

const whole: [what: string, frames: Buffer[], status: number, body: string][] = [
  ['headers alone', [frame('HEADERS', END, 1, status('204'))], 204, ''],
  ['headers and a body', [frame('HEADERS', HEAD, 1, OK), data('body', END_STREAM)], 200, 'body'],
  ['an empty body', [frame('HEADERS', HEAD, 1, OK), data('', END_STREAM)], 200, ''],
  [
    'a body in pieces',
    [frame('HEADERS', HEAD, 1, OK), data('b'), data(''), data('od'), data('y'), data('', END_STREAM)],
    200,
    'body',
  ],
  [
    'a character in pieces',
    [frame('HEADERS', HEAD, 1, OK), frame('DATA', 0, 1, 'c3'), frame('DATA', END_STREAM, 1, 'bc')],
    200,
    '\u00fc',
  ],
  ['as large as it may be', [frame('HEADERS', HEAD, 1, OK), data('0123456789', END_STREAM)], 200, '0123456789'],
  [
    'after preliminary ones',
    [frame('HEADERS', HEAD, 1, status('100')), frame('HEADERS', HEAD, 1, status('103')), frame('HEADERS', END, 1, OK)],
    200,
    '',
  ],
  [
    'with trailers',
    [frame('HEADERS', HEAD, 1, OK), data('body'), frame('HEADERS', END, 1, '00 0178 0179')],
    200,
    'body',
  ],
  ['with its length', [frame('HEADERS', HEAD, 1, OK + length('4')), data('body', END_STREAM)], 200, 'body'],
  [
    'followed by more of the same stream',
    [frame('HEADERS', END, 1, OK), data('more'), frame('HEADERS', END, 1, status('500'))],
    200,
    '',
  ],
];

for (const [what, frames, code, body] of whole) {
  test(`an answer: ${what}`, async (t) => {
    const { result, said } = await answer(frames);
    if (result?.kind !== 'response') return t.fail(result?.kind);
    t.is(result.response.status, code);
    t.is(result.response.body, body);
    return t.deepEqual(said, []);
  });
}

const PROTOCOL_ERROR = 1;
const CANCEL = 8;

const broken: [because: string, code: number, frames: Buffer[]][] = [
  ['the answer has no status', PROTOCOL_ERROR, [frame('HEADERS', END, 1)]],
  ['the answer has no status', PROTOCOL_ERROR, [frame('HEADERS', END, 1, `5c0130${OK}`)]],
  ...['', '20', '99', '099', '2000', '2e2', '0x1', ' 20', '-20', '+20', '20.', 'abc'].map(
    (text): [string, number, Buffer[]] => [
      'the answer has no status',
      PROTOCOL_ERROR,
      [frame('HEADERS', END, 1, status(text))],
    ],
  ),
  ['the answer has pseudo headers of its own', PROTOCOL_ERROR, [frame('HEADERS', END, 1, `${OK}84`)]],
  ['the answer has pseudo headers of its own', PROTOCOL_ERROR, [frame('HEADERS', END, 1, `${OK}${OK}`)]],
  ['the answer is not a last one', PROTOCOL_ERROR, [frame('HEADERS', END, 1, status('100'))]],
  ['a body without headers', PROTOCOL_ERROR, [data('body')]],
  ['a body without headers', PROTOCOL_ERROR, [frame('HEADERS', HEAD, 1, status('100')), data('', END_STREAM)]],
  [
    'headers in the middle of the answer',
    PROTOCOL_ERROR,
    [frame('HEADERS', HEAD, 1, OK), frame('HEADERS', HEAD, 1, OK)],
  ],
  [
    'the answer has 4 of 5 bytes',
    PROTOCOL_ERROR,
    [frame('HEADERS', HEAD, 1, OK + length('5')), data('body', END_STREAM)],
  ],
  [
    'the answer has 4 of 3 bytes',
    PROTOCOL_ERROR,
    [frame('HEADERS', HEAD, 1, OK + length('3')), data('body', END_STREAM)],
  ],
  ['the answer has 0 of 1 bytes', PROTOCOL_ERROR, [frame('HEADERS', END, 1, OK + length('1'))]],
  ['the answer has 0 of 0,0 bytes', PROTOCOL_ERROR, [frame('HEADERS', END, 1, OK + length('0') + length('0'))]],
  ['the answer is larger than 10 bytes', CANCEL, [frame('HEADERS', HEAD, 1, OK), data('0123456789a')]],
  [
    'the answer is larger than 10 bytes',
    CANCEL,
    [frame('HEADERS', HEAD, 1, OK), data('0123456789'), data('a', END_STREAM)],
  ],
];

for (const [because, code, frames] of broken) {
  test(`${because}: ${frames.map((bytes) => bytes.toString('hex', 9)).join(' ')}`, async (t) => {
    const { result, next, said } = await answer(frames);
    t.deepEqual(result as unknown, { kind: 'broken', because });
    t.deepEqual(said, [`RST_STREAM 1 ${u32(code)}`]);
    t.is(next?.kind, 'response', 'the others are none the worse');
  });
}

test('headers that come several times are a list, whatever their name', async (t) => {
  const line = (name: string, value: string) =>
    `00${[name, value].map((text) => text.length.toString(16).padStart(2, '0') + Buffer.from(text).toString('hex')).join('')}`;
  const lines = [line('a', '1'), line('__proto__', '2'), line('a', '3'), line('constructor', '4'), line('a', '5')];
  const { result } = await answer([frame('HEADERS', END, 1, OK + lines.join(''))]);
  if (result?.kind !== 'response') return t.fail(result?.kind);
  return t.deepEqual(Object.entries(result.response.headers), [
    ['a', ['1', '3', '5']],
    ['constructor', '4'],
  ]);
});

test('a stream that was refused after its answer had begun may have been looked at', async (t) => {
  const { result } = await answer([frame('HEADERS', HEAD, 1, OK), frame('RST_STREAM', 0, 1, u32(7))]);
  t.deepEqual(result as unknown, { kind: 'broken', because: 'the stream ended with REFUSED_STREAM' });
});

test('what waits for the rest of an answer does not keep what was read with it', async (t) => {
  const peer = await TestSession.open();
  peer.post();
  await peer.written();
  for (const chunk of [frame('HEADERS', HEAD, 1, OK + length('6')), data('one'), data('two')]) {
    peer.session.push(chunk);
    chunk.fill(0); // nothing looks at it again
  }
  peer.feed(data('', END_STREAM));
  t.like(peer.results[1], { kind: 'response', response: { body: 'onetwo' } });
});

test('an answer in very many pieces', async (t) => {
  const peer = await TestSession.open();
  peer.post();
  await peer.written();
  const text = Array.from({ length: 1_024 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');
  peer.feed(frame('HEADERS', HEAD, 1, OK), ...Array.from(text, (character) => data(character)));
  peer.feed(data('', END_STREAM));
  t.like(peer.results[1], { kind: 'response', response: { body: text } });
});

test('an answer with too many headers costs its stream alone', async (t) => {
  const line = `40 0178 7f8107${'76'.repeat(1_024)}`; // 1057 bytes, in the table as well
  const { result, next, said } = await answer([frame('HEADERS', END, 1, OK + line + 'be'.repeat(30))]);
  t.deepEqual(result as unknown, { kind: 'broken', because: 'the answer has more than 32768 bytes of headers' });
  t.is(next?.kind, 'response');
  t.deepEqual(said, ['RST_STREAM 1 00000008']);
  const { result: fitting } = await answer([frame('HEADERS', END, 1, OK + line + 'be'.repeat(29))]);
  t.is(fitting?.kind, 'response');
});
