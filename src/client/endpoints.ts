import { reason } from '../lib/log.ts';
import {
  BalError,
  decodeBackendFrame,
  type Encoding,
  encodeBackendFrame,
  HEADER_BYTES,
  type ReceivedFrame,
  type SentFrame,
} from '../protocols/bal/index.ts';
import { BalClientError } from './errors.ts';

/** Questions about endpoints without an answer, at most. */
const ASKED_MAX = 10_000;

/** An endpoint that the backend wants to own. */
export interface EndpointRequest {
  /** The backend's own name for it, 1 to 100 bytes: the same name again gives the same URL. */
  readonly token: string;
  /** The only VAPID key that may sign what is pushed there, 87 characters of base64url; then it has to be signed. */
  readonly vapid?: string;
  /** An FCM token: what is pushed goes there, and not to the backend. */
  readonly to?: string;
  /** The provider that sends to it; the session's first one by default. */
  readonly provider?: string;
}

/** An endpoint that can be posted to. */
export interface RegisteredEndpoint {
  readonly token: string;
  readonly url: string;
  /** Milliseconds since the epoch; absent if it does not end by itself. */
  readonly expiresAt?: number;
}

export type EndpointAnswer = Extract<ReceivedFrame, { message_type: 'ENDPOINT_REGISTERED' | 'ENDPOINT_UNREGISTERED' }>;

type Question = Extract<SentFrame, { message_type: 'ENDPOINT_REGISTER' | 'ENDPOINT_UNREGISTER' }>;

interface Asked {
  readonly token: string;
  readonly frame: Buffer;
  readonly resolve: (answer: EndpointAnswer) => void;
  readonly reject: (error: BalClientError) => void;
}

/** What the backend asks about its endpoints. The bridge answers in order; what a drop left open is asked again. */
export class EndpointDesk {
  readonly #encoding: Encoding;
  readonly #write: (frame: Buffer) => void;
  readonly #asked: Asked[] = [];

  /** @param write sends a frame if there is a connection */
  constructor(encoding: Encoding, write: (frame: Buffer) => void) {
    this.#encoding = encoding;
    this.#write = write;
  }

  /** @throws {BalClientError} INVALID_MESSAGE, ENDPOINT_REFUSED */
  async register({ token, vapid, to, provider }: EndpointRequest): Promise<RegisteredEndpoint> {
    const answer = await this.#ask({
      message_type: 'ENDPOINT_REGISTER',
      token,
      ...(vapid !== undefined && { vapid }),
      ...(to !== undefined && { to }),
      ...(provider !== undefined && { provider }),
    });
    if (answer.message_type === 'ENDPOINT_UNREGISTERED') throw refusal(answer);
    const { endpoint: url, expiration } = answer;
    return { token, url, ...(expiration !== undefined && { expiresAt: Date.parse(expiration) }) };
  }

  /** @throws {BalClientError} INVALID_MESSAGE, ENDPOINT_REFUSED */
  async unregister(token: string): Promise<void> {
    const answer = await this.#ask({ message_type: 'ENDPOINT_UNREGISTER', token });
    if ('error' in answer) throw refusal(answer);
  }

  /** There is a new connection: nothing that was asked before will be answered. */
  restart(): void {
    for (const { frame } of this.#asked) this.#write(frame);
  }

  /** An answer that nobody waits for is passed over. */
  take(answer: EndpointAnswer): void {
    const at = this.#asked.findIndex(({ token }) => token === answer.token);
    const [asked] = at < 0 ? [] : this.#asked.splice(at, 1);
    asked?.resolve(answer);
  }

  close(error: BalClientError): void {
    for (const { reject } of this.#asked.splice(0)) reject(error);
  }

  #ask(question: Question): Promise<EndpointAnswer> {
    const frame = frameOf(question, this.#encoding);
    if (this.#asked.length >= ASKED_MAX) {
      throw new BalClientError('ENDPOINT_REFUSED', `${ASKED_MAX} questions about endpoints have no answer yet`);
    }
    return new Promise((resolve, reject) => {
      this.#asked.push({ token: question.token, frame, resolve, reject });
      this.#write(frame);
    });
  }
}

/** Reads the frame back as the bridge will: a bad question never costs the connection. */
function frameOf(question: Question, encoding: Encoding): Buffer {
  try {
    const frame = encodeBackendFrame(question, encoding);
    decodeBackendFrame(frame.subarray(HEADER_BYTES), encoding);
    return frame;
  } catch (cause) {
    if (cause instanceof BalError) throw new BalClientError('INVALID_MESSAGE', reason(cause), { cause });
    throw cause;
  }
}

function refusal(answer: Extract<EndpointAnswer, { message_type: 'ENDPOINT_UNREGISTERED' }>): BalClientError {
  const { error, error_string: text = 'the bridge gave no reason' } = answer;
  return new BalClientError('ENDPOINT_REFUSED', text, error === undefined ? {} : { bridgeCode: error });
}
