import {
  type Found,
  type NewRegistration,
  type Registered,
  type Registration,
  type RegistrationKey,
  registrationsMaxOf,
  type StoreLimits,
} from '../../core/index.ts';
import { SWEEP_ROWS, trim } from './records.ts';

/** Who may be pushed to, and which tokens lead nowhere any more. */
export class Registrations {
  readonly #limits: StoreLimits;
  readonly #onEnd: (ended: Registration) => void;
  readonly #byToken = new Map<string, Registration>();
  /** By owner and name. */
  readonly #owners = new Map<string, Map<string, Registration>>();
  /** When tokens were revoked, in the order in which they were. */
  readonly #revoked = new Map<string, number>();

  constructor(limits: StoreLimits, onEnd: (ended: Registration) => void) {
    this.#limits = limits;
    this.#onEnd = onEnd;
  }

  get size(): number {
    return this.#byToken.size;
  }

  register(asked: NewRegistration): Registered {
    const now = asked.registeredAt;
    const old = this.#owners.get(asked.owner)?.get(asked.name);
    if (old && lives(old, now) && old.vapid === asked.vapid) {
      return { kind: 'known', registration: this.#keep({ ...asked, token: old.token }) };
    }
    if (old) this.#end(old, now);
    else if (this.#isFull(asked.owner, now)) return { kind: 'full' };
    return { kind: 'new', registration: this.#keep(asked), ...(old && { replaced: old.token }) };
  }

  find(token: string, now: number): Found {
    const found = this.#byToken.get(token);
    if (found) return lives(found, now) ? found : 'revoked';
    return this.#revoked.has(token) ? 'revoked' : undefined;
  }

  of(owner: string, after: string | undefined, limit: number, now: number): Registration[] {
    return [...(this.#owners.get(owner)?.values() ?? [])]
      .filter((one) => lives(one, now) && (after === undefined || one.name > after))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, limit);
  }

  revoke(key: RegistrationKey, now: number): Registration | undefined {
    const found = 'token' in key ? this.#byToken.get(key.token) : this.#owners.get(key.owner)?.get(key.name);
    if (!found || !lives(found, now)) return undefined;
    if ('token' in key && key.registeredAt !== undefined && found.registeredAt > key.registeredAt) return undefined;
    this.#end(found, now);
    return found;
  }

  /** True if there is more to do. */
  sweep(now: number): boolean {
    const { revokedMs, registrationsMax } = this.#limits;
    const left = this.#sweepEnded(now);
    return trim(this.#revoked, registrationsMax, (at) => at < now - revokedMs) || left;
  }

  #keep(registration: Registration): Registration {
    const { token, owner, name } = registration;
    this.#byToken.set(token, registration);
    this.#owners.set(owner, (this.#owners.get(owner) ?? new Map()).set(name, registration));
    return registration;
  }

  #isFull(owner: string, now: number): boolean {
    const { registrationsMax } = this.#limits;
    const full = (): boolean =>
      this.size >= registrationsMax || (this.#owners.get(owner)?.size ?? 0) >= registrationsMaxOf(this.#limits, owner);
    if (!full()) return false;
    this.#sweepEnded(now);
    return full();
  }

  /** True if there is more to do. */
  #sweepEnded(now: number): boolean {
    let left = SWEEP_ROWS;
    for (const one of this.#byToken.values()) {
      if (lives(one, now)) continue;
      if (left-- === 0) return true;
      this.#end(one, now);
    }
    return false;
  }

  /** Its token is revoked since now, or since its end. */
  #end(one: Registration, now: number): void {
    this.#byToken.delete(one.token);
    const names = this.#owners.get(one.owner);
    names?.delete(one.name);
    if (names?.size === 0) this.#owners.delete(one.owner);
    this.#revoked.set(one.token, Math.min(now, one.expiresAt ?? now));
    this.#onEnd(one);
  }
}

const lives = ({ expiresAt }: Registration, now: number): boolean => expiresAt === undefined || expiresAt > now;
