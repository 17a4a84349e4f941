/** A backend that sends rubbish to the BAL door, and knows what the door must make of it. */
import { connect, type Socket } from 'node:net';
import {
  BalError,
  decodeBackendFrame,
  decodeBridgeFrame,
  detect,
  type Encoding,
  encodings,
  errorCodes,
  FrameDecoder,
  type ReceivedFrame,
} from '../../src/protocols/bal/index.ts';
import { bytesOf } from '../../test/doors/bal/backend.ts';
import type { Chance } from './fuzz-chance.ts';
import { encoded, frameBody, logon } from './fuzz-frames.ts';
import type { Tally } from './fuzz-trial.ts';

/** Frames that one connection sends at most. */
const FRAMES = 60;
/** How long a connection may linger after we left it, in milliseconds: longer than the door's own deadlines. */
const LEAVING_MS = 20_000;

/** What becomes of a connection: refused with a code, left in order, cut within a frame, or still open. */
type Fate = { readonly kind: 'error' | 'logon'; readonly code: string } | { readonly kind: 'logoff' | 'cut' | 'open' };

/** The door as it should be: what it makes of a stream of bytes. */
class Model {
  readonly #decoder = new FrameDecoder();
  #encoding: Encoding | undefined;
  frames = 0;
  /** Frames that are answered one by one: pings, and types that nobody knows. */
  answered = 0;
  fate: Fate = { kind: 'open' };

  push(bytes: Buffer): void {
    this.#decoder.push(bytes);
    try {
      for (const body of this.#decoder) {
        this.frames++;
        this.fate = this.#fateOf(body);
        if (this.fate.kind !== 'open') return;
      }
      if (this.#decoder.buffered > 0) this.fate = { kind: 'cut' };
    } catch (error) {
      if (!(error instanceof BalError)) throw error;
      this.frames++;
      this.fate = { kind: 'error', code: error.code };
    }
  }

  #fateOf(body: Buffer): Fate {
    const encoding = detect(body);
    if (this.#encoding !== undefined && encoding !== this.#encoding) return { kind: 'error', code: 'INVALID_FRAME' };
    const frame = decodeOrRefuse(body, encoding);
    if (typeof frame === 'string') return { kind: 'error', code: frame };
    const before = this.#encoding === undefined;
    if (before && frame.message_type !== 'LOGON') return { kind: 'error', code: 'LOGON_EXPECTED' };
    if (!before && frame.message_type === 'LOGON') return { kind: 'error', code: 'ALREADY_LOGGED_ON' };
    if (before && 'session_id' in frame && frame.session_id !== 'fuzz') {
      return { kind: 'logon', code: 'AUTHENTICATION_FAILED' };
    }
    this.#encoding = encoding;
    if (frame.message_type === 'PING' || frame.message_type === 'UNKNOWN') this.answered++;
    return { kind: frame.message_type === 'LOGOFF' ? 'logoff' : 'open' };
  }
}

function decodeOrRefuse(body: Buffer, encoding: Encoding) {
  try {
    return decodeBackendFrame(body, encoding);
  } catch (error) {
    if (error instanceof BalError) return error.code;
    throw error;
  }
}

export class HostileBackend {
  readonly #chance: Chance;
  readonly #port: number;
  readonly #encoding: Encoding;
  #socket: Socket | undefined;
  /** All that was written. */
  sent: Buffer = Buffer.alloc(0);

  constructor(chance: Chance, port: number) {
    this.#chance = chance;
    this.#port = port;
    this.#encoding = chance.pick(encodings);
  }

