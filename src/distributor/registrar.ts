import { randomBytes } from 'node:crypto';
import { equalJitter, type Random } from '../lib/backoff.ts';
import { type Clock, every, type Timer } from '../lib/clock.ts';
import { DeadlineError, deadline } from '../lib/deadline.ts';
import { type Log, reason } from '../lib/log.ts';
import { type Account, OfflineError } from './account.ts';
import type { Gateway } from './gateway.ts';
import type { News } from './news.ts';
import type { DistributorOptions } from './options.ts';
import { type Endpoint, type Registration, type Registrations, sourceOf } from './registrations.ts';
import type { RegisterRequest } from './requests.ts';

/** Why an app gets no endpoint, in the words of the specification. [unifiedpush.md §2.4] */
export type Refusal =
  /** Try again later. */
  | 'INTERNAL_ERROR'
  /** Try again when there is a network. */
  | 'NETWORK'
  /** The user has to do something first. */
  | 'ACTION_REQUIRED'
  /** Only with the key of the server. */
  | 'VAPID_REQUIRED'
  /** Not this app. */
  | 'UNAUTHORIZED';

export type RegisterOutcome =
  | { readonly kind: 'registered'; readonly registration: Registration }
  | { readonly kind: 'refused'; readonly reason: Refusal };

export interface RegistrarDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly registrations: Registrations;
  readonly account: Account;
  readonly gateway: Gateway;
  readonly news: News;
}

type Limits = Pick<
  DistributorOptions,
  'registrations_max' | 'registrations_per_app' | 'renew_before' | 'refresh' | 'register_timeout'
>;

/** How often it is looked whether an endpoint has to be renewed, in milliseconds. */
const LOOK_MS = 60_000;
/** Between tries while the push service gives none. */
const RENEWAL_BACKOFF = { baseMs: LOOK_MS, capMs: 3_600_000 };
/** What a push service says to an account that it does not serve: the user has to choose another one. */
const NOT_SERVED = ['forbidden', 'not-allowed', 'not-authorized', 'registration-required', 'policy-violation'];

const refused = (reason: Refusal): RegisterOutcome => ({ kind: 'refused', reason });

/** What an app wants, before the push service has given anything. */
type Wanted = Omit<Registration, 'endpoint'>;

/** Gives endpoints to apps, and keeps them alive: registers, renews, moves, ends. */
export class Registrar {
  readonly #deps: RegistrarDeps;
  readonly #limits: Limits;
  /** Registrations that wait for the push service, by token. `wanted`: the app has not taken it back. */
  readonly #pending = new Map<string, { readonly app: string; readonly done: Promise<void>; wanted: boolean }>();
  /** Our full JID; undefined until the account was online. */
  #jid: string | undefined;
  /** Whether there is a push service for this connection; undefined while it is looked for. */
  #found: boolean | undefined;
  #settled = Promise.withResolvers<void>();
  #renewing: Promise<void> = Promise.resolve();
  #failures = 0;
  #notBefore = 0;
  #timer: Timer | undefined;

  constructor(limits: Limits, deps: RegistrarDeps) {
    this.#limits = limits;
    this.#deps = deps;
  }

