import { Duplex } from 'node:stream';
import { Exchange, type ExchangeHost, type H2Request, type H2Result } from '../../../src/protocols/http2/exchange.ts';
import { ClientSession } from '../../../src/protocols/http2/session.ts';

export const kinds = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
] as const;

export type Kind = (typeof kinds)[number];

/** A frame, byte by byte. [RFC 9113 §4.1] */
export function frame(kind: Kind | number, flags: number, streamId: number, payload: Buffer | string = ''): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload.replaceAll(' ', ''), 'hex') : payload;
  const head = Buffer.from([0, 0, 0, typeof kind === 'number' ? kind : kinds.indexOf(kind), flags, 0, 0, 0, 0]);
  head.writeUIntBE(body.length, 0, 3);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, body]);
}

export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const PRIORITY = 0x20;

/** `:status: 200` */
export const OK = '88';

/** A number of 32 bits, in hex. */
export const u32 = (value: number) => value.toString(16).padStart(8, '0');

/** A frame of settings out of numbers and values. */
export function settings(...pairs: readonly (readonly [setting: number, value: number])[]): Buffer {
  return frame(
    'SETTINGS',
    0,
    0,
    pairs.map(([setting, value]) => setting.toString(16).padStart(4, '0') + u32(value)).join(''),
  );
}

/** A frame that the client wrote. */
export interface Written {
  readonly kind: string;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** What the client writes, and whether it gets away. */
class Wire extends Duplex {
  bytes = Buffer.alloc(0);
  #held: (() => void) | undefined;
  /** Takes what is written, but does not say so. */
  holding = false;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.bytes = Buffer.concat([this.bytes, chunk]);
    if (this.holding) this.#held = done;
    else done();
  }

  override _read(): void {}

  release(): void {
    this.holding = false;
    this.#held?.();
    this.#held = undefined;
  }
}

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** A session whose server is the test: it feeds bytes and looks at what was written. */
export class TestSession implements ExchangeHost {
  readonly id = 1;
  readonly maxResponseBytes: number;
  because: string | undefined;
  readonly wire = new Wire();
  readonly session: ClientSession;
  /** How requests ended, by their number, which counts from 1. */
  readonly results: Record<number, H2Result> = {};
  /** What the session said: settings and goaways. */
  readonly events: string[] = [];
  /** Called when an exchange is over. */
  onEnded: () => void = () => {};
  #requests = 0;

  constructor(maxResponseBytes = 1_024, firstId = 1) {
    this.maxResponseBytes = maxResponseBytes;
    const events = {
      onSettings: (streams: number) => void this.events.push(`settings ${streams}`),
      onGoaway: (code: number, words: Buffer) => void this.events.push(`goaway ${code} ${words}`),
    };
    this.session = new ClientSession(this.wire, { authority: 'example.org', maxResponseBytes }, events, firstId);
  }

  /** One whose greetings are exchanged and forgotten. */
  static async open(settingsOfServer = settings(), maxResponseBytes?: number): Promise<TestSession> {
    const test = new TestSession(maxResponseBytes);
    test.session.begin();
    test.feed(settingsOfServer);
    await test.written();
    return test;
  }

  ended(exchange: Exchange, _result: H2Result, reset: Parameters<ExchangeHost['ended']>[2]): void {
    this.session.forget(exchange, reset);
    this.onEnded();
  }

  /** Posts this body; the answer is found in `results`. */
  post(body = '{}', request: Partial<H2Request> = {}): Exchange {
    const number = ++this.#requests;
    const exchange = new Exchange(this, 0, (result) => {
      this.results[number] = result;
    });
    this.session.request(exchange, { path: '/', headers: {}, body, ...request });
    return exchange;
  }

  feed(...frames: readonly Buffer[]): void {
    this.session.push(Buffer.concat(frames));
  }

  /** The frames that were written since it was last asked. */
  async written(): Promise<Written[]> {
    await new Promise((resolve) => setImmediate(resolve));
    const bytes = this.wire.bytes;
    this.wire.bytes = Buffer.alloc(0);
    const frames: Written[] = [];
    let at = bytes.toString('latin1', 0, PREFACE.length) === PREFACE ? PREFACE.length : 0;
    while (at < bytes.length) {
      const to = at + 9 + bytes.readUIntBE(at, 3);
      const payload = bytes.subarray(at + 9, to);
      frames.push({
        kind: kinds[bytes[at + 3] ?? -1] ?? '?',
        flags: bytes[at + 4] ?? 0,
        streamId: bytes.readUInt32BE(at + 5),
        payload,
      });
      at = to;
    }
    return frames;
  }

  /** The same in words, without headers: `DATA 1 5 end`, `RST_STREAM 3 00000008`. */
  async said(): Promise<string[]> {
    return (await this.written())
      .filter(({ kind }) => kind !== 'HEADERS')
      .map(({ kind, flags, streamId, payload }) => {
        if (kind === 'DATA') return `DATA ${streamId} ${payload.length}${flags & END_STREAM ? ' end' : ''}`;
        return `${kind} ${streamId} ${payload.toString('hex')}${flags & ACK ? ' ack' : ''}`;
      });
  }
}
