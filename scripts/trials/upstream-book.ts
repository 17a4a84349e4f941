import type { Findings } from './findings.ts';

interface Page {
  readonly session: string;
  /** The greatest sequence number seen before it was first offered. */
  readonly floor: number;
  /** The bridge has acked it to the service. */
  acked: boolean;
  came: boolean;
}

/** The upstream messages of a trial. Their ids are unique over all sessions and devices. */
export class UpstreamBook {
  readonly #findings: Findings;
  readonly #pages = new Map<string, Page>();
  /** When a message was last heard of after it was acked and came, the oldest first. */
  readonly #settled = new Map<string, number>();
  /** Offered, and not come. */
  open = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  get size(): number {
    return this.#pages.size;
  }

  offered(session: string, id: string, floor: number): void {
    if (this.#pages.has(id)) return;
    this.open++;
    this.#pages.set(id, { session, floor, acked: false, came: false });
  }

  floor(session: string, id: string): number {
    const page = this.#pages.get(id);
    return page?.session === session ? page.floor : 0;
  }

  acked(id: string): void {
    const page = this.#known(id, 'an ack');
    if (page) page.acked = true;
  }

  /** @param fresh whether its sequence number was not seen before */
  came(session: string, id: string, fresh: boolean, now: number): void {
    const page = this.#known(id, `a frame in ${session}`);
    if (!page) return;
    this.#findings.check('invention', page.session === session, () => `${id}: of ${page.session} came to ${session}`);
    this.#findings.check('upstream', !(fresh && page.came), () => `${id}: came as two frames`);
    if (!page.came) this.open--;
    page.came = true;
    this.#settled.delete(id);
    this.#settled.set(id, now);
  }

  forget(then: number): void {
    for (const [id, at] of this.#settled) {
      if (at >= then) return;
      const page = this.#pages.get(id);
      // The journal may be behind: what is not yet acked waits for its next turn at the end of the line.
      this.#settled.delete(id);
      if (!page?.acked) {
        this.#settled.set(id, then);
        continue;
      }
      this.#judge(id, page);
      this.#pages.delete(id);
    }
  }

  close(): void {
    for (const [id, page] of this.#pages) this.#judge(id, page);
    this.#pages.clear();
  }

  isOffered(session: string, id: string): boolean {
    return this.#pages.get(id)?.session === session;
  }

  /** Whether it is still to be acked, or to come. */
  isOpen(id: string): boolean {
    const page = this.#pages.get(id);
    return page !== undefined && !(page.acked && page.came);
  }

  #judge(id: string, { session, acked, came }: Page): void {
    if (acked) this.#findings.check('upstream', came, () => `${session} ${id}: was acked and got lost`);
  }

  #known(id: string, what: string): Page | undefined {
    const page = this.#pages.get(id);
    this.#findings.check('invention', page !== undefined, () => `${what} for upstream ${id}, which nobody offered`);
    return page;
  }
}
