import { duplexPair } from 'node:stream';
import test from 'ava';
import { ConnectionError } from '../../../src/protocols/http2/codes.ts';
import { FrameReader } from '../../../src/protocols/http2/frame-reader.ts';
import { FrameWriter } from '../../../src/protocols/http2/frame-writer.ts';
import { END_HEADERS, END_STREAM, frame } from './wire.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Frames as text, and whatever a reader made of their bytes. */
function reader() {
  const read: string[] = [];
  const frames = new FrameReader((kind, flags, streamId, payload) => {
    read.push(`${kind} ${flags} ${streamId} ${payload.toString('hex')}`);
  });
  return { read, frames };
}

const some = Buffer.concat([
  frame(0, 1, 1, 'abcdef'),
  frame(6, 0, 0),
  frame(0xff, 0xff, 0xffff_ffff, '00'),
  frame(8, 0, 0x8000_0000, '01'),
]);
const words = ['0 1 1 abcdef', '6 0 0 ', '255 255 2147483647 00', '8 0 0 01'];

test('frames are found wherever the bytes are cut', (t) => {
  for (let first = 0; first <= some.length; first++) {
    for (let second = first; second <= some.length; second++) {
      const { read, frames } = reader();
      for (const piece of [some.subarray(0, first), some.subarray(first, second), some.subarray(second)])
        frames.push(piece);
      t.deepEqual(read, words);
    }
  }
});

test('a frame may be as large as all take, and no larger: its head is enough to say so', (t) => {
  const { read, frames } = reader();
  frames.push(frame(0, 0, 1, Buffer.alloc(16_384)));
  t.is(read.length, 1);
  const error = t.throws(() => frames.push(frame(0, 0, 1, Buffer.alloc(16_385)).subarray(0, 9)), {
    instanceOf: ConnectionError,
  });
  t.is(error.code, 'FRAME_SIZE_ERROR');
});

test('the beginning of a frame does not keep what was read with it', (t) => {
  const { read, frames } = reader();
  const chunk = Buffer.concat([frame(0, 0, 1, '01'), frame(0, 0, 3, '0203').subarray(0, 10)]);
  frames.push(chunk);
  chunk.fill(0xff);
  frames.push(Buffer.from('03', 'hex'));
  t.deepEqual(read, ['0 0 1 01', '0 0 3 0203']);
});

/** A writer, and what came out of it, write by write. */
function writer() {
  const [near, far] = duplexPair();
  const chunks: Buffer[] = [];
  far.on('data', (chunk: Buffer) => chunks.push(chunk));
  let flushes = 0;
  const frames = new FrameWriter(near, () => flushes++);
  return { near, frames, chunks, flushes: () => flushes };
}

test('what is written in one turn goes out in one write, byte by byte as it should', async (t) => {
  const { frames, chunks, flushes } = writer();
  frames.raw(Buffer.from('hello'));
  frames.frame(6, 1, 0, Buffer.from('0102030405060708', 'hex'));
  frames.number(8, 0x7fff_ffff, 0xffff_ffff);
  frames.headers(1, Buffer.from('8283', 'hex'));
  frames.data(1, Buffer.from('ab'), false);
  frames.text(1, '\u20ac', 3);
  frames.text(3, '', 0);
  t.is(chunks.length, 0);
  await turn();
  t.deepEqual(chunks, [
    Buffer.concat([
      Buffer.from('hello'),
      frame('PING', 1, 0, '0102030405060708'),
      frame('WINDOW_UPDATE', 0, 0x7fff_ffff, 'ffffffff'),
      frame('HEADERS', END_HEADERS, 1, '8283'),
      frame('DATA', 0, 1, '6162'),
      frame('DATA', END_STREAM, 1, 'e282ac'),
      frame('DATA', END_STREAM, 3),
    ]),
  ]);
  await turn();
  t.is(flushes(), 1, 'nothing to write, nothing written');
});

