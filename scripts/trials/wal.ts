import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Random } from '../../src/lib/backoff.ts';

/** [sqlite.org/fileformat2.html §4] a header, then frames: 24 bytes and a page each. */
const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** What was done to a log, in words. */
export type Damage = string;

interface Shape {
  readonly bytes: Buffer;
  readonly frameBytes: number;
  /** Where the last commit ends. Everything before may have been synced; behind it nothing was ever acknowledged. */
  readonly end: number;
}

/** A write-ahead log as a kill left it; undefined if there is none to speak of. */
function read(path: string): Shape | undefined {
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  if (bytes.length < HEADER_BYTES) return undefined;
  const frameBytes = FRAME_HEADER_BYTES + bytes.readUInt32BE(8);
  const salts = bytes.subarray(16, 24);
  let end = HEADER_BYTES;
  for (let at = HEADER_BYTES; at + frameBytes <= bytes.length; at += frameBytes) {
    if (!bytes.subarray(at + 8, at + 16).equals(salts)) break; // left over from an earlier round
    if (bytes.readUInt32BE(at + 4) !== 0) end = at + frameBytes;
  }
  return { bytes, frameBytes, end };
}

const noise = (length: number, random: Random): Buffer =>
  Buffer.from(Uint8Array.from({ length }, () => Math.floor(random() * 256)));

const upTo = (random: Random, limit: number): number => Math.floor(random() * limit);

/** Ways in which a write that was never synced can have torn. They get what is committed, and give the whole log. */
const tears: Readonly<Record<string, (log: Shape, random: Random) => Buffer>> = {
  'cut behind the last commit': ({ bytes, end }, random) =>
    bytes.subarray(0, end + upTo(random, bytes.length - end + 1)),
  'noise behind the last commit': ({ bytes, end, frameBytes }, random) =>
    Buffer.concat([bytes.subarray(0, end), noise(1 + upTo(random, 3 * frameBytes), random)]),
  'half a frame behind the last commit': ({ bytes, end, frameBytes }, random) =>
    Buffer.concat([
      bytes.subarray(0, end),
      bytes.subarray(HEADER_BYTES, HEADER_BYTES + 1 + upTo(random, frameBytes - 1)),
    ]),
  'a commit whose page did not reach the disk': ({ bytes, end, frameBytes }, random) => {
    const frame = noise(frameBytes, random);
    frame.writeUInt32BE(1 + upTo(random, 50), 0);
    frame.writeUInt32BE(50, 4);
    bytes.copy(frame, 8, 16, 24);
    return Buffer.concat([bytes.subarray(0, end), frame]);
  },
  'old frames with flipped bits behind the last commit': (log, random) => {
    const { bytes, end } = log;
    const copy = Buffer.from(bytes.subarray(HEADER_BYTES, end));
    for (let n = 0; n < 3 && copy.length > 0; n++) flip(copy, upTo(random, copy.length), random);
    return Buffer.concat([bytes.subarray(0, end), copy]);
  },
};

/** Ways in which a disk can lose what it had promised to keep. */
const corruptions: Readonly<Record<string, (log: Shape, random: Random) => Buffer>> = {
  'cut among what was synced': ({ bytes, end }, random) => bytes.subarray(0, upTo(random, end)),
  'flipped a bit among what was synced': ({ bytes, end }, random) => {
    flip(bytes, upTo(random, end), random);
    return bytes;
  },
  'lost a block among what was synced': ({ bytes, end }, random) => {
    const at = upTo(random, end);
    bytes.fill(0, at, Math.min(end, at + 4096));
    return bytes;
  },
};

function flip(bytes: Buffer, at: number, random: Random): void {
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << upTo(random, 8)), at);
}

function damage(path: string, ways: typeof tears, random: Random): Damage | undefined {
  const log = read(path);
  const [name, way] = Object.entries(ways)[upTo(random, Object.keys(ways).length)] ?? [];
  if (!log || !way) return undefined;
  writeFileSync(path, way(log, random));
  return name;
}

/** Tears the tail of a log as a power cut does: nothing that was ever committed is touched. */
export const tear = (path: string, random: Random): Damage | undefined => damage(path, tears, random);

/** Damages what was synced. No store survives that unharmed; it must only not lie about it. */
export const corrupt = (path: string, random: Random): Damage | undefined => damage(path, corruptions, random);
