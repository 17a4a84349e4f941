import type { Clock, Timer } from '../lib/clock.ts';
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

/** Requests without an answer, at most. */
const WAITING_MAX = 10_000;
/** Of these, on their way to the bridge: as many as it takes before it stops reading, which would hold up ACK and PING. */
const IN_FLIGHT_MAX = 500;
/** How long a request waits for its answer, connecting included, in milliseconds. */
const ANSWER_MS = 30_000;

/** An endpoint to be registered. */
export interface EndpointRequest {
  /** Your own name for it, at most 100 bytes: the same name and key again give the same URL. */
  readonly token: string;
  /** The only VAPID key whose signatures are taken, 87 characters of base64url; without it nobody has to sign. */
  readonly vapid?: string;
  /** An FCM token: what is pushed goes there, and not to you. */
  readonly to?: string;
  /** The provider that sends to `to`; the first one of the session by default. */
  readonly provider?: string;
}

/** An endpoint that is registered. */
export interface Endpoint {
  /** The URL to post to. */
  readonly endpoint: string;
  /** Absent: it does not end by itself. */
  readonly expiration?: Date;
}

type RequestFrame = Extract<SentFrame, { message_type: 'ENDPOINT_REGISTER' | 'ENDPOINT_UNREGISTER' }>;
export type EndpointAnswer = Extract<ReceivedFrame, { message_type: 'ENDPOINT_REGISTERED' | 'ENDPOINT_UNREGISTERED' }>;

interface Request {
  readonly frame: RequestFrame;
  readonly bytes: Buffer;
  readonly answer: PromiseWithResolvers<EndpointAnswer>;
  timer: Timer | undefined;
}

export interface EndpointsOptions {
  readonly encoding: Encoding;
  readonly maxFrameBytes: number;
  readonly clock: Clock;
}

/** Requests about endpoints, in order, and their answers. After a drop they go out again: asked twice, it is done once. */
export class Endpoints {
  readonly #options: EndpointsOptions;
  readonly #onWork: () => void;
  #requests: Request[] = [];
  /** How many of them, from the first on, were written to this connection. */
  #inFlight = 0;

  constructor(options: EndpointsOptions, onWork: () => void) {
    this.#options = options;
    this.#onWork = onWork;
  }

  async register({ token, vapid, to, provider }: EndpointRequest): Promise<Endpoint> {
    const answer = await this.#ask({
      message_type: 'ENDPOINT_REGISTER',
      token,
      ...(vapid !== undefined && { vapid }),
      ...(to !== undefined && { to }),
      ...(provider !== undefined && { provider }),
    });
    if (answer.message_type === 'ENDPOINT_UNREGISTERED') {
      const { error: bridgeCode = 'INVALID_ENDPOINT', error_string = bridgeCode } = answer;
      throw new BalClientError('ENDPOINT_REFUSED', error_string, { bridgeCode });
    }
    const { endpoint, expiration } = answer;
    return { endpoint, ...(expiration !== undefined && { expiration: new Date(expiration) }) };
  }

  async unregister(token: string): Promise<void> {
    const answer = await this.#ask({ message_type: 'ENDPOINT_UNREGISTER', token });
    if (answer.message_type !== 'ENDPOINT_UNREGISTERED' || answer.error === undefined) return;
    const { error: bridgeCode, error_string = bridgeCode } = answer;
    throw new BalClientError('ENDPOINT_REFUSED', error_string, { bridgeCode });
  }

  /** A new connection: nothing is written to it yet. */
  restart(): void {
    this.#inFlight = 0;
  }

  /** Writes what may be written. */
  pump(write: (frame: Buffer) => void): void {
    for (; this.#inFlight < Math.min(this.#requests.length, IN_FLIGHT_MAX); this.#inFlight++) {
      const request = this.#requests[this.#inFlight];
      if (request) write(request.bytes);
    }
  }

  /** Answers come in the order of the requests; one that nobody waits for any more is passed over. */
  answered(answer: EndpointAnswer): void {
    const index = this.#requests.findIndex(({ frame }) => isAnswer(frame, answer));
    if (index < 0 || index >= this.#inFlight) return;
    this.#remove(index)?.answer.resolve(answer);
    this.#onWork();
  }

  /** Rejects everything that waits. */
  close(error: BalClientError): void {
    for (const request of this.#requests.splice(0)) {
      request.timer?.cancel();
      request.answer.reject(error);
    }
    this.#inFlight = 0;
  }

  async #ask(frame: RequestFrame): Promise<EndpointAnswer> {
    const bytes = this.#encode(frame);
    if (this.#requests.length >= WAITING_MAX) {
      throw new BalClientError('TOO_MANY_REQUESTS', `${WAITING_MAX} requests about endpoints wait for their answers`);
    }
    const request: Request = { frame, bytes, answer: Promise.withResolvers(), timer: undefined };
    request.timer = this.#options.clock.after(ANSWER_MS, () => {
      this.#remove(this.#requests.indexOf(request));
      request.answer.reject(new BalClientError('TIMEOUT', `no answer about ${frame.token} within ${ANSWER_MS} ms`));
      this.#onWork();
    });
    this.#requests.push(request);
    this.#onWork();
    return request.answer.promise;
  }

  #remove(index: number): Request | undefined {
    const [request] = index < 0 ? [] : this.#requests.splice(index, 1);
    if (request && index < this.#inFlight) this.#inFlight--;
    request?.timer?.cancel();
    return request;
  }

  /** @throws {BalClientError} INVALID_MESSAGE: what the bridge would not read never costs the connection */
  #encode(frame: RequestFrame): Buffer {
    const { encoding, maxFrameBytes } = this.#options;
    try {
      const bytes = encodeBackendFrame(frame, encoding);
      const size = bytes.length - HEADER_BYTES;
      if (size > maxFrameBytes) throw new BalClientError('MESSAGE_TOO_LARGE', `a frame of ${size} bytes`);
      decodeBackendFrame(bytes.subarray(HEADER_BYTES), encoding);
      return bytes;
    } catch (cause) {
      if (cause instanceof BalError) throw new BalClientError('INVALID_MESSAGE', reason(cause), { cause });
      throw cause;
    }
  }
}

/** An end without an error answers `unregister`; with one it is the refusal of what was asked. */
function isAnswer(frame: RequestFrame, answer: EndpointAnswer): boolean {
  if (frame.token !== answer.token) return false;
  if (answer.message_type === 'ENDPOINT_REGISTERED') return frame.message_type === 'ENDPOINT_REGISTER';
  return answer.error !== undefined || frame.message_type === 'ENDPOINT_UNREGISTER';
}
