import { randomUUID } from 'node:crypto';
import type { Answer, Conversation, Peer, Request, Service } from '../http2/service.ts';
import { requestFaults } from '../http2/service.ts';
import type { World } from '../http2/world.ts';
import { arrived, misfortune } from '../http2/world.ts';
import { Authority } from './authority.ts';
import type { ApnsEmulatorOptions, ApnsFaults } from './options.ts';
import type { ProviderKeys } from './provider-keys.ts';
import { deviceOf, idOf, objectionTo } from './push.ts';
import type { ApnsReason } from './reasons.ts';
import { apnsCodes, apnsReasons, reasonFor } from './reasons.ts';

const BOOK = { codes: new Set(apnsCodes), faults: new Set(requestFaults) };

/** The provider API of APNs. Each connection remembers whose it is. */
export class ApnsService implements Service {
  readonly #world: World<ApnsFaults>;
  readonly #options: ApnsEmulatorOptions;
  readonly #keys: ProviderKeys;

  constructor(world: World<ApnsFaults>, options: ApnsEmulatorOptions, keys: ProviderKeys) {
    this.#world = world;
    this.#options = options;
    this.#keys = keys;
  }

  converse(peer: Peer): Conversation {
    const authority = new Authority(this.#keys, this.#options, this.#world.clock);
    return (request) => this.#answer(request, peer, authority);
  }

  #answer(request: Request, { certificate }: Peer, authority: Authority): Answer {
    const id = idOf(request) ?? randomUUID();
    const device = deviceOf(request.path);
    if (device === undefined) return this.#refused('BadPath', id);
    if (request.method !== 'POST') return this.#refused('MethodNotAllowed', id);
    if (certificate === 'bad') return this.#refused('BadCertificate', id);
    const byCertificate = certificate === 'good';
    const stranger = byCertificate ? undefined : authority.objection(request.headers.authorization);
    if (stranger) return this.#refused(stranger, id);
    if (device === '') return this.#refused('MissingDeviceToken', id);
    return { target: device, ...this.#push(request, device, id, byCertificate) };
  }

  #push(request: Request, device: string, id: string, byCertificate: boolean): Answer {
    const magic = arrived(this.#world, device, request.body, BOOK);
    if (magic?.do === 'nack') return this.#refused(reasonFor(magic.code), id);
    if (magic && magic.do !== 'canonical') return { ...this.#accepted(id), fault: magic.do };
    if (magic) return this.#accepted(id);
    const objection = objectionTo(request, device, this.#options, byCertificate);
    if (objection) return this.#refused(objection, id);
    const code = misfortune(this.#world, device);
    return code === undefined ? this.#accepted(id) : this.#refused(reasonFor(code), id);
  }

  #accepted(id: string): Answer {
    const unique = this.#options.environment === 'sandbox' ? { 'apns-unique-id': randomUUID() } : undefined;
    return { reply: { status: 200, headers: { 'apns-id': id, ...unique }, body: '' } };
  }

  #refused(reason: ApnsReason, id: string): Answer {
    const status = apnsReasons[reason];
    const { clock, faults } = this.#world;
    const timestamp = status === 410 ? { timestamp: clock.now() - faults.gone_for } : undefined;
    const reply = { status, headers: { 'apns-id': id }, body: JSON.stringify({ reason, ...timestamp }) };
    return { reply, code: reason, last: reason === 'Shutdown' };
  }
}
