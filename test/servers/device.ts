import { client, xml } from '@xmpp/client';
import { systemClock } from '../../src/lib/clock.ts';
import { deadline } from '../../src/lib/deadline.ts';
import { until } from '../providers/xmpp/until.ts';
import { COMPONENT, HOST } from './server.ts';

const GULTSCH = 'http://gultsch.de/xmpp/drafts/unified-push';
const STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';

/** Real time for one login, in milliseconds, and how many are tried. */
const LOGIN_MS = 8_000;
const LOGINS_MAX = 3;

/** A client that pushes reach, as its author would write it with @xmpp/client: what it says is written here by hand. */
export class Device {
  /** Pushes as they came. */
  readonly pushes: string[] = [];
  /** The condition that pushes of the newer dialect are answered with; undefined: they are taken. */
  refuses: string | undefined;
  /** Why the server ended the stream. */
  readonly errors: string[] = [];
  readonly #entity: ReturnType<typeof client>;
  readonly #answers = new Map<string, string>();
  #ids = 0;

  private constructor(entity: ReturnType<typeof client>) {
    this.#entity = entity;
    entity.reconnect.stop();
    entity.on('error', (error: Error) => this.errors.push(error.message));
    entity.on('stanza', (stanza: { name: string; attrs: Record<string, string>; toString(): string }) => {
      const text = stanza.toString();
      if (stanza.name === 'message' && text.includes('<subject>')) this.pushes.push(text);
      else if (stanza.name === 'iq' && /^(result|error)$/.test(stanza.attrs.type ?? '')) {
        this.#answers.set(stanza.attrs.id ?? '', text);
      }
    });
    entity.iqCallee.set(GULTSCH, 'push', ({ stanza }) => {
      this.pushes.push(stanza.toString());
      return this.refuses === undefined
        ? true
        : xml('error', { type: 'cancel' }, [xml(this.refuses, { xmlns: STANZAS }, [])]);
    });
  }

  /** Logs in, and says to the account's server that it is there. */
  static async logIn(port: number, username: string, resource: string): Promise<Device> {
    const service = `xmpp://127.0.0.1:${port}`;
    for (let tries = 1; ; tries++) {
      const device = new Device(client({ service, domain: HOST, username, password: 'password', resource }));
      try {
        // The library may wait for ever for a server that was slow at a moment.
        await deadline(systemClock, device.#entity.start(), LOGIN_MS, 'login');
        await device.say('<presence/>');
        return device;
      } catch (error) {
        await device.leave();
        if (tries === LOGINS_MAX) throw error;
      }
    }
  }

  get jid(): string {
    return this.#entity.jid.toString();
  }

  say(xml: string): Promise<void> {
    return this.#entity.write(xml);
  }

  /** Says to the service alone that it is there. */
  greet(): Promise<void> {
    return this.say(`<presence to="${COMPONENT}"/>`);
  }

  /** Asks the service, and gives its answer. */
  async ask(child: string, attributes = 'type="set"'): Promise<string> {
    const id = `ask-${++this.#ids}`;
    await this.say(`<iq ${attributes} to="${COMPONENT}" id="${id}">${child}</iq>`);
    await until(() => this.#answers.has(id) || this.errors.length > 0, `the answer to ${child}`);
    return this.#answers.get(id) ?? '';
  }

  /** Asks for an endpoint, and gives its URL. */
  async register(child: string): Promise<string> {
    const answer = await this.ask(child);
    const [, text, attribute] = /<endpoint>([^<]+)<|endpoint="([^"]+)"/.exec(answer) ?? [];
    const url = text ?? attribute;
    if (url === undefined) throw new Error(`no endpoint: ${answer}`);
    return url;
  }

  /** The next push that came, which is taken from the list. */
  async next(): Promise<string> {
    await until(() => this.pushes.length > 0, 'a push');
    return this.pushes.shift() ?? '';
  }

  /** Closes its stream in order. */
  async leave(): Promise<void> {
    await this.#entity.stop().catch(() => {});
  }
}
