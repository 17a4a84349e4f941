import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { Watch } from '../../src/emulator/index.ts';

/** What the service writes down, a line of JSON each, in the order in which it happens. */
export type Entry =
  /** The service begins; what it knew before is gone. */
  | readonly ['start']
  /** A message came under this id, with this `data`. */
  | readonly ['in', string, unknown]
  /** It is about to be answered: an ack (null) or a nack with this code. */
  | readonly ['out', string, string | null]
  /** An upstream message or receipt of this device is about to be sent, or was acked by the bridge. */
  | readonly ['up' | 'ack', string, string];

/** Appends to a file without a buffer of its own: a line that was written outlives the process that wrote it. */
export function journalTo(path: string): Watch {
  const file = openSync(path, 'a');
  const write = (entry: Entry): void => void writeSync(file, `${JSON.stringify(entry)}\n`);
  writeSync(file, '\n'); // ends a line that a kill left unfinished
  write(['start']);
  return {
    received: (id, json) => write(['in', id, (JSON.parse(json) as { data?: unknown }).data ?? null]),
    answered: (id, code) => write(['out', id, code ?? null]),
    upstreamSent: (from, id) => write(['up', from, id]),
    upstreamAcked: (from, id) => write(['ack', from, id]),
  };
}

const CHUNK_BYTES = 256 * 1024;

/** Reads a journal while it is written. A line that a kill left unfinished is not an entry: what it tells never happened. */
export class JournalReader {
  readonly #file: number;
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #at = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'a+');
  }

  /** The entries that were added since the last call. */
  *read(): Generator<Entry> {
    for (;;) {
      const bytes = readSync(this.#file, this.#chunk, 0, CHUNK_BYTES, this.#at);
      if (bytes === 0) return;
      this.#at += bytes;
      const lines = (this.#rest + this.#decoder.write(this.#chunk.subarray(0, bytes))).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) {
        const entry = parse(line);
        if (entry) yield entry;
      }
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}

function parse(line: string): Entry | undefined {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return undefined;
  }
}
