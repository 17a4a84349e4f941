import type { Outcome } from '../../client/index.ts';
import type { Kind, Planned } from './plan.ts';

/** What the backends of the demo saw. */
export class Tally {
  sent = 0;
  acked = 0;
  readonly rejected = new Map<string, number>();
  readonly receipts = new Set<string>();
  readonly upstream = new Set<string>();
  /** Things that a bridge must not do, in words. */
  readonly wrongs: string[] = [];
  readonly #latencies: number[] = [];
  readonly #lastOfGroup = new Map<string, number>();

  get settled(): number {
    return this.#latencies.length;
  }

  /** Books the outcome of a message. `index` counts the messages of its backend. */
  outcome({ kind, message }: Planned, index: number, outcome: Outcome, ms: number): void {
    this.#latencies.push(ms);
    if (outcome.kind === 'ack') this.acked++;
    else this.rejected.set(outcome.code, (this.rejected.get(outcome.code) ?? 0) + 1);
    const expected = expectation(kind);
    const got = outcome.kind === 'ack' ? 'ack' : outcome.code;
    if (got !== expected) this.wrongs.push(`${message.messageId}: ${got} instead of ${expected}`);
    if (message.groupId !== undefined) this.#inOrder(`${message.messageId.split('-')[0]}/${message.groupId}`, index);
  }

  /** Books an upstream message or a receipt; the same one twice is wrong. */
  arrived(what: 'receipts' | 'upstream', id: string): void {
    if (this[what].has(id)) this.wrongs.push(`${what}: ${id} came twice`);
    this[what].add(id);
  }

  /** The latency that a share of the messages kept below, in milliseconds. */
  quantile(share: number): number {
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }

  #inOrder(group: string, index: number): void {
    if ((this.#lastOfGroup.get(group) ?? -1) > index) this.wrongs.push(`${group}: ${index} came behind its successor`);
    this.#lastOfGroup.set(group, index);
  }
}

function expectation(kind: Kind): string {
  return kind === 'BAD_REGISTRATION' || kind === 'DEVICE_UNREGISTERED' ? kind : 'ack';
}
