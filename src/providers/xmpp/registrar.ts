import type { Endpoints } from '../../core/index.ts';
import type { Clock } from '../../lib/clock.ts';
import { type Log, reason } from '../../lib/log.ts';
import {
  type Address,
  type EndpointName,
  emptyReply,
  infoReply,
  itemsReply,
  type Jid,
  parseJid,
  type Request,
  readRequest,
  refusal,
  registeredReply,
  UP_NS,
  unregisteredReply,
} from '../../protocols/unifiedpush/index.ts';
import { NS, type StanzaError, type XmlElement } from '../../protocols/xmpp/index.ts';
import { keyOf, ownerOf, writeDevice } from './device.ts';
import { allowedHosts, type XmppOptions } from './options.ts';

/** What the service calls itself. */
const NAME = 'pushbridge';

export interface RegistrarDeps {
  readonly provider: string;
  readonly options: XmppOptions;
  readonly endpoints: Endpoints;
  readonly clock: Clock;
  readonly log: Log;
  readonly count: (event: string) => void;
  /** A client has registered at this moment: it is there. */
  readonly onRegistered: (jid: Jid, full: string) => void;
}

const unavailable: StanzaError = { type: 'cancel', condition: 'service-unavailable' };
const malformed: StanzaError = {
  type: 'modify',
  condition: 'jid-malformed',
  text: 'only clients of accounts register',
};
const forbidden: StanzaError = {
  type: 'auth',
  condition: 'forbidden',
  text: 'accounts of this domain may not register',
};
const busy: StanzaError = { type: 'wait', condition: 'resource-constraint', text: 'too many requests at once' };
const full: StanzaError = { type: 'wait', condition: 'resource-constraint', text: 'too many endpoints' };
const broken: StanzaError = {
  type: 'wait',
  condition: 'internal-server-error',
  text: 'not possible now, try again later',
};

/** Answers what clients ask: endpoints, and what the service is. */
export class Registrar {
  readonly #deps: RegistrarDeps;
  readonly #hosts: ReadonlySet<string>;
  readonly #features: readonly string[];
  /** Requests that wait for the store, by account. */
  readonly #working = new Map<string, number>();
  #count = 0;

  constructor(deps: RegistrarDeps) {
    const { dialects } = deps.options.registrations;
    this.#deps = deps;
    this.#hosts = allowedHosts(deps.options);
    this.#features = [
      ...dialects.map((dialect) => UP_NS[dialect]),
      ...(dialects.includes('legacy') ? [UP_NS.content] : []),
      UP_NS.vapid,
      UP_NS.discoInfo,
      UP_NS.discoItems,
      NS.ping,
    ];
  }

  /** Whether this account may have endpoints here. */
  allows({ local, domain }: Jid): boolean {
    return local !== '' && this.#hosts.has(domain);
  }

  /**
   * Answers a question by way of `reply`, once, now or later; not at all what is no question.
   * @param iq an iq whose type is `get` or `set`, or it is ignored
   */
  async ask(iq: XmlElement, reply: (stanza: string) => void): Promise<void> {
    const { options } = this.#deps;
    const { from = '', to = '', id } = iq.attrs;
    const request = readRequest(iq, options.registrations.dialects);
    if (!request) return;
    const at: Address = { from: to, to: from, ...(id !== undefined && { id }) };
    if (to.toLowerCase() !== options.domain.toLowerCase()) return reply(refusal(at, unavailable));
    switch (request.kind) {
      case 'bad':
        this.#deps.count('bad_request');
        return reply(refusal(at, request.error, request.what));
      case 'ping':
        return reply(emptyReply(at));
      case 'info':
        return reply(infoReply(at, NAME, this.#features));
      case 'items':
        return reply(itemsReply(at));
      case 'register':
      case 'unregister':
        return reply(await this.#work(at, request));
    }
  }

  async #work(at: Address, request: Request & { kind: 'register' | 'unregister' }): Promise<string> {
    const legacy = request.kind === 'unregister' || request.name.dialect === 'legacy';
    const refuse = (error: StanzaError): string => refusal(at, error, legacy ? request.kind : undefined);
    const jid = parseJid(at.to);
    if (!jid || jid.local === '' || jid.resource === '') return refuse(malformed);
    const { count, log, options } = this.#deps;
    if (!this.allows(jid)) {
      count('forbidden');
      return refuse(forbidden);
    }
    const most = options.registrations.at_once;
    const mine = this.#working.get(jid.bare) ?? 0;
    if (this.#count >= most || mine >= Math.ceil(most / 10)) {
      count('busy');
      return refuse(busy);
    }
    this.#count++;
    this.#working.set(jid.bare, mine + 1);
    try {
      if (request.kind === 'unregister') return await this.#unregister(at, jid, request.token);
      return (await this.#register(at, jid, request.name, request.vapid)) ?? refuse(full);
    } catch (error) {
      log.warn('request not answered', { error: reason(error) });
      return refuse(broken);
    } finally {
      this.#count--;
      const left = (this.#working.get(jid.bare) ?? 1) - 1;
      if (left > 0) this.#working.set(jid.bare, left);
      else this.#working.delete(jid.bare);
    }
  }

  async #register(at: Address, jid: Jid, name: EndpointName, vapid?: string): Promise<string | undefined> {
    const { provider, endpoints, options, count, onRegistered } = this.#deps;
    const endpoint = await endpoints.register({
      owner: ownerOf(provider, jid.bare),
      name: keyOf(name),
      provider,
      data: writeDevice(name, at.to),
      ...(vapid !== undefined && { vapid }),
      lifeMs: options.registrations.lifetime,
    });
    if (!endpoint) {
      count('full');
      return undefined;
    }
    count(endpoint.known ? 'renewed' : 'registered');
    onRegistered(jid, at.to);
    return registeredReply(at, name.dialect, endpoint.url, endpoint.registration.expiresAt);
  }

  /** Said twice, it is done all the same: an answer may have been lost. */
  async #unregister(at: Address, jid: Jid, token: string): Promise<string> {
    const { provider, endpoints, count } = this.#deps;
    const owner = ownerOf(provider, jid.bare);
    const ended = await endpoints.revoke({ owner, name: keyOf({ dialect: 'legacy', token }) });
    if (ended > 0) count('unregistered');
    return unregisteredReply(at, token);
  }
}
