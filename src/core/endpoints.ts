import { randomBytes } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { RecentMap } from '../lib/recent-map.ts';
import type { RegistrationKey, Store } from './ports.ts';
import { fcmTargetOf } from './push-to-fcm.ts';
import type { Found, Registration } from './registration.ts';

/** Random bytes of a token: 160 bits, which nobody guesses. */
const TOKEN_BYTES = 20;
/** Registrations of one owner that are looked at in one go. */
const PAGE = 100;
/** Registrations that are kept in memory. */
const CACHE_MAX = 10_000;

/** What somebody registers. */
export interface EndpointRequest {
  /** Who registers: see {@link Registration.owner}. */
  readonly owner: string;
  /** The same name again gives the same endpoint. */
  readonly name: string;
  readonly provider: string;
  readonly vapid?: string;
  readonly data: string;
  /** Milliseconds from now; absent: it does not end by itself. */
  readonly lifeMs?: number;
}

/** An endpoint as it is given out. */
export interface Endpoint {
  readonly url: string;
  readonly registration: Registration;
  /** It was there before, with the same URL. */
  readonly known: boolean;
}

export interface EndpointsDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** The URL of the endpoint with this token. */
  readonly urlOf: (token: string) => string;
}

/** Endpoints: what stands between a URL that somebody posts to and the device that gets it. */
export class Endpoints {
  readonly #deps: EndpointsDeps;
  /** Only what was found: a guess must not push out what is in use. */
  readonly #cache = new RecentMap<Registration>(CACHE_MAX);
  /** Changes so far: what the store said before one of them is not kept. */
  #changes = 0;

  constructor(deps: EndpointsDeps) {
    this.#deps = deps;
  }

  /**
   * Registers an endpoint, or renews it. Resolves after the commit, with undefined if its owner has too many already;
   * rejects with a StoreError if the store can't take it.
   */
  async register({ lifeMs, ...asked }: EndpointRequest): Promise<Endpoint | undefined> {
    const { store, clock, urlOf } = this.#deps;
    const now = clock.now();
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const expires = lifeMs === undefined ? {} : { expiresAt: now + lifeMs };
    const [result] = await store.register([{ ...asked, token, registeredAt: now, ...expires }]);
    if (!result || result.kind === 'full') return undefined;
    const { kind, registration, replaced } = result;
    this.#changes++;
    if (replaced !== undefined) this.#cache.delete(replaced);
    this.#cache.set(registration.token, registration);
    return { url: urlOf(registration.token), registration, known: kind === 'known' };
  }

  /** The URL of the endpoint with this token. */
  urlOf(token: string): string {
    return this.#deps.urlOf(token);
  }

  /** What a token leads to now. */
  async find(token: string): Promise<Found> {
    const { store, clock } = this.#deps;
    const now = clock.now();
    const cached = this.#cache.get(token);
    if (cached && (cached.expiresAt === undefined || cached.expiresAt > now)) return cached;
    const changes = this.#changes;
    const found = await store.registration(token, now);
    if (typeof found === 'object' && changes === this.#changes) this.#cache.set(token, found);
    return found;
  }

  /** Ends endpoints for good, and tells how many there were. */
  async revoke(...which: readonly RegistrationKey[]): Promise<number> {
    const { store, clock } = this.#deps;
    const revoked = await store.revoke(which, clock.now());
    this.#changes++;
    for (const { token } of revoked) this.#cache.delete(token);
    return revoked.length;
  }

  /** FCM has said that the app `to` is no more: the endpoint with this token ends, unless it leads to another one by now. */
  async appGone(token: string, to: string): Promise<void> {
    const found = await this.find(token);
    if (typeof found !== 'object' || fcmTargetOf(found)?.to !== to) return;
    await this.revoke({ token, registeredAt: found.registeredAt });
  }

  /** The owner is there again: what waits for any of its endpoints goes out now. */
  async wake(owner: string): Promise<void> {
    const { store, clock } = this.#deps;
    let after: string | undefined;
    do {
      const page = await store.registrationsOf(owner, after, PAGE, clock.now());
      await Promise.all(page.map(({ provider, token }) => store.wake(provider, token, clock.now())));
      after = page.length === PAGE ? page.at(-1)?.name : undefined;
    } while (after !== undefined);
  }
}
