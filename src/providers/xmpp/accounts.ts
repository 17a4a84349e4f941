import { RecentMap } from '../../lib/recent-map.ts';

/** Accounts that are remembered. */
const ACCOUNTS_MAX = 100_000;
/** Pushes on their way to an account of which nothing is known yet; if one of them stays without an answer, one alone. */
const FIRST_WINDOW = 10;
/** Clients of one account that are known to be away. */
const AWAY_MAX = 10;

interface Account {
  /** The full JID that was heard of last. */
  newest: string;
  newestAt: number;
  /** Full JIDs that have said goodbye, the oldest first. */
  away: readonly string[];
  /** Counts how often one of its clients came. */
  arrivals: number;
  /** What became of the push that was answered last, or not in time. */
  last: 'nothing' | 'answer' | 'silence';
}

/**
 * Which clients of an account are there, as far as they have said so. Nothing of this is kept: whoever is not known to be
 * away is tried.
 */
export class Accounts {
  #accounts = new RecentMap<Account>(ACCOUNTS_MAX);

  /**
   * A client has registered.
   * @param at when, in milliseconds since the epoch
   */
  registered(bare: string, jid: string, at: number): void {
    const account = this.#account(bare, jid, at);
    if (at <= account.newestAt) return;
    account.newest = jid;
    account.newestAt = at;
  }

  /** A client is there, now. */
  arrived(bare: string, jid: string, at: number): void {
    const account = this.#account(bare, jid, at);
    account.newest = jid;
    account.newestAt = at;
    account.away = account.away.filter((known) => known !== jid);
    account.arrivals++;
    if (account.last === 'silence') account.last = 'nothing';
  }

  /** A push to it has been answered, by the client or for it. @returns whether the one before was not */
  answered(bare: string): boolean {
    const account = this.#accounts.get(bare);
    const wasSilent = account?.last === 'silence';
    if (account) account.last = 'answer';
    return wasSilent;
  }

  /** A push to it was not answered in time. */
  silent(bare: string): void {
    const account = this.#accounts.get(bare);
    if (account) account.last = 'silence';
  }

  isSilent(bare: string): boolean {
    return this.#accounts.get(bare)?.last === 'silence';
  }

  /**
   * How many pushes may be on their way to it, of `most`: places that are taken until an answer stays out are places that
   * others do not have.
   */
  window(bare: string, most: number): number {
    const last = this.#accounts.get(bare)?.last ?? 'nothing';
    if (last === 'answer') return most;
    return last === 'silence' ? 1 : Math.min(most, FIRST_WINDOW);
  }

  /** A client has said goodbye. */
  left(bare: string, jid: string): void {
    const account = this.#accounts.get(bare);
    if (account) account.away = [...account.away.filter((known) => known !== jid), jid].slice(-AWAY_MAX);
  }

  /** How often one of its clients came. */
  arrivals(bare: string): number {
    return this.#accounts.get(bare)?.arrivals ?? 0;
  }

  /** Where to send what is for the client `jid`: there, then to the newest one, and to none that is away. */
  routes(bare: string, jid: string): readonly string[] {
    const account = this.#accounts.get(bare);
    if (!account) return [jid];
    return [...new Set([jid, account.newest])].filter((route) => !account.away.includes(route));
  }

  #account(bare: string, jid: string, at: number): Account {
    const known = this.#accounts.get(bare);
    if (known) return known;
    const account: Account = { newest: jid, newestAt: at, away: [], arrivals: 0, last: 'nothing' };
    this.#accounts.set(bare, account);
    return account;
  }

  /** Goodbyes may have been missed: everybody is tried again. */
  forget(): void {
    this.#accounts = new RecentMap(ACCOUNTS_MAX);
  }
}
