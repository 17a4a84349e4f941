import { bareReply, type Endpoints, type Message, type Outcome, type Payload } from '../../core/index.ts';
import type { Clock } from '../../lib/clock.ts';
import { pushStanza } from '../../protocols/unifiedpush/index.ts';
import type { Accounts } from './accounts.ts';
import { type Device, readDevice } from './device.ts';
import type { Flights, Landing } from './flights.ts';
import type { Link } from './link.ts';
import type { XmppOptions } from './options.ts';
import { again, away, behind, busy, gone, inspectPayload, outcomeOf, type Patience } from './outcomes.ts';

export interface DeliveryDeps {
  readonly options: XmppOptions;
  readonly endpoints: Endpoints;
  readonly clock: Clock;
  readonly accounts: Accounts;
  readonly flights: Flights;
  readonly patience: Patience;
  /** A connection that is open. */
  readonly pick: () => Link | undefined;
  readonly count: (event: string) => void;
  /** An account answers again: what waits for it can go. */
  readonly onBack: (bare: string) => void;
  /** Nothing is on its way any more to an account for which more waits. */
  readonly onEmptied: (bare: string) => void;
}

const noLink: Landing = { kind: 'lost', because: 'no connection' };

/** Brings what is pushed to the clients. */
export class Delivery {
  readonly #deps: DeliveryDeps;
  /** Pushes on their way, by account. */
  readonly #perAccount = new Map<string, number>();
  /** Accounts for which more came than they had places. */
  readonly #crowded = new Set<string>();
  #used = 0;

  constructor(deps: DeliveryDeps) {
    this.#deps = deps;
  }

  /** Pushes on their way. */
  get used(): number {
    return this.#used;
  }

  /** One attempt. Never rejects. */
  async deliver(message: Message): Promise<Outcome> {
    const { payload } = message;
    const refusal = inspectPayload(payload);
    if (refusal || payload.kind !== 'opaque') {
      return { kind: 'refused', code: 'INVALID_MESSAGE', because: '', ...refusal, reply: bareReply(message) };
    }
    this.#used++;
    try {
      return await this.#find(message, payload);
    } finally {
      this.#used--;
    }
  }

  async #find(message: Message, payload: Payload & { kind: 'opaque' }): Promise<Outcome> {
    const { endpoints, options, patience, accounts, count } = this.#deps;
    let found: Awaited<ReturnType<Endpoints['find']>>;
    try {
      found = await endpoints.find(message.target);
    } catch {
      // The store says itself what is the matter; while it refuses, nothing is lent.
      return { kind: 'unanswered', because: 'the store can not be asked' };
    }
    if (found === undefined || found === 'revoked') return gone(message, 'there is no such endpoint');
    const device = readDevice(found.data);
    if (!device) return gone(message, 'not an endpoint of an XMPP client');
    const { bare } = device;
    accounts.registered(bare, device.jid, found.registeredAt);
    const mine = this.#perAccount.get(bare) ?? 0;
    if (mine >= accounts.window(bare, options.in_flight_per_account)) {
      count('account_busy');
      if (accounts.isSilent(bare)) return behind(message, options.answer_timeout, patience);
      this.#crowded.add(bare);
      return busy(message, patience);
    }
    this.#perAccount.set(bare, mine + 1);
    try {
      return await this.#send(message, payload.body, device, found.registeredAt);
    } finally {
      const left = (this.#perAccount.get(bare) ?? 1) - 1;
      if (left > 0) this.#perAccount.set(bare, left);
      else this.#emptied(bare);
    }
  }

  /** Nothing is on its way to the account any more: what found no place need not wait out its pause. */
  #emptied(bare: string): void {
    const { accounts, onEmptied } = this.#deps;
    this.#perAccount.delete(bare);
    if (this.#crowded.delete(bare) && !accounts.isSilent(bare)) onEmptied(bare);
  }

  /** To the client that has registered, then to the newest one of its account. */
  async #send(message: Message, body: Uint8Array, { name, jid, bare }: Device, registeredAt: number): Promise<Outcome> {
    const { accounts, patience, count, endpoints } = this.#deps;
    const arrivals = accounts.arrivals(bare);
    let outcome = away(message, 'its clients have said goodbye', patience);
    for (const route of accounts.routes(bare, jid)) {
      const landing = await this.#fly(message, body, name, route);
      // Only who has registered can say that the endpoint is none: others never knew it.
      const meant: Landing = landing.kind === 'gone' && route !== jid ? { ...landing, kind: 'away' } : landing;
      outcome = outcomeOf(message, name.dialect, meant, patience);
      this.#heard(bare, landing, outcome);
      if (meant.kind !== 'taken')
        count(meant.kind === 'silent' && outcome.kind === 'accepted' ? 'trusted' : meant.kind);
      // Who did not know it may have registered it meanwhile, and was given the same URL.
      if (meant.kind === 'gone') {
        const ended = await endpoints.revoke({ token: message.target, registeredAt }).catch(() => undefined);
        if (ended === undefined) count('revoke_failed');
        if (ended === 0) outcome = again(message, 'it is registered anew, or no more');
      }
      if (meant.kind !== 'away') break;
    }
    const came = outcome.kind === 'later' && accounts.arrivals(bare) !== arrivals;
    return came ? again(message, 'a client came meanwhile') : outcome;
  }

  /** What an account does not answer holds its places: it gets fewer of them until it does. */
  #heard(bare: string, { kind }: Landing, outcome: Outcome): void {
    const { accounts, onBack } = this.#deps;
    if (kind === 'lost') return;
    if (kind === 'silent' && outcome.kind !== 'accepted') accounts.silent(bare);
    else if (accounts.answered(bare)) onBack(bare);
  }

  #fly(message: Message, body: Uint8Array, name: Device['name'], to: string): Promise<Landing> {
    const { flights, options, pick } = this.#deps;
    const { wireId: id } = message;
    const recalled = flights.recall(id, to);
    if (recalled) return Promise.resolve(recalled);
    const link = pick();
    if (!link?.send(pushStanza({ from: options.domain, to, id }, name, body))) return Promise.resolve(noLink);
    return flights.wait(id, to, link, name.dialect === 'legacy' ? options.bounce_wait : options.answer_timeout);
  }
}
