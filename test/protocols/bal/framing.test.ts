import test from 'ava';
import { DEFAULT_MAX_FRAME_BYTES, FrameDecoder, frame } from '../../../src/protocols/bal/index.ts';
import { seeded, throwsBal } from './helpers.ts';

const stream = Buffer.from('0000000161' + '00000003626364' + '000000026566', 'hex');
const bodies = ['a', 'bcd', 'ef'];

function drain(decoder: FrameDecoder): string[] {
  return [...decoder].map((body) => body.toString('latin1'));
}

test('[BAL §Framing] several frames in one chunk come out as views of it', (t) => {
  const decoder = new FrameDecoder();
  decoder.push(stream);
  const first = decoder.next();
  t.is(first?.toString(), 'a');
  t.is(first?.buffer, stream.buffer, 'no copy');
  t.deepEqual(drain(decoder), ['bcd', 'ef']);
  t.is(decoder.next(), undefined);
  t.is(decoder.buffered, 0);
});

test('[BAL §Framing] a stream may be cut anywhere', (t) => {
  for (let a = 0; a <= stream.length; a++) {
    for (let b = a; b <= stream.length; b++) {
      const decoder = new FrameDecoder();
      const out: string[] = [];
      for (const chunk of [stream.subarray(0, a), stream.subarray(a, b), stream.subarray(b)]) {
        decoder.push(chunk);
        out.push(...drain(decoder));
      }
      t.deepEqual(out, bodies, `cut at ${a} and ${b}`);
      t.is(decoder.buffered, 0);
    }
  }
});

test('chunks may pile up before anybody takes a body', (t) => {
  const decoder = new FrameDecoder();
  for (const byte of stream) decoder.push(Buffer.of(byte));
  t.is(decoder.buffered, stream.length);
  t.is(decoder.next()?.toString(), 'a');
  for (const body of decoder) {
    t.is(body.toString(), 'bcd');
    break; // leaving early loses nothing
  }
  t.is(decoder.buffered, 6);
  t.deepEqual(drain(decoder), ['ef']);
});

test('bodies gathered from parts do not share memory', (t) => {
  const decoder = new FrameDecoder();
  const out: Buffer[] = [];
  for (const byte of stream) {
    decoder.push(Buffer.of(byte));
    out.push(...decoder);
  }
  t.deepEqual(
    out.map((b) => b.toString()),
    bodies,
  );
});

test('[BAL §Framing] a frame of the limit passes, one byte more does not', (t) => {
  const body = Buffer.alloc(1_000, 0x61);
  const decoder = new FrameDecoder(1_000);
  decoder.push(frame(body));
  t.deepEqual(decoder.next(), body);
  decoder.push(frame(Buffer.alloc(1_001)));
  throwsBal(t, 'FRAME_TOO_LARGE', '1001 bytes', () => decoder.next());
  decoder.push(frame(body));
  throwsBal(t, 'FRAME_TOO_LARGE', '1001 bytes', () => decoder.next());
  t.is(decoder.buffered, 0, 'nothing more is kept');
});

test('[BAL §Framing] the default limit is 65536', (t) => {
  t.is(DEFAULT_MAX_FRAME_BYTES, 65_536);
  const decoder = new FrameDecoder();
  decoder.push(frame(Buffer.alloc(65_536)));
  t.is(decoder.next()?.length, 65_536);
  decoder.push(Buffer.from('00010001', 'hex'));
  throwsBal(t, 'FRAME_TOO_LARGE', '65537', () => decoder.next());
});

test('[BAL §Framing] a frame of 0 bytes is fatal, also when its header comes byte by byte', (t) => {
  const decoder = new FrameDecoder();
  for (const byte of [0, 0, 0]) {
    decoder.push(Buffer.of(byte));
    t.is(decoder.next(), undefined);
  }
  decoder.push(Buffer.of(0));
  throwsBal(t, 'FRAME_TOO_LARGE', '0 bytes', () => decoder.next());
});

test('the largest length is read as unsigned', (t) => {
  const decoder = new FrameDecoder();
  decoder.push(Buffer.from('ffffffff', 'hex'));
  throwsBal(t, 'FRAME_TOO_LARGE', '4294967295', () => decoder.next());
});

test.serial('a promise of a large frame allocates nothing', (t) => {
  const before = process.memoryUsage().arrayBuffers;
  const decoders = Array.from({ length: 64 }, () => new FrameDecoder(16_777_216));
  for (const decoder of decoders) {
    decoder.push(Buffer.from('0100000061', 'hex'));
    t.is(decoder.next(), undefined);
  }
  t.true(process.memoryUsage().arrayBuffers - before < 8_000_000);
  t.is(decoders[0]?.buffered, 1 + 4);
});

test('a large frame byte by byte is gathered in linear time', (t) => {
  const size = 1_000_000;
  const whole = frame(Buffer.alloc(size, 0x62));
  const decoder = new FrameDecoder(size);
  let body: Buffer | undefined;
  for (let i = 0; i < whole.length; i++) {
    t.is(body, undefined);
    decoder.push(whole.subarray(i, i + 1));
    body = decoder.next();
  }
  t.is(body?.length, size);
  t.true(body?.every((byte) => byte === 0x62));
});

test('random frames in random chunks', (t) => {
  const random = seeded(7);
  for (let round = 0; round < 50; round++) {
    const sent = Array.from({ length: 20 }, (_, i) => Buffer.alloc(1 + Math.floor(random() * 5_000), i + 1));
    const bytes = Buffer.concat(sent.map(frame));
    const decoder = new FrameDecoder(5_000);
    const got: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + Math.floor(random() * 3_000);
      decoder.push(bytes.subarray(at, end));
      got.push(...decoder);
      at = end;
    }
    t.true(Buffer.concat(got.map(frame)).equals(bytes));
  }
});

test('frame puts the length in front', (t) => {
  t.is(frame(Buffer.from('bcd')).toString('hex'), '00000003626364');
});

test('the limit itself is checked', (t) => {
  for (const limit of [0, -1, 1.5, Number.NaN, 2 ** 32]) {
    t.throws(() => new FrameDecoder(limit), { instanceOf: RangeError });
  }
});