  /** Sends frames up to one that must end the connection, or up to a last PING; resolves when the door has reacted. */
  async run(tally: Tally): Promise<void> {
    const chance = this.#chance;
    const model = new Model();
    const parts: Buffer[] = [];
    while (model.fate.kind === 'open' && model.frames < FRAMES) {
      const part = this.#part(parts.length === 0);
      parts.push(part);
      model.push(part);
    }
    const { fate } = model;
    const last = `last ${chance.int(1e9)}`;
    if (fate.kind === 'open') parts.push(bytesOf({ message_type: 'PING', data: last }, this.#encoding));
    this.sent = Buffer.concat(parts);

    const ended = Promise.withResolvers<void>();
    const reader = new Reader(tally, last, ended);
    // Addresses of their own: ports that wait for late packets do not run out.
    const localAddress = `127.0.${1 + chance.int(200)}.${1 + chance.int(200)}`;
    const socket = connect({ host: '127.0.0.1', port: this.#port, localAddress });
    this.#socket = socket;
    socket.on('error', () => {}); // a reset is an end like any other
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.on('close', () => ended.resolve());
    const cut = chance.odds(0.3) ? chance.int(this.sent.length) : 0;
    if (cut > 0) socket.write(this.sent.subarray(0, cut));
    setImmediate(() => {
      socket.write(this.sent.subarray(cut));
      if (fate.kind === 'cut' || fate.kind === 'logoff') socket.end();
    });
    await ended.promise;
    reader.judge(fate, model.answered);
    tally.cases += model.frames;
    tally.connections++;
  }

  /** Leaves, politely or not, if the door has not closed. */
  leave(): void {
    const socket = this.#socket;
    if (!socket || socket.destroyed) return;
    const roll = this.#chance.float();
    if (roll < 0.3) socket.end(bytesOf({ message_type: 'LOGOFF' }, this.#encoding));
    else if (roll < 0.5) socket.end(this.#chance.bytes(this.#chance.int(9)));
    else if (roll < 0.8) socket.resetAndDestroy();
    else socket.destroy();
    if (!socket.destroyed) socket.setTimeout(LEAVING_MS, () => socket.destroy());
  }

  #part(first: boolean): Buffer {
    const chance = this.#chance;
    if (first && chance.odds(0.96)) {
      const session = chance.odds(0.98) ? 'fuzz' : chance.pick(['honest', 'nobody', '__proto__']);
      return bytesOf(encoded(chance, logon(chance, session), this.#encoding));
    }
    if (chance.odds(0.003)) return chance.bytes(1 + chance.int(40)); // no frame at all
    return bytesOf(frameBody(chance, this.#encoding));
  }
}

/** What the door says: every frame must be readable, every refusal must have a code of the table. */
class Reader {
  readonly #tally: Tally;
  readonly #last: string;
  readonly #ended: PromiseWithResolvers<void>;
  readonly #decoder = new FrameDecoder();
  #refusal: string | undefined;
  #answers = 0;
  /** The last question is answered. */
  #asked = false;

  constructor(tally: Tally, last: string, ended: PromiseWithResolvers<void>) {
    this.#tally = tally;
    this.#last = last;
    this.#ended = ended;
  }

  push(chunk: Buffer): void {
    try {
      this.#decoder.push(chunk);
      for (const body of this.#decoder) this.#take(decodeBridgeFrame(body, detect(body)));
    } catch (error) {
      this.#ended.reject(error);
    }
  }

  /** @param answers how many frames must have been answered one by one */
  judge(fate: Fate, answers: number): void {
    const expected = 'code' in fate ? fate.code : undefined;
    if (this.#refusal !== expected) throw new Error(`${expected ?? 'no refusal'} expected, ${this.#refusal} came`);
    if (fate.kind === 'open' && !this.#asked) throw new Error('the connection closed without a reason');
    if (this.#answers !== answers) throw new Error(`${answers} answers expected, ${this.#answers} came`);
  }

  #take(frame: ReceivedFrame) {
    switch (frame.message_type) {
      case 'ERROR':
        return this.#refused(frame.error, 'ERROR');
      case 'LOGON_RESPONSE':
        if (frame.status === 'FAILURE') this.#refused(frame.error ?? '', 'LOGON_RESPONSE');
        return;
      case 'DOWNSTREAM_REJECT':
        // What was taken is refused by the provider, with its own codes.
        if (frame.taken) this.#tally.refused(`provider ${frame.error}`);
        else this.#refused(frame.error, 'REJECT');
        return;
      case 'PONG':
        if (frame.data !== this.#last) {
          this.#answers++;
          return;
        }
        this.#asked = true;
        return this.#ended.resolve();
      case 'UNKNOWN':
        throw new Error(`a frame of the unknown type ${frame.name}`);
    }
  }

  #refused(code: string, frame: 'ERROR' | 'LOGON_RESPONSE' | 'REJECT'): void {
    const entry = Object.hasOwn(errorCodes, code) ? errorCodes[code as keyof typeof errorCodes] : undefined;
    if (entry?.frame !== frame) throw new Error(`the code ${code} in ${frame} is not in the table`);
    this.#tally.refused(code);
    if (code === 'NOT_SUPPORTED') this.#answers++;
    if (!entry.closes) return;
    if (this.#refusal !== undefined) throw new Error(`${code} after ${this.#refusal}`);
    this.#refusal = code;
  }
}
