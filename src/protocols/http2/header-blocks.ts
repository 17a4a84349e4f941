import { ConnectionError, Flag, Frame } from './codes.ts';
import { CompressionError, HeaderDecoder, type HeaderLine } from './hpack/index.ts';
import { unpad } from './padding.ts';

/** Names and values of the headers of an answer. */
export const HEADERS_MAX_BYTES = 32_768;
/** Frames of one block; with more of them somebody wastes our time. */
const PIECES_MAX = 32;
const PRIORITY_BYTES = 5;

/** The headers of an answer. */
export interface ReceivedHeaders {
  readonly streamId: number;
  readonly isEnd: boolean;
  /** Undefined if they are more than {@link HEADERS_MAX_BYTES}. */
  readonly lines: readonly HeaderLine[] | undefined;
}

/** Puts headers together that come in pieces, and reads them. [RFC 9113 §4.3] */
export class HeaderBlocks {
  readonly #decoder = new HeaderDecoder(HEADERS_MAX_BYTES);
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  /** Of the block that has begun. */
  #streamId = 0;
  #isEnd = false;

  /** @throws ConnectionError if this frame comes in the middle of headers, or continues none */
  expect(kind: number, streamId: number): void {
    const isOpen = this.#pieces.length > 0;
    if (isOpen !== (kind === Frame.CONTINUATION) || (isOpen && streamId !== this.#streamId)) {
      throw new ConnectionError(
        'PROTOCOL_ERROR',
        isOpen ? 'headers without their end' : 'headers without their beginning',
      );
    }
  }

  /** HEADERS: the whole, or a beginning. */
  begin(flags: number, streamId: number, payload: Buffer): ReceivedHeaders | undefined {
    this.#streamId = streamId;
    this.#isEnd = (flags & Flag.END_STREAM) !== 0;
    const content = unpad(flags, payload);
    return this.#add(flags, (flags & Flag.PRIORITY) === 0 ? content : withoutPriority(content));
  }

  /** CONTINUATION. */
  continue(flags: number, payload: Buffer): ReceivedHeaders | undefined {
    return this.#add(flags, payload);
  }

  #add(flags: number, piece: Buffer): ReceivedHeaders | undefined {
    const isLast = (flags & Flag.END_HEADERS) !== 0;
    if (isLast && this.#pieces.length === 0) return this.#read(piece);
    this.#bytes += piece.length;
    if (this.#bytes > HEADERS_MAX_BYTES || this.#pieces.length === PIECES_MAX) {
      throw new ConnectionError('ENHANCE_YOUR_CALM', `more than ${HEADERS_MAX_BYTES} bytes of headers`);
    }
    this.#pieces.push(Buffer.from(piece));
    if (!isLast) return undefined;
    const block = Buffer.concat(this.#pieces.splice(0));
    this.#bytes = 0;
    return this.#read(block);
  }

  #read(block: Buffer): ReceivedHeaders {
    try {
      return { streamId: this.#streamId, isEnd: this.#isEnd, lines: this.#decoder.decode(block) };
    } catch (error) {
      if (!(error instanceof CompressionError)) throw error;
      throw new ConnectionError('COMPRESSION_ERROR', error.message);
    }
  }
}

/** [RFC 9113 §6.2] a priority stands before the block */
function withoutPriority(content: Buffer): Buffer {
  if (content.length < PRIORITY_BYTES) throw new ConnectionError('FRAME_SIZE_ERROR', 'headers without their priority');
  return content.subarray(PRIORITY_BYTES);
}
