import type { Message, Outcome } from '../../core/index.ts';

/** A message on a connection, and who waits for its outcome. */
export interface Flight {
  readonly message: Message;
  resolve(outcome: Outcome): void;
  /** Set by the probe: a stream error ended the connection that this message had for itself. */
  killed?(condition: string): void;
}

/** The un-acked messages of one connection, by wire id. */
export class Flights {
  /** Oldest first: the order in which they become overdue. */
  readonly #flights = new Map<string, { readonly flight: Flight; readonly sentAt: number }>();

  get size(): number {
    return this.#flights.size;
  }

  has(wireId: string): boolean {
    return this.#flights.has(wireId);
  }

  /** Adds a message; gives back what was in flight under the same id. */
  add(flight: Flight, sentAt: number): Flight | undefined {
    const { wireId } = flight.message;
    const before = this.take(wireId);
    this.#flights.set(wireId, { flight, sentAt });
    return before;
  }

  take(wireId: string): Flight | undefined {
    const found = this.#flights.get(wireId);
    if (found) this.#flights.delete(wireId);
    return found?.flight;
  }

  /** Takes out those sent at `deadline` or before. */
  takeOverdue(deadline: number): Flight[] {
    const overdue: Flight[] = [];
    for (const [wireId, { flight, sentAt }] of this.#flights) {
      if (sentAt > deadline) break;
      this.#flights.delete(wireId);
      overdue.push(flight);
    }
    return overdue;
  }

  takeAll(): Flight[] {
    const all = [...this.#flights.values()].map(({ flight }) => flight);
    this.#flights.clear();
    return all;
  }
}
