import test from 'ava';
import { canonicalJson } from '../../../src/lib/canonical-json.ts';
import {
  type BridgeFrame,
  decodeBackendFrame,
  decodeBridgeFrame,
  detect,
  encodeBackendFrame,
  encodeBridgeFrame,
  encodings,
  FrameDecoder,
  frame,
} from '../../../src/protocols/bal/index.ts';
import { bytesOf, type Json } from '../../doors/bal/backend.ts';
import { chunks, fc, holds, nested, same } from '../../properties.ts';
import { bridgeFrame, sentFrame } from './arbitraries.ts';

/** -0 is 0 in JSON text: frames are compared by what they say. */
const said = (value: unknown): unknown => JSON.parse(canonicalJson(value));

for (const encoding of encodings) {
  test(`[BAL §Framing] ${encoding}: what a backend sends is what the bridge reads`, (t) => {
    holds(t, sentFrame, (sent) => {
      const body = encodeBackendFrame(sent, encoding).subarray(4);
      same(detect(body), encoding);
      same(said(decodeBackendFrame(body, encoding)), said(sent));
    });
  });

  test(`[BAL §Framing] ${encoding}: what the bridge sends is what a backend reads`, (t) => {
    holds(t, bridgeFrame, (sent) => {
      const body = encodeBridgeFrame(sent, encoding).subarray(4);
      same(detect(body), encoding);
      same(said(decodeBridgeFrame(body, encoding)), said(received(sent)));
    });
  });

  test(`[BAL §Framing] ${encoding}: bytes made without the codec read the same`, (t) => {
    holds(t, sentFrame, (sent) => {
      const body = bytesOf(sent as unknown as Json, encoding).subarray(4);
      same(said(decodeBackendFrame(body, encoding)), said(sent));
    });
  });

  test(`[BAL §Framing] ${encoding}: fcm_data may be nested up to the 64th level of the frame`, (t) => {
    const down = (levels: number) => {
      const sent = { message_type: 'DOWNSTREAM', message_id: 'm', fcm_data: { to: 't', d: nested(levels, 1) } };
      const read = decodeBackendFrame(bytesOf(sent, encoding).subarray(4), encoding);
      return read.message_type === 'DOWNSTREAM' ? (read.problem ?? said(read.fcm_data)) : undefined;
    };
    for (const levels of [1, 30, 61, 62]) t.deepEqual(down(levels), { to: 't', d: nested(levels, 1) }, String(levels));
    if (encoding === 'qt') t.throws(() => down(63), { message: /64 levels/ });
    else t.is(down(63), 'fcm_data is nested deeper than 64 levels');
  });
}

test('[BAL §Framing] an empty text, 0 and an absent field are the same', (t) => {
  const empty = { group_id: '', provider: '', session_id: '', secret: '', client: '', data: '', window: 0 };
  const some = fc
    .subarray(Object.keys(empty))
    .map((keys) => Object.fromEntries(keys.map((k) => [k, empty[k as 'data']])));
  holds(t, fc.tuple(sentFrame, some, fc.constantFrom(...encodings)), ([sent, blank, encoding]) => {
    const body = bytesOf({ ...blank, ...sent } as unknown as Json, encoding).subarray(4);
    same(said(decodeBackendFrame(body, encoding)), said(sent));
  });
});

test('[BAL §Framing] however TCP cuts the stream, the frames are the same', (t) => {
  const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 3_000, size: 'max' }), { maxLength: 8 });
  const cut = bodies.chain((list) => {
    const buffers = list.map((bytes) => Buffer.from(bytes));
    return chunks(Buffer.concat(buffers.map(frame))).map((pieces) => ({ buffers, pieces }));
  });
  holds(t, cut, ({ buffers, pieces }) => {
    const decoder = new FrameDecoder(3_000);
    const read: Buffer[] = [];
    for (const piece of pieces) {
      decoder.push(piece);
      if (piece.length % 2 === 0) read.push(...decoder); // taking may wait
    }
    read.push(...decoder);
    same(read.map(String), buffers.map(String));
    same(decoder.buffered, 0);
  });
});

/** The frame as its reader sees it. */
function received(sent: BridgeFrame): object {
  const plain: Record<string, unknown> = { ...sent };
  if ('fcm_data' in sent) plain.fcm_data = JSON.parse(sent.fcm_data);
  return plain;
}
