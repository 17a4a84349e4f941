import type { Duplex } from 'node:stream';
import { ConnectionError, codeOf, type ErrorName, Flag, Frame, Setting } from './codes.ts';
import type { Exchange, H2Request } from './exchange.ts';
import { FRAME_MAX_BYTES, FrameReader } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import { HEADERS_MAX_BYTES, HeaderBlocks, type ReceivedHeaders } from './header-blocks.ts';
import { HeaderEncoder } from './hpack/index.ts';
import { unpad } from './padding.ts';
import { checkRequest } from './request-rules.ts';
import { SendWindows, WINDOW_DEFAULT_BYTES } from './send-windows.ts';

/** What a client says first. [RFC 9113 §3.4] */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** The server may have so much under way to us, in bytes; it is told that we have read when half of it has come. */
const RECEIVE_WINDOW_BYTES = 16_777_216;
/** Frames that want an answer, while none of ours gets away. */
const REPLIES_MAX = 1_000;
/** Streams of a client have odd numbers below this. [RFC 9113 §5.1.1] */
const STREAM_ID_MAX = 0x7fff_ffff;
/** Without the reserved bit. [RFC 9113 §6.9] */
const WINDOW_MASK = 0x7fff_ffff;
/** The length of a frame has 24 bits. [RFC 9113 §4.1] */
const FRAME_LENGTH_MAX = 0xff_ffff;

export interface SessionEvents {
  /** The server's settings: how many streams it takes at once. The first time the connection is open. */
  onSettings(maxStreams: number): void;
  /** The server takes nothing new; what it has not looked at is refused next. */
  onGoaway(code: number, words: Buffer): void;
}

export interface SessionSettings {
  /** The host that requests are for, with its port. */
  readonly authority: string;
  /** Of the body of an answer. */
  readonly maxResponseBytes: number;
}

/** The client's side of HTTP/2 on a connection: what is sent and what comes, without time and without decisions. */
export class ClientSession {
  readonly #socket: Duplex;
  readonly #settings: SessionSettings;
  readonly #events: SessionEvents;
  readonly #reader = new FrameReader((kind, flags, streamId, payload) => this.#onFrame(kind, flags, streamId, payload));
  readonly #writer: FrameWriter;
  readonly #encoder = new HeaderEncoder();
  readonly #blocks = new HeaderBlocks();
  readonly #windows: SendWindows;
  /** By stream, oldest first. */
  readonly #exchanges = new Map<number, Exchange>();
  readonly #pings: (() => void)[] = [];
  #nextId: number;
  /** Streams up to this one were handed to the socket. */
  #flushedId = 0;
  /** The last stream that the server will have looked at, once it has said so. */
  #lastId = STREAM_ID_MAX;
  #maxStreams = Number.POSITIVE_INFINITY;
  #greeted = false;
  #replies = 0;
  /** Bytes that came since the server was last told that we have read. */
  #unconfirmed = 0;

