import { Agent, request } from 'node:https';
import webPush from 'web-push';
import type { Clock } from '../../../lib/clock.ts';
import type { Book, Fate } from './book.ts';
import type { Subscription } from './subscription.ts';

/** Requests at once. */
const CONNECTIONS = 16;
/** What senders ask for, in seconds. */
const TTL = 3_600;
const SUBJECT = 'mailto:demo@example.com';

/** An endpoint, and the keys of whoever reads what is pushed there. */
export interface Target {
  readonly url: string;
  readonly subscription: Subscription;
}

/** A key pair that pushes are signed with, base64url. */
export interface SigningKeys {
  readonly publicKey: string;
  readonly privateKey: string;
}

export interface PostOptions {
  readonly topic?: string;
  /** Asks for a receipt. */
  readonly receipt?: boolean;
  readonly sign?: SigningKeys;
}

/** What the push service has answered. */
export interface Posted {
  readonly status: number;
  /** The message resource. */
  readonly location: string;
  /** Where the receipt will be. */
  readonly receipt: string;
}

/** A pair of keys. [RFC 8292] */
export const signingKeys = (): SigningKeys => webPush.generateVAPIDKeys();

/** The private key of a pair as the JWK that the bridge reads. */
export function jwkOf({ publicKey, privateKey }: SigningKeys): string {
  const point = Buffer.from(publicKey, 'base64url');
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString('base64url'));
  return JSON.stringify({ kty: 'EC', crv: 'P-256', x, y, d: privateKey });
}

/** An application server that knows endpoints and keys, and uses the library that such servers use. */
export class AppServer {
  readonly #agent: Agent;
  readonly #book: Book;
  readonly #clock: Clock;
  /** How often each status was answered to a push. */
  readonly statuses = new Map<number, number>();

  /** @param ca signs the certificate of the push service, PEM */
  constructor(ca: string, book: Book, clock: Clock) {
    this.#agent = new Agent({ ca, keepAlive: true, maxSockets: CONNECTIONS });
    this.#book = book;
    this.#clock = clock;
  }

  /** Pushes a message that is told apart by `id`. A refusal is an answer; rejects if there was none. */
  async post({ url, subscription }: Target, id: string, fate: Fate, options: PostOptions = {}): Promise<Posted> {
    const { topic, receipt, sign } = options;
    this.#book.expect(id, fate, this.#clock.monotonic());
    const sent = webPush.sendNotification({ endpoint: url, keys: subscription.keys }, id, {
      agent: this.#agent,
      TTL,
      ...(topic !== undefined && { topic }),
      ...(receipt && { headers: { Prefer: 'respond-async' } }),
      ...(sign && { vapidDetails: { subject: SUBJECT, ...sign } }),
    });
    const { statusCode, headers } = await sent.catch((error: unknown) => {
      if (error instanceof webPush.WebPushError) return error;
      throw error;
    });
    this.statuses.set(statusCode, (this.statuses.get(statusCode) ?? 0) + 1);
    const { location = '', link = '' } = headers as Readonly<Record<string, string | undefined>>;
    return { status: statusCode, location, receipt: /<([^>]+)>/.exec(link)?.[1] ?? '' };
  }

  /** Pushes many, in turn to each target, and gives how many were taken. */
  async postMany(targets: readonly Target[], ids: readonly string[]): Promise<number> {
    let taken = 0;
    const queue = [...ids.entries()];
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const [n, id] = next;
        const target = targets[n % targets.length];
        if (target && (await this.post(target, id, 'arrives')).status === 201) taken++;
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, worker));
    return taken;
  }

  /** The status that a resource of the push service answers with. */
  ask(method: 'GET' | 'DELETE', url: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
    return new Promise((resolve, reject) => {
      const asked = request(url, { method, agent: this.#agent, headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      });
      asked.on('error', reject).end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
