import { client, type LibraryElement, xml } from '@xmpp/client';
import type { Clock } from '../../../lib/clock.ts';
import { deadline } from '../../../lib/deadline.ts';
import { reason } from '../../../lib/log.ts';
import {
  type EndpointName,
  presenceStanza,
  receiptStanza,
  registerStanza,
  UP_NS,
  unregisterStanza,
} from '../../../protocols/unifiedpush/index.ts';
import { ACCOUNT, COMPONENT, DOMAIN } from './prosody.ts';
import { PATIENCE_MS, until } from './waiting.ts';

const STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';

export interface DeviceOptions {
  readonly port: number;
  readonly clock: Clock;
  /** Ids of the messages that came. Whoever leaves with one unconfirmed may get it again from its server. [XEP-0198 §5] */
  readonly seen: Set<string>;
  /** Takes a push. False: nobody here knows this endpoint. */
  readonly onPush: (name: EndpointName, body: Buffer) => boolean;
}

/** A client of an XMPP server that gets pushes in both dialects, as somebody else would write it with @xmpp/client. */
export class Device {
  readonly #options: DeviceOptions;
  readonly #entity: ReturnType<typeof client>;
  readonly #answers = new Map<string, LibraryElement>();
  #ids = 0;

  private constructor(options: DeviceOptions, resource: string) {
    this.#options = options;
    this.#entity = client({ service: `xmpp://127.0.0.1:${options.port}`, domain: DOMAIN, ...ACCOUNT, resource });
    this.#entity.reconnect.stop();
    // What goes wrong is seen where something is waited for.
    this.#entity.on('error', () => {});
    this.#entity.on('stanza', (stanza: LibraryElement) => this.#read(stanza));
    this.#entity.iqCallee.set(UP_NS.gultsch, 'push', ({ stanza }) => this.#answer(stanza));
  }

  /** Logs in, and says to the push service that it is there. */
  static async logIn(options: DeviceOptions, resource: string): Promise<Device> {
    const device = new Device(options, resource);
    await deadline(options.clock, device.#entity.start(), PATIENCE_MS, 'login at Prosody');
    await device.#entity.write('<presence/>');
    await device.#entity.write(presenceStanza(COMPONENT, true));
    return device;
  }

  /** The URL of the endpoint of this name. */
  async register(name: EndpointName): Promise<string> {
    const answer = await this.#ask((id) => registerStanza(COMPONENT, id, name));
    const url =
      answer.getChild('registered', UP_NS.gultsch)?.attrs.endpoint ??
      answer.getChild('register', UP_NS.legacy)?.getChildText('endpoint');
    if (!url) throw new Error(`no endpoint: ${answer}`);
    return url;
  }

  /** Ends an endpoint of the old dialect; the other has no words for it. */
  async unregister(token: string): Promise<void> {
    await this.#ask((id) => unregisterStanza(COMPONENT, id, token));
  }

  /** Closes its stream in order. */
  async leave(): Promise<void> {
    await deadline(this.#options.clock, this.#entity.stop(), PATIENCE_MS, 'goodbye to Prosody');
  }

  async #ask(stanza: (id: string) => string): Promise<LibraryElement> {
    const id = `ask-${++this.#ids}`;
    await this.#entity.write(stanza(id));
    await until(this.#options.clock, () => this.#answers.has(id), 'the answer of the push service');
    const answer = this.#answers.get(id);
    if (answer?.attrs.type !== 'result') throw new Error(`refused: ${answer}`);
    return answer;
  }

  #read(stanza: LibraryElement): void {
    const { id = '', type, from = '' } = stanza.attrs;
    if (stanza.name === 'iq' && (type === 'result' || type === 'error')) this.#answers.set(id, stanza);
    const token = stanza.name === 'message' ? stanza.getChildText('subject') : null;
    if (token === null || from !== COMPONENT) return;
    const content = stanza.getChildText('content', UP_NS.content);
    const body = content === null ? Buffer.from(stanza.getChildText('body') ?? '') : Buffer.from(content, 'base64');
    const { seen, onPush } = this.#options;
    if (!seen.has(id)) onPush({ dialect: 'legacy', token }, body);
    seen.add(id);
    this.#entity.write(receiptStanza(from, id)).catch((error) => this.#entity.emit('error', reason(error)));
  }

  #answer(stanza: LibraryElement): LibraryElement | true {
    const push = stanza.getChild('push', UP_NS.gultsch);
    const { application = '', instance = '' } = push?.attrs ?? {};
    const body = Buffer.from(push?.text() ?? '', 'base64');
    const known =
      stanza.attrs.from === COMPONENT && this.#options.onPush({ dialect: 'gultsch', application, instance }, body);
    return known || xml('error', { type: 'cancel' }, [xml('item-not-found', { xmlns: STANZAS }, [])]);
  }
}
