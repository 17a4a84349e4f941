import { createHash } from 'node:crypto';
import { type Log, reason } from '../lib/log.ts';
import {
  type Dialect,
  type EndpointName,
  infoStanza,
  itemsStanza,
  parseJid,
  presenceStanza,
  type RegisterResult,
  readFeatures,
  readItems,
  readRegisterResult,
  registerStanza,
  UP_NS,
  unregisterStanza,
} from '../protocols/unifiedpush/index.ts';
import type { Account } from './account.ts';
import type { DistributorOptions } from './options.ts';
import type { Registration } from './registrations.ts';

/** Parts of the account's server that are asked whether they are a push service, at most. */
const PARTS_MAX = 32;

/** The push service that has been found. */
export interface Service {
  readonly jid: string;
  readonly dialect: Dialect;
}

/** What an endpoint of ours is called at the push service. */
export function endpointName(
  { dialect }: Service,
  account: string,
  { app, publicToken }: Pick<Registration, 'app' | 'publicToken'>,
): EndpointName {
  if (dialect === 'legacy') return { dialect, token: publicToken };
  // The draft wants digests: the service learns neither the account's word nor the app's name. [unifiedpush.md §3.1]
  const application = createHash('sha256').update(`${account}\0${app}`).digest('base64');
  return { dialect, application, instance: publicToken };
}

/** The push service of an account: found when the account comes online, then asked for endpoints. */
export class Gateway {
  readonly #account: Account;
  readonly #jid: string;
  readonly #options: DistributorOptions['gateway'];
  readonly #log: Log;
  #service: Service | undefined;
  /** The service that was asked whether it takes keys, and what it said. */
  #keys: { readonly jid: string; readonly taken: boolean } | undefined;

  /** @param jid of the account, without resource */
  constructor(account: Account, jid: string, options: DistributorOptions['gateway'], log: Log) {
    this.#account = account;
    this.#jid = jid;
    this.#options = options;
    this.#log = log;
  }

  /** Undefined until it has been found. */
  get service(): Service | undefined {
    return this.#service;
  }

  /**
   * Looks for the service and how it is spoken with; what was found before stays if it does not answer now.
   * @returns whether there is one
   * @throws OfflineError if the connection ends
   */
  async find(): Promise<boolean> {
    const { jid, dialect } = this.#options;
    // It may have learnt something since the last connection.
    this.#keys = undefined;
    if (jid !== undefined && dialect !== undefined) this.#service = { jid, dialect };
    else if (jid !== undefined) this.#service = { jid, dialect: (await this.#dialectOf(jid)) ?? 'gultsch' };
    else this.#service = (await this.#discover()) ?? this.#service;
    if (this.#service) this.#log.info('push service', { ...this.#service });
    return this.#service !== undefined;
  }

  /** Whether a stanza comes from the service. */
  isFrom(from: string | undefined): boolean {
    return this.#service !== undefined && from !== undefined && parseJid(from)?.bare === bareOf(this.#service.jid);
  }

  /** Asks for an endpoint, for senders with the key of the app alone if the service can do that. @throws OfflineError, DeadlineError */
  async register(registration: Pick<Registration, 'app' | 'publicToken' | 'vapid'>): Promise<RegisterResult> {
    const service = this.#service;
    if (!service) return { kind: 'refused', condition: 'item-not-found', text: 'no push service found' };
    const name = endpointName(service, this.#jid, registration);
    const { vapid } = registration;
    const key = vapid !== undefined && (await this.#takesKeys(service.jid)) ? vapid : undefined;
    const answer = await this.#account.ask(service.jid, (id) => registerStanza(service.jid, id, name, key));
    return readRegisterResult(answer);
  }

  /**
   * Says that an endpoint is no more, as far as there are words for it: in the newer dialect the answer to the next push
   * says so. Nobody waits for the answer.
   */
  unregister(publicToken: string): void {
    const service = this.#service;
    if (service?.dialect !== 'legacy') return;
    this.#account
      .ask(service.jid, (id) => unregisterStanza(service.jid, id, publicToken))
      .catch((error: unknown) => this.#log.debug('unregister: no answer', { because: reason(error) }));
  }

  /** Shows the service that we are here: what waits there comes now. */
  present(): void {
    const service = this.#service;
    if (!service) return;
    // The original keeps nothing: what came while we were away waits on the account's own server, for presence.
    // [unifiedpush.md §1.5] In the newer dialect nobody else has to know that we are here, least of all chats.
    if (service.dialect === 'legacy') this.#account.send('<presence/>');
    this.#account.send(presenceStanza(service.jid, true));
  }

  async #discover(): Promise<Service | undefined> {
    const { domain } = this.#account;
    const parts = readItems(await this.#account.ask(domain, (id) => itemsStanza(domain, id)));
    const asked = [domain, ...parts.filter((jid) => jid !== domain && parseJid(jid)).slice(0, PARTS_MAX)];
    const found = await Promise.all(asked.map(async (jid) => ({ jid, dialect: await this.#dialectOf(jid) })));
    const { dialect: wanted } = this.#options;
    for (const dialect of wanted ? [wanted] : (['gultsch', 'legacy'] as const)) {
      const first = found.find((one) => one.dialect === dialect);
      if (first) return { jid: first.jid, dialect };
    }
    this.#log.warn('no push service found', { on: domain, asked: asked.length });
    return undefined;
  }

  /** Whether the service keeps endpoints for one key; others would not know what is asked. */
  async #takesKeys(jid: string): Promise<boolean> {
    if (this.#keys?.jid !== jid) {
      const features = readFeatures(await this.#account.ask(jid, (id) => infoStanza(jid, id)));
      this.#keys = { jid, taken: features.includes(UP_NS.vapid) };
      if (!this.#keys.taken) this.#log.warn('push service keeps no endpoints for one key', { jid });
    }
    return this.#keys.taken;
  }

  /** What `jid` says that it speaks; one that does not answer says nothing. */
  async #dialectOf(jid: string): Promise<Dialect | undefined> {
    try {
      const features = readFeatures(await this.#account.ask(jid, (id) => infoStanza(jid, id)));
      const { dialect: wanted } = this.#options;
      const spoken = (['gultsch', 'legacy'] as const).filter((dialect) => features.includes(UP_NS[dialect]));
      return wanted && spoken.includes(wanted) ? wanted : spoken[0];
    } catch (error) {
      if (!this.#account.online) throw error;
      return undefined;
    }
  }
}

const bareOf = (jid: string): string | undefined => parseJid(jid)?.bare;
