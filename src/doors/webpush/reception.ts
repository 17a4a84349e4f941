import type { Endpoints, Pushes, Registration } from '../../core/index.ts';
import { StoreError } from '../../core/index.ts';
import type { Clock } from '../../lib/clock.ts';
import { sameText } from '../../lib/secret.ts';
import {
  type Authorization,
  type PushHeaders,
  type VapidVerifier,
  writePushHeaders,
} from '../../protocols/webpush/index.ts';
import type { WebPushOptions } from './options.ts';
import { Rates } from './rates.ts';

/** When it is worth another try: a queue empties when devices take what is theirs, a store recovers after 5 s at the soonest. */
export const FULL_RETRY_MS = 30_000;
export const TROUBLE_RETRY_MS = 5_000;
/** What tokens look like: the store is not asked about anything else. */
const TOKEN = /^[\w-]{27}$/;

/** What became of a push. */
export type Received =
  | { readonly kind: 'taken'; readonly id: string }
  /** No endpoint, and never was one, or not lately. */
  | { readonly kind: 'unknown' }
  /** It was an endpoint. */
  | { readonly kind: 'gone' }
  /** It has to be signed. */
  | { readonly kind: 'unsigned' }
  /** The signature is not good, or not of the one who may push here. */
  | { readonly kind: 'forbidden'; readonly because: string }
  /** Too many: to this endpoint, or to endpoints that never were. */
  | { readonly kind: 'limited'; readonly waitMs: number }
  /** Nothing is taken now. */
  | { readonly kind: 'busy'; readonly waitMs: number };

/** A push, and whoever brings it. */
export interface Posted {
  readonly token: string | undefined;
  readonly remoteAddress: string;
  readonly authorization: Authorization;
  readonly body: Uint8Array;
  readonly headers: PushHeaders;
  readonly receipt: boolean;
}

export interface ReceptionDeps {
  readonly options: WebPushOptions;
  readonly endpoints: Endpoints;
  readonly pushes: Pushes;
  readonly vapid: VapidVerifier;
  readonly clock: Clock;
}

/** Decides what is taken in for endpoints, and takes it. */
export class Reception {
  readonly #deps: ReceptionDeps;
  readonly #endpointRates: Rates;
  readonly #guessRates: Rates;

  constructor(deps: ReceptionDeps) {
    this.#deps = deps;
    const { rate, endpoints_max, guesses, addresses_max } = deps.options;
    this.#endpointRates = new Rates(rate, endpoints_max, deps.clock);
    this.#guessRates = new Rates(guesses, addresses_max, deps.clock);
  }

  /** Resolves after the commit. Trouble of the store that passes is an answer, a fault of ours rejects. */
  async receive(posted: Posted): Promise<Received> {
    try {
      return await this.#receive(posted);
    } catch (error) {
      if (!isPassing(error)) throw error;
      return { kind: 'busy', waitMs: TROUBLE_RETRY_MS };
    }
  }

  async #receive({ token = '', remoteAddress, authorization, body, headers, receipt }: Posted): Promise<Received> {
    const { endpoints, pushes } = this.#deps;
    const found = TOKEN.test(token) ? await endpoints.find(token) : undefined;
    if (found === undefined) return this.#unknown(remoteAddress);
    if (found === 'revoked') return { kind: 'gone' };
    const refusal = await this.#unauthorized(found, authorization);
    if (refusal) return refusal;
    const waitMs = this.#endpointRates.take(found.token);
    if (waitMs > 0) return { kind: 'limited', waitMs };
    if (pushes.room <= 0) return { kind: 'busy', waitMs: FULL_RETRY_MS };
    const { ttl, urgency, topic } = headers;
    const id = await pushes.push(found, {
      body,
      headers: writePushHeaders(headers),
      ttl,
      urgency,
      ...(topic !== undefined && { topic }),
      receipt,
    });
    // It waits for a device that is away: more of it would take the place of what waits for others.
    return id === undefined ? { kind: 'limited', waitMs: FULL_RETRY_MS } : { kind: 'taken', id };
  }

  /** Only misses count, so that nobody who knows an endpoint suffers from a neighbour who guesses. */
  #unknown(remoteAddress: string): Received {
    const waitMs = this.#guessRates.take(remoteAddress);
    return waitMs > 0 ? { kind: 'limited', waitMs } : { kind: 'unknown' };
  }

  /** [RFC 8292 §4.2] What is signed is checked, even where it need not be. */
  async #unauthorized({ vapid }: Registration, authorization: Authorization): Promise<Received | undefined> {
    if (authorization === undefined) return vapid === undefined ? undefined : { kind: 'unsigned' };
    if (authorization === 'malformed') {
      return { kind: 'forbidden', because: 'it must hold a token t and a key k of P-256, each once' };
    }
    if (vapid !== undefined && !sameText(authorization.key, vapid)) {
      return { kind: 'forbidden', because: 'this endpoint is for another key' };
    }
    const because = await this.#deps.vapid.problem(authorization);
    return because === undefined ? undefined : { kind: 'forbidden', because };
  }
}

/** A fault is of one request, and will be there again; any other trouble of a store passes, or a new process comes. */
export function isPassing(error: unknown): boolean {
  return error instanceof StoreError && error.code !== 'fault';
}
