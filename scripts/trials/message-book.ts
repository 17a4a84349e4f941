import { isDeepStrictEqual } from 'node:util';
import type { Sent } from './books.ts';
import type { Findings } from './findings.ts';

interface Page {
  readonly sent: Sent;
  /** The greatest sequence number seen before it was first submitted. */
  readonly floor: number;
  submissions: number;
  /** Told to be taken, or answered. */
  accepted: boolean;
  /** Its id on the wire, once it has arrived. */
  wire: string | undefined;
  outcome: string | undefined;
  /** Different sequence numbers under which its outcome came. */
  numbers: number;
  receiptSent: boolean;
  receiptAcked: boolean;
  receiptCame: boolean;
}

/** Receipts of the service are named so, with the id on the wire behind it. */
const RECEIPT = 'dr2:';

/** What a message carries: the service's journal shows it again. */
export function dataOf({ session, id, group }: Sent): Readonly<Record<string, string>> {
  const place = group && { group: group.name, n: String(group.n) };
  return { session, id, ...place, text: `${id} grüßt <&> 😀 ${'x'.repeat(id.length * 7)}` };
}

/** The downstream messages of a trial and what became of them. */
export class MessageBook {
  readonly #findings: Findings;
  readonly #pages = new Map<string, Page>();
  readonly #byWire = new Map<string, Page>();
  /** When a message was last heard of after all was done, the oldest first. */
  readonly #settled = new Map<Page, number>();
  unsettled = 0;
  receiptsOpen = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  get size(): number {
    return this.#pages.size;
  }

  submit(sent: Sent, floor: number): void {
    const known = this.#pages.get(keyOf(sent.session, sent.id));
    if (known) {
      known.submissions++;
      return;
    }
    this.unsettled++;
    this.#pages.set(keyOf(sent.session, sent.id), {
      sent,
      floor,
      submissions: 1,
      accepted: false,
      wire: undefined,
      outcome: undefined,
      numbers: 0,
      receiptSent: false,
      receiptAcked: false,
      receiptCame: false,
    });
  }

  taken(session: string, id: string): void {
    const page = this.#known(session, id, 'DOWNSTREAM_TAKEN');
    if (page) page.accepted = true;
  }

  floor(session: string, id: string): number {
    return this.#pages.get(keyOf(session, id))?.floor ?? 0;
  }

  /** @param fresh whether its sequence number was not seen before */
  outcome(session: string, id: string, fresh: boolean, kind: string, now: number): void {
    const page = this.#known(session, id, 'an outcome');
    if (!page) return;
    page.accepted = true;
    if (page.outcome === undefined) {
      this.unsettled--;
      page.outcome = kind;
      this.#findings.check('outcome', kind === page.sent.expect, () => `${id}: ${kind} instead of ${page.sent.expect}`);
    } else this.#findings.check('outcome', kind === page.outcome, () => `${id}: first ${page.outcome}, then ${kind}`);
    if (fresh) page.numbers++;
    this.#findings.check(
      'outcome',
      page.numbers <= page.submissions,
      () => `${id}: ${page.numbers} outcomes for ${page.submissions} submissions`,
    );
    this.#touch(page, now);
  }

  receiptCame(session: string, id: string, fresh: boolean, now: number): void {
    const page = this.#known(session, id, 'a receipt');
    if (!page) return;
    this.#findings.check('invention', page.sent.receipt, () => `${id}: a receipt that nobody asked for`);
    this.#findings.check('upstream', !(fresh && page.receiptCame), () => `${id}: its receipt came as two frames`);
    if (page.receiptSent && !page.receiptCame) this.receiptsOpen--;
    page.receiptCame = true;
    this.#touch(page, now);
  }

  /** The service received this; who sent it, if anybody did. */
  arrived(wire: string, data: unknown): Sent | undefined {
    const { session, id } = (data ?? {}) as { session?: unknown; id?: unknown };
    const page = this.#known(String(session), String(id), `${wire} arrived:`);
    if (!page) return undefined;
    this.#findings.check('invention', isDeepStrictEqual(data, dataOf(page.sent)), () => `${id}: arrived altered`);
    const holder = this.#byWire.get(wire);
    const own = page.wire === undefined || page.wire === wire;
    this.#findings.check('identity', own, () => `${id}: arrived as ${wire}, before as ${page.wire}`);
    this.#findings.check('identity', !holder || holder === page, () => `${wire}: is ${id} and ${holder?.sent.id}`);
    page.wire ??= wire;
    this.#byWire.set(wire, page);
    return page.sent;
  }

  has(session: string, id: string): boolean {
    return this.#pages.has(keyOf(session, id));
  }

  /** Whether this is what a message carries that was submitted. */
  isSent(data: unknown): boolean {
    const { session, id } = (data ?? {}) as { session?: unknown; id?: unknown };
    const page = this.#pages.get(keyOf(String(session), String(id)));
    return page !== undefined && isDeepStrictEqual(data, dataOf(page.sent));
  }

  byWire(wire: string): Sent | undefined {
    return this.#byWire.get(wire)?.sent;
  }

  /** A service that begins anew has forgotten the receipts that it had not got rid of. */
  serviceStarted(): void {
    for (const page of this.#pages.values()) {
      if (!page.receiptSent || page.receiptAcked) continue;
      page.receiptSent = false;
      if (!page.receiptCame) this.receiptsOpen--;
    }
  }

  receiptSent(id: string): void {
    const page = this.#receiptOf(id);
    if (!page || page.receiptSent) return;
    page.receiptSent = true;
    if (!page.receiptCame) this.receiptsOpen++;
  }

  /** @returns false if this id is not that of a receipt */
  receiptAcked(id: string): boolean {
    const page = this.#receiptOf(id);
    if (page) page.receiptAcked = true;
    return id.startsWith(RECEIPT);
  }

  forget(then: number): void {
    for (const [page, at] of this.#settled) {
      if (at >= then) return;
      this.#settled.delete(page);
      this.#judge(page);
      this.#pages.delete(keyOf(page.sent.session, page.sent.id));
      if (page.wire !== undefined) this.#byWire.delete(page.wire);
    }
  }

  close(): void {
    for (const page of this.#pages.values()) this.#judge(page);
    this.#pages.clear();
  }

  #judge(page: Page): void {
    const { id, session } = page.sent;
    const arrived = page.wire !== undefined;
    if (page.accepted) this.#findings.check('arrival', arrived, () => `${session} ${id}: never arrived`);
    this.#findings.check('outcome', page.outcome !== undefined, () => `${session} ${id}: no outcome`);
    if (page.receiptAcked) {
      this.#findings.check('upstream', page.receiptCame, () => `${session} ${id}: its receipt was acked and got lost`);
    }
  }

  /** Something final was heard of it: from now on the window counts. */
  #touch(page: Page, now: number): void {
    this.#settled.delete(page);
    const waits = page.sent.receipt && page.sent.expect === 'ack' && !page.receiptCame;
    if (page.outcome !== undefined && !waits) this.#settled.set(page, now);
  }

  #known(session: string, id: string, what: string): Page | undefined {
    const page = this.#pages.get(keyOf(session, id));
    this.#findings.check(
      'invention',
      page !== undefined,
      () => `${what} for ${session} ${id}, which is unknown or was settled long ago`,
    );
    return page;
  }

  #receiptOf(id: string): Page | undefined {
    return id.startsWith(RECEIPT) ? this.#byWire.get(id.slice(RECEIPT.length)) : undefined;
  }
}

const keyOf = (session: string, id: string): string => `${session}\n${id}`;