  start(): void {
    this.#timer = every(this.#deps.clock, LOOK_MS, () => this.#look(), this.#fault);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  readonly #fault = (error: unknown): void => this.#deps.log.error('renewal failed', { error: reason(error) });

  /** The account is online, as `jid`: looks for the push service and brings every endpoint there. */
  online(jid: string): void {
    this.#jid = jid;
    this.#failures = 0;
    this.#notBefore = 0;
    this.#look().catch(this.#fault);
  }

  offline(): void {
    if (this.#found !== undefined) this.#settled = Promise.withResolvers();
    this.#found = undefined;
  }

  /**
   * Ends the registrations of apps that are no longer installed: the bus could start them once, and no longer can.
   * @param gone whether that is so for an app
   */
  async purge(gone: (app: string) => Promise<boolean>): Promise<void> {
    for (const { app, token, activatable } of this.#deps.registrations.all()) {
      if (activatable && (await gone(app))) this.unregister(token);
    }
  }

  /** Gives an endpoint to an app, the one that it has if that is still good. Stored before it is told. */
  async register(request: RegisterRequest, activatable: boolean): Promise<RegisterOutcome> {
    const { token, app } = request;
    const { clock, registrations, gateway, log } = this.#deps;
    const end = clock.monotonic() + this.#limits.register_timeout;
    // One after the other: the second of two is a repeat.
    for (let other = this.#pending.get(token); other; other = this.#pending.get(token)) {
      const left = end - clock.monotonic();
      if (left <= 0) return refused('NETWORK');
      await deadline(clock, other.done, left, 'registration').catch(() => {});
    }
    const known = registrations.byToken(token);
    if (known && known.app !== app) return refused('UNAUTHORIZED');
    if (!known && !this.#room(app)) {
      log.warn('no more endpoints for this app', { app });
      return refused('ACTION_REQUIRED');
    }
    const wanted = toWanted(request, known, activatable);
    const same = known?.publicToken === wanted.publicToken;
    if (known && same && this.#good(known.endpoint)) return this.#keep({ ...wanted, endpoint: known.endpoint });
    const pending = Promise.withResolvers<void>();
    const entry = { app, done: pending.promise, wanted: true };
    this.#pending.set(token, entry);
    try {
      const endpoint = await this.#ask(wanted, Math.max(0, end - clock.monotonic()));
      if ('reason' in endpoint) return refused(endpoint.reason);
      if (!entry.wanted) {
        gateway.unregister(wanted.publicToken);
        return refused('INTERNAL_ERROR');
      }
      if (known && !same) gateway.unregister(known.publicToken);
      log.info('app registered', { app });
      return this.#keep({ ...wanted, endpoint });
    } finally {
      this.#pending.delete(token);
      pending.resolve();
    }
  }

  /** The app behind a token, also while its registration is being made. */
  appOf(token: string): string | undefined {
    return this.#deps.registrations.byToken(token)?.app ?? this.#pending.get(token)?.app;
  }

  /** Ends a registration, also one that is still being made. @returns it, if there was one */
  unregister(token: string): Registration | undefined {
    const pending = this.#pending.get(token);
    if (pending) pending.wanted = false;
    const { registrations, gateway, log } = this.#deps;
    const known = registrations.byToken(token);
    if (!known || !registrations.remove(token)) return undefined;
    log.info('app unregistered', { app: known.app });
    gateway.unregister(known.publicToken);
    return known;
  }

  #keep(registration: Registration): RegisterOutcome {
    this.#deps.registrations.put(registration);
    return { kind: 'registered', registration };
  }

  #room(app: string): boolean {
    const { registrations } = this.#deps;
    const { registrations_max, registrations_per_app } = this.#limits;
    const pending = [...this.#pending.values()];
    const own = registrations.countOf(app) + pending.filter((one) => one.app === app).length;
    return own < registrations_per_app && registrations.size + pending.length < registrations_max;
  }

  /** Whether an app may be told this endpoint without asking anybody. */
  #good({ source, expiresAt }: Endpoint): boolean {
    const here = this.#source();
    if (here !== undefined && source !== here) return false;
    return expiresAt === undefined || expiresAt > this.#deps.clock.now();
  }

  /** Where endpoints come from now; undefined while that is not known. */
  #source(): string | undefined {
    const { service } = this.#deps.gateway;
    return service && this.#jid !== undefined ? sourceOf(service, this.#jid) : undefined;
  }

  /** An endpoint for an app that waits for it, for `ms` milliseconds at most. */
  async #ask(wanted: Wanted, ms: number): Promise<Endpoint | { readonly reason: Refusal }> {
    const { clock, account, log } = this.#deps;
    // What the user has to mend is not waited for.
    if (this.#userMustAct()) return { reason: 'ACTION_REQUIRED' };
    try {
      const work = this.#settled.promise.then(() => this.#obtain(wanted));
      return await deadline(clock, work, ms, 'registration');
    } catch (error) {
      log.warn('app not registered', { app: wanted.app, because: account.trouble?.why ?? reason(error) });
      if (this.#userMustAct()) return { reason: 'ACTION_REQUIRED' };
      return { reason: error instanceof OfflineError || error instanceof DeadlineError ? 'NETWORK' : 'INTERNAL_ERROR' };
    }
  }

  /** The password is wrong, or there is no push service. */
  #userMustAct(): boolean {
    return this.#deps.account.trouble?.fault === 'auth' || this.#found === false;
  }

