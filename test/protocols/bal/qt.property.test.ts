import test from 'ava';
import {
  BalError,
  decodeBackendFrame,
  encodeBackendFrame,
  encodeBridgeFrame,
} from '../../../src/protocols/bal/index.ts';
import { readQt } from '../../../src/protocols/bal/qt-read.ts';
import { fc, holds, jsonObject, same } from '../../properties.ts';
import { bridgeFrame, sentFrame } from './arbitraries.ts';
import { mutation } from './mutations.ts';
import { type Json, qtDocument } from './qt-reference.ts';
import { type Entries, hasTwice, Malformed, plain, readQtReference } from './qt-reference-reader.ts';

/** What the codec reads, or its refusal. */
function ours(body: Buffer): Record<string, unknown> | 'refused' {
  try {
    return readQt(body).header;
  } catch (error) {
    if (error instanceof BalError && error.code === 'INVALID_FRAME') return 'refused';
    throw error;
  }
}

/** The same by the reference. */
function theirs(body: Buffer): Record<string, unknown> | 'refused' {
  let read: Entries;
  try {
    read = readQtReference(body);
  } catch (error) {
    if (error instanceof Malformed) return 'refused';
    throw error;
  }
  return hasTwice(read) ? 'refused' : (plain(read) as Record<string, unknown>);
}

const documents = fc.oneof(
  jsonObject(4).map((object) => qtDocument(object as Json)),
  jsonObject(3).map((object) => qtDocument(object as Json, { unsorted: true })),
  sentFrame.map((frame) => encodeBackendFrame(frame, 'qt').subarray(4)),
  bridgeFrame.map((frame) => encodeBridgeFrame(frame, 'qt').subarray(4)),
);

test('well-formed documents are read as the reference reads them', (t) => {
  let read = 0;
  holds(t, documents, (body) => {
    same(ours(body), theirs(body));
    read += Number(ours(body) !== 'refused');
  });
  t.true(read >= 250, `${read} of 300`);
});

test('whatever is done to a document, it is refused, or it is well-formed and means what the reference says', (t) => {
  const counts = { refused: 0, read: 0 };
  const mutated = fc.tuple(documents, mutation).map(([body, mutate]) => mutate(body));
  holds(
    t,
    mutated,
    (body) => {
      const result = ours(body);
      same(result, theirs(body));
      counts[result === 'refused' ? 'refused' : 'read']++;
    },
    6_000,
  );
  t.true(counts.refused > 500 && counts.read > 500, JSON.stringify(counts));
});

test('a frame that is read comes through another writing unchanged', (t) => {
  const mutated = fc
    .tuple(sentFrame, mutation)
    .map(([frame, mutate]) => mutate(encodeBackendFrame(frame, 'qt').subarray(4)));
  holds(
    t,
    mutated,
    (body) => {
      if (ours(body) === 'refused') return;
      let frame: ReturnType<typeof decodeBackendFrame>;
      try {
        frame = decodeBackendFrame(body, 'qt');
      } catch (error) {
        if (error instanceof BalError) return;
        throw error;
      }
      if (frame.message_type === 'UNKNOWN' || ('problem' in frame && frame.problem !== undefined)) return;
      same(decodeBackendFrame(encodeBackendFrame(frame, 'qt').subarray(4), 'qt'), frame);
    },
    2_000,
  );
});

test('a document holds no more values than words, whatever its offsets say', (t) => {
  // Many tables' entries point at the same place: without a rule against it this unfolds without end.
  const shared = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 12, max: 400 })).map(([count, offset]) => {
    const body = qtDocument({ a: Array.from({ length: count }, () => [[1, 2], [3]]) });
    for (let at = 20; at + 4 <= body.length; at += 4) {
      const word = body.readUInt32LE(at);
      if (word % 32 === 4) body.writeUInt32LE(((offset & ~3) * 32 + 4) >>> 0, at);
    }
    return body;
  });
  holds(t, shared, (body) => {
    const result = ours(body);
    same(result, theirs(body));
    if (result !== 'refused') t.true(values(result) <= body.length / 4);
  });
});

function values(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return 1 + Object.values(value).reduce((sum: number, item) => sum + values(item), 0);
}
