import test from 'ava';
import {
  BalError,
  decodeBackendFrame,
  decodeBridgeFrame,
  detect,
  encodeBackendFrame,
  encodeBridgeFrame,
  encodings,
  FrameDecoder,
} from '../../../src/protocols/bal/index.ts';
import { seeded } from './helpers.ts';

const fcm_data = { to: 'tøken', data: { a: ['x', 1.5, { b: null }], Ā: '\u{1f600}' }, time_to_live: 100_000_000 };
const seeds = encodings.flatMap((encoding) => [
  encodeBackendFrame({ message_type: 'DOWNSTREAM', message_id: 'm', group_id: 'g', fcm_data }, encoding),
  encodeBackendFrame({ message_type: 'ACK', sequence_ids: [1, 300, 2 ** 31] }, encoding),
  encodeBackendFrame({ message_type: 'LOGON', session_id: 's', window: 5, confirm: true }, encoding),
  encodeBridgeFrame(
    {
      message_type: 'DOWNSTREAM_REJECT',
      sequence_id: 5,
      session_id: 's',
      message_id: 'm',
      error: 'E',
      error_string: 'x',
      taken: true,
      fcm_data: JSON.stringify(fcm_data),
    },
    encoding,
  ),
]);

/** A few bytes changed, cut out, doubled or put in: most results are broken in an interesting place. */
function mutated(bytes: Buffer, random: () => number): Buffer {
  let out = Buffer.from(bytes);
  const at = (): number => Math.floor(random() * out.length);
  for (let i = 1 + Math.floor(random() * 4); i > 0; i--) {
    switch (Math.floor(random() * 6)) {
      case 0:
        out[at()] = Math.floor(random() * 256);
        break;
      case 1:
        {
          const place = at();
          out[place] = (out[place] ?? 0) ^ (1 << Math.floor(random() * 8));
        }
        break;
      case 2: {
        const from = at();
        out = Buffer.concat([out.subarray(0, from), out.subarray(from + Math.floor(random() * 8))]);
        break;
      }
      case 3: {
        const from = at();
        const end = from + Math.floor(random() * 24);
        out = Buffer.concat([out.subarray(0, end), out.subarray(from)]);
        break;
      }
      case 4:
        if (out.length >= 4)
          out.writeUInt32LE(
            [0, 0xffff_ffff, 0x7fff_ffff, 12][Math.floor(random() * 4)] ?? 0,
            Math.min(at(), out.length - 4) & ~3,
          );
        break;
      default: {
        const from = at();
        out = Buffer.concat([out.subarray(0, from), Buffer.from('"{}[]:,\\'.charAt(at() % 8)), out.subarray(from)]);
      }
    }
    if (out.length === 0) return Buffer.of(0);
  }
  return out;
}

test('mangled bodies are read or refused by a BalError, quickly', (t) => {
  const random = seeded(20);
  let read = 0;
  let refused = 0;
  for (let round = 0; round < 60_000; round++) {
    const seed = seeds[round % seeds.length] ?? Buffer.alloc(0);
    const body = mutated(seed.subarray(4), random);
    for (const decode of [decodeBackendFrame, decodeBridgeFrame]) {
      try {
        decode(body, detect(body));
        read++;
      } catch (error) {
        refused++;
        if (!(error instanceof BalError) || error.code !== 'INVALID_FRAME') {
          t.log(body.toString('hex'));
          throw error;
        }
      }
    }
  }
  t.true(read > 1_000 && refused > 1_000, `${read} read, ${refused} refused`);
});

test('random bytes in every encoding', (t) => {
  const random = seeded(21);
  for (let round = 0; round < 20_000; round++) {
    const body = Buffer.from(Array.from({ length: 1 + Math.floor(random() * 60) }, () => Math.floor(random() * 256)));
    if (round % 2) body.write('qbjs\x01\0\0\0', 'latin1');
    for (const encoding of encodings) {
      t.notThrows(() => {
        try {
          decodeBackendFrame(body, encoding);
        } catch (error) {
          if (!(error instanceof BalError)) throw error;
        }
      });
    }
  }
});

test('a mangled stream yields bodies or FRAME_TOO_LARGE', (t) => {
  const random = seeded(22);
  const stream = Buffer.concat(seeds);
  for (let round = 0; round < 2_000; round++) {
    const bytes = mutated(stream, random);
    const decoder = new FrameDecoder(2_000);
    try {
      for (let at = 0; at < bytes.length; at += 100) {
        decoder.push(bytes.subarray(at, at + 100));
        for (const body of decoder) t.true(body.length >= 1 && body.length <= 2_000);
        t.true(decoder.buffered <= 2_004 + 100);
      }
    } catch (error) {
      t.true(error instanceof BalError && error.code === 'FRAME_TOO_LARGE');
    }
  }
});