  async #obtain(wanted: Wanted): Promise<Endpoint | { readonly reason: Refusal }> {
    const { gateway, clock, log } = this.#deps;
    const source = this.#source();
    if (source === undefined) return { reason: 'ACTION_REQUIRED' };
    const result = await gateway.register(wanted);
    if (result.kind === 'refused') {
      log.warn('push service gives no endpoint', { app: wanted.app, because: result.text });
      return { reason: NOT_SERVED.includes(result.condition) ? 'ACTION_REQUIRED' : 'INTERNAL_ERROR' };
    }
    const { endpoint: url, expiresAt } = result;
    return { url, source, registeredAt: clock.now(), ...(expiresAt !== undefined && { expiresAt }) };
  }

  /** One look at a time. */
  #look(): Promise<void> {
    this.#renewing = this.#renewing.catch(() => {}).then(() => this.#renew());
    return this.#renewing;
  }

  async #renew(): Promise<void> {
    const { clock, random, account, registrations, log } = this.#deps;
    if (!account.online || clock.monotonic() < this.#notBefore) return;
    let failed = false;
    try {
      if (await this.#settle()) {
        for (const one of registrations.all()) if (this.#due(one) && !(await this.#renewOne(one))) failed = true;
      } else failed = true;
    } catch (error) {
      // The service is silent, or the connection has ended: then the next one brings the next look.
      log.debug('renewal put off', { because: reason(error) });
      failed = account.online;
    }
    if (failed) this.#notBefore = clock.monotonic() + equalJitter(this.#failures++, RENEWAL_BACKOFF, random);
    else this.#failures = 0;
  }

  /** Whether there is a push service for this connection, looked for if it has not been found. */
  async #settle(): Promise<boolean> {
    if (this.#found) return true;
    const { gateway } = this.#deps;
    this.#found = await gateway.find();
    if (this.#found) gateway.present();
    this.#settled.resolve();
    return this.#found;
  }

  /** Whether an endpoint has to be asked for: it is from elsewhere, or its end is near. */
  #due({ endpoint: { source, registeredAt, expiresAt } }: Registration): boolean {
    if (source !== this.#source()) return true;
    const { renew_before, refresh } = this.#limits;
    const now = this.#deps.clock.now();
    if (expiresAt === undefined) return now - registeredAt >= refresh;
    // One that lives shortly is renewed in the middle of its life, not all the time.
    return expiresAt - now < Math.min(renew_before, (expiresAt - registeredAt) / 2);
  }

  /** @returns false if the service gives none now */
  async #renewOne(one: Registration): Promise<boolean> {
    const endpoint = await this.#obtain(one);
    if ('reason' in endpoint) return false;
    const { registrations, news, log } = this.#deps;
    // The app may have changed or ended it meanwhile.
    const now = registrations.byToken(one.token);
    if (now?.publicToken !== one.publicToken) return true;
    registrations.put({ ...now, endpoint });
    if (endpoint.url !== now.endpoint.url) {
      log.info('endpoint has changed', { app: now.app });
      // An app that takes long to start holds nobody else up.
      news.spread(now.app);
    }
    return true;
  }
}

function toWanted(request: RegisterRequest, known: Registration | undefined, activatable: boolean): Wanted {
  const { token, app, version, description, vapid } = request;
  // Another key is another subscription. [RFC 8292 §4.2]
  const publicToken = known && known.vapid === vapid ? known.publicToken : randomBytes(32).toString('base64');
  return { token, app, version, description, activatable, publicToken, ...(vapid !== undefined && { vapid }) };
}
