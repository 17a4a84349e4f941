import type { Notice, ReceiptEntry, StoreLimits, StoreStats, Submission } from '../../core/index.ts';
import type { Outcome } from './outbox.ts';

/** How many rows of one table a sweep takes away at most: the same patience as a database would need. */
export const SWEEP_ROWS = 1000;

/** A receipt may come after the TTL of its message, which may be 0: so long it is waited for, and never longer than … */
const RECEIPT_GRACE_MS = 3_600_000;
/** … this after the acceptance. */
const RECEIPT_MAX_MS = 28 * 24 * 3_600_000;

type Receipt = ReceiptEntry & { readonly provider: string; readonly until: number };

/** What is remembered for a while: outcomes, receipts awaited, what devices sent, dead letters. Oldest first. */
export class Records {
  readonly outcomes = new Map<string, Outcome>();
  /** By wire id. */
  readonly receipts = new Map<string, Receipt>();
  readonly #seen = new Map<string, number>();
  readonly #dead: { readonly because: string; readonly notice: Notice }[] = [];

  /** False if this came before. */
  see(key: string, at: number): boolean {
    if (this.#seen.has(key)) return false;
    this.#seen.set(key, at);
    return true;
  }

  /** As if it had never come. */
  unsee(key: string): void {
    this.#seen.delete(key);
  }

  bury(because: string, notice: Notice): void {
    this.#dead.push({ because, notice });
  }

  /** The receipt of this message is awaited. */
  expect(wireId: string, { session, messageId, groupId, mailbox, provider, expiresAt, acceptedAt }: Submission): void {
    const until = Math.min(expiresAt + RECEIPT_GRACE_MS, acceptedAt + RECEIPT_MAX_MS);
    const entry = { session, messageId, mailbox, provider, until };
    this.receipts.set(wireId, groupId === undefined ? entry : { ...entry, groupId });
  }

  /** A receipt goes where the answer goes: to the connection that last submitted the id. */
  readdress(wireId: string, mailbox: number): void {
    const receipt = this.receipts.get(wireId);
    if (receipt) this.receipts.set(wireId, { ...receipt, mailbox });
  }

  /** Enforces windows and bounds. True if there is more to do. */
  sweep(limits: StoreLimits, now: number): boolean {
    const { dedupeWindowMs, dedupeMax, upstreamDedupeMs, receiptsMax, deadLettersMax } = limits;
    for (const [key, receipt] of this.receipts) if (receipt.until < now) this.receipts.delete(key);
    this.#dead.splice(0, Math.max(0, this.#dead.length - deadLettersMax));
    const more = [
      trim(this.outcomes, dedupeMax, (outcome) => outcome.at < now - dedupeWindowMs),
      trim(this.#seen, dedupeMax, (at) => at < now - upstreamDedupeMs),
      trim(this.receipts, receiptsMax, () => false),
    ];
    return more.includes(true);
  }

  stats(limits: StoreLimits): Pick<StoreStats, 'deadLetters' | 'receipts' | 'outcomes' | 'dedupeWindowMs'> {
    const times = [...this.outcomes.values()].map(({ at }) => at);
    const span = (times.at(-1) ?? 0) - (times[0] ?? 0);
    const full = this.outcomes.size >= limits.dedupeMax;
    return {
      deadLetters: this.#dead.length,
      receipts: this.receipts.size,
      outcomes: this.outcomes.size,
      dedupeWindowMs: full ? Math.min(limits.dedupeWindowMs, span) : limits.dedupeWindowMs,
    };
  }
}

/** Takes the oldest entries that are over, or over the bound, at most a piece of them. True if more remain. */
export function trim<K, V>(map: Map<K, V>, max: number, over: (value: V) => boolean): boolean {
  let left = SWEEP_ROWS;
  for (const [key, value] of map) {
    if (map.size <= max && !over(value)) return false;
    if (left-- === 0) return true;
    map.delete(key);
  }
  return false;
}