for (const length of [0, 1, 16_384, 16_385, 32_768, 32_769]) {
  test(`a header block of ${length} bytes goes out in as many frames as it takes`, async (t) => {
    const block = Buffer.alloc(length, 'headers');
    const { frames, chunks } = writer();
    frames.headers(5, block);
    await turn();
    const pieces = Math.max(1, Math.ceil(length / 16_384));
    const expected = Array.from({ length: pieces }, (_, i) =>
      frame(
        i === 0 ? 'HEADERS' : 'CONTINUATION',
        i === pieces - 1 ? END_HEADERS : 0,
        5,
        block.subarray(16_384 * i, 16_384 * (i + 1)),
      ),
    );
    t.true(Buffer.concat(chunks).equals(Buffer.concat(expected)));
  });
}

test('more than a slab holds, up to its last byte and past it', async (t) => {
  const { frames, chunks } = writer();
  const expected: Buffer[] = [];
  // 3 * 16393 + 16348 + 9 = 65536: an empty frame fills the slab to its end
  for (const length of [16_384, 16_384, 16_384, 16_339, 0, 0, 16_384, 5]) {
    const piece = Buffer.alloc(length, `of ${length}`);
    frames.text(1, piece.toString(), length);
    expected.push(frame('DATA', END_STREAM, 1, piece));
  }
  await turn();
  await turn();
  t.true(Buffer.concat(chunks).equals(Buffer.concat(expected)));
});

test('what was written stays as it is, however much is written after it', async (t) => {
  const { near, frames } = writer();
  const held: Buffer[] = [];
  near.write = (chunk: Buffer) => held.push(chunk) > 0;
  for (let i = 0; i < 100; i++) {
    frames.data(1, Buffer.alloc(3_000, i), false);
    if (i % 7 === 0) frames.flush();
  }
  await turn();
  const { read, frames: again } = reader();
  for (const chunk of held) again.push(chunk);
  t.deepEqual(
    read,
    Array.from({ length: 100 }, (_, i) => `0 0 1 ${Buffer.alloc(3_000, i).toString('hex')}`),
  );
});

for (const [how, finish] of [
  ['destroyed', 'destroy'],
  ['ended', 'end'],
] as const) {
  test(`nothing is written to a connection that was ${how}, and nothing is kept for it`, async (t) => {
    const { near, frames, flushes } = writer();
    near.on('error', t.fail);
    near[finish]();
    for (let i = 0; i < 20; i++) frames.data(1, Buffer.alloc(16_384), true);
    frames.flush();
    await turn();
    t.is(flushes(), 0);
    t.is(near.writableLength, 0);
  });
}

test('what is written in answer to a write, before it returns, is not lost and stands behind it', async (t) => {
  const { near, frames } = writer();
  const { read, frames: again } = reader();
  let answers = 0;
  near.write = (chunk: Buffer) => {
    again.push(chunk);
    if (++answers <= 3) frames.number(8, 0, answers);
    return true;
  };
  frames.headers(1, Buffer.alloc(16_384 * 4 + 1)); // more than a slab, and nothing may come between
  await turn();
  await turn();
  await turn();
  t.deepEqual(
    read.map((line) => line.slice(0, 14)),
    [
      '1 0 1 00000000',
      ...Array(3).fill('9 0 1 00000000'),
      '9 4 1 00',
      '8 0 0 00000001',
      '8 0 0 00000002',
      '8 0 0 00000003',
    ],
  );
});

test('full slabs can go out before the turn is over', async (t) => {
  const { frames, chunks, flushes } = writer();
  frames.data(1, Buffer.alloc(16_384), false);
  frames.relieve();
  t.is(flushes(), 0, 'none is full');
  for (let i = 0; i < 4; i++) frames.data(1, Buffer.alloc(16_384, i), false);
  frames.relieve();
  t.is(flushes(), 1);
  await turn();
  t.is(flushes(), 2);
  t.is(Buffer.concat(chunks).length, 5 * 16_393);
});
