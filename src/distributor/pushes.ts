import type { Clock } from '../lib/clock.ts';
import { deadline } from '../lib/deadline.ts';
import { type Log, reason } from '../lib/log.ts';
import { RecentSet } from '../lib/recent-set.ts';
import { type Pushed, parseJid, pushAnswer, readPush, receiptStanza, UP_NS } from '../protocols/unifiedpush/index.ts';
import type { StanzaError, XmlElement } from '../protocols/xmpp/index.ts';
import type { Account } from './account.ts';
import type { Connectors } from './connectors.ts';
import { endpointName, type Gateway } from './gateway.ts';
import { fits, limits } from './names.ts';
import { giverOf, type Registration, type Registrations } from './registrations.ts';

/** Pushes that were handed over, whose repeats are known. */
const SEEN_MAX = 1_000;
/** How long a push that is being handed over may hold up the end, in milliseconds. */
const STOPPING_MS = 2_000;
/** Apps that were not there for a push, and are waited for. */
const MISSED_MAX = 1_000;

const NOT_FOUND: StanzaError = { type: 'cancel', condition: 'item-not-found' };
const NOT_NOW: StanzaError = { type: 'wait', condition: 'recipient-unavailable', text: 'the app does not run' };

export interface PushesDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** The account without resource. */
  readonly jid: string;
  readonly registrations: Pick<Registrations, 'byPublicToken'>;
  readonly account: Pick<Account, 'send'>;
  readonly gateway: Pick<Gateway, 'isFrom' | 'present' | 'unregister'>;
  readonly connectors: Pick<Connectors, 'message'>;
}

/** What comes from the push service: checked, handed to its app, and only then answered. */
export class Pushes {
  readonly #deps: PushesDeps;
  readonly #seen = new RecentSet(SEEN_MAX);
  /** Pushes that are being handed over; {@link Connectors} bounds their number. */
  readonly #handing = new Map<string, Promise<boolean>>();
  readonly #missed = new Set<string>();
  /** What has no answer yet. */
  readonly #open = new Set<Promise<void>>();
  #stopping = false;

  constructor(deps: PushesDeps) {
    this.#deps = deps;
  }

  /** @returns false if it is no push of our service; nothing has been done with it then */
  take(stanza: XmlElement): boolean {
    const { gateway, log } = this.#deps;
    const pushed = readPush(stanza);
    if (!pushed) return false;
    const { from = '' } = stanza.attrs;
    if (!gateway.isFrom(from) && !this.#gaveIt(from, pushed)) {
      log.warn('push from somebody who is not the push service', { from });
      return false;
    }
    if (this.#stopping) this.#answer(stanza, NOT_NOW);
    else {
      const work = this.#handle(stanza, pushed);
      this.#open.add(work);
      void work.finally(() => this.#open.delete(work));
    }
    return true;
  }

  /** Takes nothing more, and lets what an app may have be answered: without that the service would send it again. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await deadline(this.#deps.clock, Promise.all(this.#open), STOPPING_MS, 'pushes').catch(() => {});
  }

  /** An app is on the bus: what waits for it at the service may come now. */
  appeared(app: string): void {
    if (this.#missed.delete(app)) this.#deps.gateway.present();
  }

  async #handle(stanza: XmlElement, pushed: Pushed): Promise<void> {
    const { connectors, gateway, log } = this.#deps;
    try {
      if (pushed.kind === 'bad') return this.#answer(stanza, pushed.error);
      const to = this.#find(pushed.name);
      if (!to) {
        // A service that knows only the old dialect hears of it as it would have when the app left.
        if (pushed.name.dialect === 'legacy') gateway.unregister(pushed.name.token);
        log.info('push for an endpoint that is no more');
        return this.#answer(stanza, NOT_FOUND);
      }
      const id = pushed.id !== undefined && fits(pushed.id, limits.messageId) ? pushed.id : undefined;
      const key = `${to.publicToken} ${id}`;
      if (id !== undefined && this.#seen.has(key)) return this.#answer(stanza);
      // A repeat that comes while the app is being started is answered as the first one.
      const before = id === undefined ? undefined : this.#handing.get(key);
      const handed = before ?? connectors.message(to, pushed.body, id);
      if (id !== undefined && !before) {
        this.#handing.set(key, handed);
        void handed.finally(() => this.#handing.delete(key)).catch(() => {});
      }
      if (await handed) {
        if (id !== undefined) this.#seen.add(key);
        return this.#answer(stanza);
      }
      if (this.#missed.size < MISSED_MAX) this.#missed.add(to.app);
      this.#answer(stanza, NOT_NOW);
    } catch (error) {
      log.error('push not handed over', { error: reason(error) });
      this.#answer(stanza, { type: 'wait', condition: 'internal-server-error' });
    }
  }

  /**
   * Whether the endpoint is from there: pushes come while the service is still looked for, and from one that was left
   * until another one has given an endpoint.
   */
  #gaveIt(from: string, pushed: Pushed): boolean {
    const to = pushed.kind === 'push' ? this.#find(pushed.name) : undefined;
    const who = parseJid(from)?.bare;
    return to !== undefined && who !== undefined && who === parseJid(giverOf(to.endpoint))?.bare;
  }

  #find(name: Extract<Pushed, { kind: 'push' }>['name']): Registration | undefined {
    const { registrations, jid } = this.#deps;
    if (name.dialect === 'legacy') return registrations.byPublicToken(name.token);
    const found = registrations.byPublicToken(name.instance);
    if (!found) return undefined;
    const ours = endpointName({ jid: '', dialect: 'gultsch' }, jid, found);
    return ours.dialect === 'gultsch' && ours.application === name.application ? found : undefined;
  }

  /** In the newer dialect every push is answered, in the old one those that ask for a receipt, if they were taken. */
  #answer(stanza: XmlElement, error?: StanzaError): void {
    const { from = '', id = '' } = stanza.attrs;
    const { account } = this.#deps;
    if (stanza.name === 'iq') account.send(pushAnswer(from, id, error));
    else if (!error && id !== '' && stanza.child('request', UP_NS.receipts)) account.send(receiptStanza(from, id));
  }
}