  /** @param firstId of its streams, odd */
  constructor(socket: Duplex, settings: SessionSettings, events: SessionEvents, firstId = 1) {
    this.#socket = socket;
    this.#settings = settings;
    this.#events = events;
    this.#writer = new FrameWriter(socket, () => {
      this.#flushedId = this.#nextId - 2;
      if (socket.writableLength === 0) this.#replies = 0;
    });
    this.#windows = new SendWindows(this.#writer);
    this.#nextId = firstId;
  }

  /** Requests in flight, oldest first. */
  get exchanges(): ReadonlyMap<number, Exchange> {
    return this.#exchanges;
  }

  /** Every number of a stream was used: no more requests. */
  get exhausted(): boolean {
    return this.#nextId > STREAM_ID_MAX;
  }

  /** Says hello; once, before all else. */
  begin(): void {
    const { maxResponseBytes } = this.#settings;
    this.#writer.raw(PREFACE);
    const ours = [
      [Setting.ENABLE_PUSH, 0],
      // One byte more than an answer may have: a larger one is seen, and not only stuck.
      [Setting.INITIAL_WINDOW_SIZE, maxResponseBytes + 1],
      [Setting.MAX_HEADER_LIST_SIZE, HEADERS_MAX_BYTES],
    ] as const;
    const payload = Buffer.alloc(6 * ours.length);
    for (const [i, [setting, value]] of ours.entries()) {
      payload.writeUInt16BE(setting, 6 * i);
      payload.writeUInt32BE(value, 6 * i + 2);
    }
    this.#writer.frame(Frame.SETTINGS, 0, 0, payload);
    this.#writer.number(Frame.WINDOW_UPDATE, 0, RECEIVE_WINDOW_BYTES - WINDOW_DEFAULT_BYTES);
  }

  /**
   * Sends a request.
   * @throws TypeError if it holds what must not stand in a header; nothing was sent then
   */
  request(exchange: Exchange, { path, headers, body }: H2Request): void {
    checkRequest(path, headers);
    this.#writer.relieve();
    const bytes = Buffer.byteLength(body);
    const encoder = this.#encoder;
    encoder.begin();
    encoder.add(':method', 'POST');
    encoder.add(':scheme', 'https');
    encoder.add(':authority', this.#settings.authority);
    encoder.add(':path', path);
    for (const name in headers) encoder.add(name, headers[name] ?? '');
    encoder.add('content-length', String(bytes));
    const id = this.#nextId;
    this.#nextId += 2;
    exchange.streamId = id;
    this.#exchanges.set(id, exchange);
    this.#writer.headers(id, encoder.end());
    this.#windows.send(id, body, bytes);
  }

  /** An exchange is over. With a code its stream is ended as well. */
  forget({ streamId }: Exchange, reset: ErrorName | undefined): void {
    if (!this.#exchanges.delete(streamId)) return;
    // An answer that comes before the whole request was taken wants no more of it. [RFC 9113 §8.1]
    const code = this.#windows.drop(streamId) ? (reset ?? 'CANCEL') : reset;
    if (code !== undefined) this.#writer.number(Frame.RST_STREAM, streamId, codeOf(code));
  }

  /** Asks for a sign of life. */
  ping(onAnswer: () => void): void {
    this.#pings.push(onAnswer);
    this.#writer.frame(Frame.PING, 0, 0, Buffer.alloc(8));
    this.#writer.flush();
  }

  /** Tells the server that this was all, and why. */
  goaway(code: ErrorName): void {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(codeOf(code), 4);
    this.#writer.frame(Frame.GOAWAY, 0, 0, payload);
    this.#writer.flush();
  }

  /** The connection is gone: so is what was in flight. */
  end(because: string): void {
    for (const exchange of [...this.#exchanges.values()]) {
      if (exchange.streamId > this.#flushedId) exchange.refuse(because);
      else exchange.break(because);
    }
  }

  /** @throws ConnectionError if the server breaks the rules: the connection is of no use any more */
  push(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  #onFrame(kind: number, flags: number, streamId: number, payload: Buffer): void {
    if (!this.#greeted && (kind !== Frame.SETTINGS || (flags & Flag.ACK) !== 0)) {
      throw new ConnectionError('PROTOCOL_ERROR', 'the server does not begin with its settings');
    }
    this.#blocks.expect(kind, streamId);
    switch (kind) {
      case Frame.DATA:
        this.#onData(flags, streamId, payload);
        break;
      case Frame.HEADERS:
        this.#streamOf(streamId, kind);
        this.#onHeaders(this.#blocks.begin(flags, streamId, payload));
        break;
      case Frame.CONTINUATION:
        this.#onHeaders(this.#blocks.continue(flags, payload));
        break;
      case Frame.RST_STREAM:
        this.#onReset(streamId, number(payload));
        break;
      case Frame.SETTINGS:
        this.#onSettings(flags, streamId, payload);
        break;
      case Frame.PING:
        this.#onPing(flags, streamId, payload);
        break;
      case Frame.GOAWAY:
        this.#onGoaway(streamId, payload);
        break;
      case Frame.WINDOW_UPDATE:
        this.#onWindowUpdate(streamId, number(payload) & WINDOW_MASK);
        break;
      case Frame.PUSH_PROMISE:
        throw new ConnectionError('PROTOCOL_ERROR', 'a push that nobody asked for');
    }
    // [RFC 9113 §5.5] what is unknown says nothing; priorities are none of ours.
  }

  #onData(flags: number, streamId: number, payload: Buffer): void {
    this.#unconfirmed += payload.length;
    if (this.#unconfirmed > RECEIVE_WINDOW_BYTES / 2) {
      this.#writer.number(Frame.WINDOW_UPDATE, 0, this.#unconfirmed);
      this.#unconfirmed = 0;
    }
    const exchange = this.#streamOf(streamId, Frame.DATA);
    const content = unpad(flags, payload);
    if (!exchange) return;
    const isEnd = (flags & Flag.END_STREAM) !== 0;
    // [RFC 9113 §6.1] padding takes its share of a window that has room for an answer and no more
    if (content.length < payload.length && !isEnd) {
      this.#owe();
      this.#writer.number(Frame.WINDOW_UPDATE, streamId, payload.length - content.length);
    }
    exchange.onData(content, isEnd);
  }

  /** Also those of a stream that nobody waits for any more: later ones are read by what these say. */
  #onHeaders(headers: ReceivedHeaders | undefined): void {
    if (!headers) return;
    const exchange = this.#exchanges.get(headers.streamId);
    if (headers.lines) exchange?.onHeaders(headers.lines, headers.isEnd);
    else exchange?.fail('CANCEL', `the answer has more than ${HEADERS_MAX_BYTES} bytes of headers`);
  }

  #onReset(streamId: number, code: number): void {
    const exchange = this.#streamOf(streamId, Frame.RST_STREAM);
    this.#windows.drop(streamId); // first: a reset must not be answered with one [RFC 9113 §5.4.2]
    exchange?.onReset(code);
  }

  #onSettings(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw new ConnectionError('PROTOCOL_ERROR', 'settings of a stream');
    const isAck = (flags & Flag.ACK) !== 0;
    if (isAck ? payload.length > 0 : payload.length % 6 !== 0) {
      throw new ConnectionError('FRAME_SIZE_ERROR', 'settings of a wrong size');
    }
    if (isAck) return;
    // First: the server counts bodies by its new windows only behind this. [RFC 9113 §6.5.3]
    this.#reply(Frame.SETTINGS, Buffer.alloc(0));
    for (let at = 0; at < payload.length; at += 6) {
      this.#onSetting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    }
    this.#greeted = true;
    this.#events.onSettings(this.#maxStreams);
  }

  #onSetting(setting: number, value: number): void {
    switch (setting) {
      case Setting.HEADER_TABLE_SIZE:
        this.#encoder.limit(value);
        break;
      case Setting.ENABLE_PUSH:
        if (value !== 0) throw new ConnectionError('PROTOCOL_ERROR', 'a server that wants pushes');
        break;
      case Setting.MAX_CONCURRENT_STREAMS:
        this.#maxStreams = value;
        break;
      case Setting.INITIAL_WINDOW_SIZE:
        this.#windows.setInitial(value);
        break;
      case Setting.MAX_FRAME_SIZE:
        // Ours are never larger than the least that it may be.
        if (value < FRAME_MAX_BYTES || value > FRAME_LENGTH_MAX) {
          throw new ConnectionError('PROTOCOL_ERROR', `frames of ${value} bytes at most`);
        }
    }
  }

  #onPing(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw new ConnectionError('PROTOCOL_ERROR', 'a ping of a stream');
    if (payload.length !== 8) throw new ConnectionError('FRAME_SIZE_ERROR', 'a ping of a wrong size');
    if ((flags & Flag.ACK) === 0) this.#reply(Frame.PING, payload);
    else this.#pings.shift()?.();
  }

  #onGoaway(streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw new ConnectionError('PROTOCOL_ERROR', 'a GOAWAY of a stream');
    if (payload.length < 8) throw new ConnectionError('FRAME_SIZE_ERROR', 'a GOAWAY of a wrong size');
    // [RFC 9113 §6.8] a first GOAWAY may name a stream that never was: the smallest one counts.
    this.#lastId = Math.min(this.#lastId, payload.readUInt32BE(0) & STREAM_ID_MAX);
    this.#events.onGoaway(payload.readUInt32BE(4), payload.subarray(8));
    for (const [id, exchange] of this.#exchanges) {
      if (id <= this.#lastId) continue;
      this.#windows.drop(id); // of streams that it ignores the server has to hear nothing
      exchange.refuse('the server is going away');
    }
  }

  /** What is wrong with the window of one stream is the end of this stream. [RFC 9113 §6.9] */
  #onWindowUpdate(streamId: number, increment: number): void {
    if (streamId === 0) {
      this.#windows.open(increment);
      return;
    }
    const exchange = this.#streamOf(streamId, Frame.WINDOW_UPDATE);
    if (!exchange) return;
    if (increment === 0) exchange.fail('PROTOCOL_ERROR', 'a window that opens by nothing');
    else if (!this.#windows.openStream(streamId, increment)) {
      exchange.fail('FLOW_CONTROL_ERROR', 'a window beyond all bounds');
    }
  }

  /** The exchange of a stream, if it is not over. */
  #streamOf(streamId: number, kind: number): Exchange | undefined {
    if (streamId % 2 === 0 || streamId >= this.#nextId) {
      throw new ConnectionError('PROTOCOL_ERROR', `a frame of kind ${kind} on stream ${streamId}, which never was`);
    }
    return this.#exchanges.get(streamId);
  }

  #reply(kind: number, payload: Buffer): void {
    this.#owe();
    this.#writer.frame(kind, Flag.ACK, 0, payload);
  }

  /** The server gets one frame more that it asked for: not without bound, while it reads none. */
  #owe(): void {
    if (++this.#replies > REPLIES_MAX && this.#socket.writableLength > 0) {
      throw new ConnectionError('ENHANCE_YOUR_CALM', 'the server asks and does not listen');
    }
  }
}

/** The payload of RST_STREAM and WINDOW_UPDATE. */
function number(payload: Buffer): number {
  if (payload.length !== 4) throw new ConnectionError('FRAME_SIZE_ERROR', 'a frame of a wrong size');
  return payload.readUInt32BE(0);
}
