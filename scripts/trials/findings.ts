/** What must hold in every trial, whatever is killed. */
export const invariants = {
  arrival: 'every accepted message reached the service',
  outcome: 'one final outcome per message; again only under its number, or when asked again',
  upstream: 'every upstream message and receipt that was acked reached its backend',
  group: 'no message of a group overtook another, or its outcome',
  identity: 'one id per message on the wire; sequence numbers grow, have no gaps, are never reused',
  invention: 'nothing came that nobody sent, and nothing altered',
  conduct: 'the bridge starts, stops, answers and says what it should',
} as const;

export type Invariant = keyof typeof invariants;

/** Violations told in words, of each invariant; the others are only counted. */
export const DETAILS_MAX = 10;

interface Row {
  checked: number;
  violated: number;
  readonly details: string[];
}

/** How often each invariant was looked at, and what was found. */
export class Findings {
  readonly #rows = new Map<Invariant, Row>(
    (Object.keys(invariants) as Invariant[]).map((name) => [name, { checked: 0, violated: 0, details: [] }]),
  );
  readonly #onViolation: (invariant: Invariant, what: string) => void;

  /** @param onViolation told the first of each at once, for those who don't want to wait for the end */
  constructor(onViolation: (invariant: Invariant, what: string) => void = () => {}) {
    this.#onViolation = onViolation;
  }

  check(invariant: Invariant, holds: boolean, what: () => string): void {
    const row = this.#row(invariant);
    row.checked++;
    if (holds) return;
    row.violated++;
    if (row.details.length >= DETAILS_MAX) return;
    const text = what();
    row.details.push(text);
    this.#onViolation(invariant, text);
  }

  checked(invariant: Invariant): number {
    return this.#row(invariant).checked;
  }

  /** The invariants that were violated. */
  get violated(): Invariant[] {
    return [...this.#rows].filter(([, { violated }]) => violated > 0).map(([name]) => name);
  }

  details(invariant: Invariant): readonly string[] {
    return this.#row(invariant).details;
  }

  /** A line for each invariant, and below them what was found. */
  table(): string {
    const lines = [...this.#rows].map(([name, { checked, violated }]) =>
      [name.padEnd(9), String(checked).padStart(9), String(violated).padStart(8), `  ${invariants[name]}`].join(' '),
    );
    const head = ['invariant', '  checked', 'violated'].join(' ');
    const details = this.violated.flatMap((name) => this.details(name).map((text) => `  ${name}: ${text}`));
    return [head, ...lines, ...details].join('\n');
  }

  #row(invariant: Invariant): Row {
    const row = this.#rows.get(invariant);
    if (!row) throw new Error(`no such invariant: ${invariant}`);
    return row;
  }
}
