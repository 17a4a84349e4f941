import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { StanzaParser, type XmlElement } from '../../src/protocols/xmpp/index.ts';

const HEADER =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='localhost' id='1' version='1.0'>";
const MECHANISMS =
  "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>";
const BIND = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";

export const GULTSCH = 'http://gultsch.de/xmpp/drafts/unified-push';
const INFO = 'http://jabber.org/protocol/disco#info';
const ITEMS = 'http://jabber.org/protocol/disco#items';

/** How the push service behind the server behaves; may be changed at any time. */
export interface Behaviour {
  password: string;
  /** Pings get no answer. */
  mute: boolean;
  /** Whoever connects hears nothing at all. */
  hang: boolean;
  /** Its features; empty: there is no push service. */
  features: string[];
  /** What a registration comes to: the children of the answer, or `<error …>` for an error. */
  register: (asked: XmlElement, jid: string) => string;
}

/**
 * An XMPP server for one account, written out by hand, and the push service `push.localhost` behind it. Stanzas of the
 * client are kept for the test to look at.
 */
export class XmppServer {
  readonly behaviour: Behaviour = {
    password: 'pencil',
    mute: false,
    hang: false,
    features: [GULTSCH],
    register: (asked) => {
      const { instance = '' } = asked.attrs;
      if (asked.ns !== GULTSCH)
        return `<register xmlns='unifiedpush.org'><endpoint>https://push.example/UP?token=x</endpoint></register>`;
      return `<registered xmlns='${GULTSCH}' endpoint='https://push.example/push/${encodeURIComponent(instance)}' expiration='2099-01-01T00:00:00Z'/>`;
    },
  };
  readonly #server: Server = createServer((socket) => this.#serve(socket));
  #socket: Socket | undefined;
  #kept: XmlElement[] = [];
  #change = Promise.withResolvers<void>();
  logins = 0;
  connections = 0;
  /** The full JID of the client. */
  jid = '';

  port = 0;
  #away = false;

  async start(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
    return this.port;
  }

  async stop(): Promise<void> {
    this.#socket?.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Nobody gets in any more; the port stays its own, so that nobody else can take it. */
  leave(): void {
    this.#away = true;
    this.#socket?.destroy();
  }

  comeBack(): void {
    this.#away = false;
  }

  send(xml: string): void {
    this.#socket?.write(xml);
  }

  /** Cuts the connection. */
  drop(): void {
    this.#socket?.destroy();
  }

  /** The first stanza that fits, taken out. */
  async stanza(fits: (one: XmlElement) => boolean): Promise<XmlElement> {
    for (;;) {
      const at = this.#kept.findIndex(fits);
      const [found] = at < 0 ? [] : this.#kept.splice(at, 1);
      if (found) return found;
      await this.#change.promise;
    }
  }

  /** This many connections have been made in all. */
  async connected(count: number): Promise<void> {
    while (this.connections < count) await this.#change.promise;
  }

  /** What came and was not taken. */
  get rest(): readonly XmlElement[] {
    return this.#kept;
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  #serve(socket: Socket): void {
    this.#socket = socket;
    if (this.#away) {
      socket.destroy();
      return;
    }
    this.connections++;
    socket.on('error', () => {});
    this.#changed();
    if (this.behaviour.hang) {
      socket.resume();
      return;
    }
    let authenticated = false;
    const parser = new StanzaParser({
      onStart: () => socket.write(HEADER + (authenticated ? BIND : MECHANISMS)),
      onElement: (element) => {
        if (element.name === 'auth') {
          const [, , password] = Buffer.from(element.text, 'base64').toString().split('\0');
          if (password !== this.behaviour.password) {
            socket.write("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
            return;
          }
          authenticated = true;
          parser.restart();
          socket.write("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        } else this.#stanza(socket, element);
      },
      onEnd: () => socket.end('</stream:stream>'),
      onError: () => socket.destroy(),
    });
    socket.on('data', (chunk: Buffer) => parser.write(chunk));
  }

  #stanza(socket: Socket, element: XmlElement): void {
    const { id = '', to = 'localhost', type } = element.attrs;
    const child = element.firstElement;
    const answer = (inner: string, kind = 'result') =>
      socket.write(`<iq type='${kind}' id='${id}' from='${to}' to='${this.jid}'>${inner}</iq>`);
    if (element.name === 'iq' && (type === 'get' || type === 'set') && child) {
      if (child.name === 'bind') {
        this.logins++;
        this.jid = `romeo@localhost/${child.firstElement?.text ?? 'none'}`;
        answer(`<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>${this.jid}</jid></bind>`);
        return;
      }
      if (child.ns === ITEMS)
        return void answer(`<query xmlns='${ITEMS}'><item jid='chat.localhost'/><item jid='push.localhost'/></query>`);
      if (child.ns === INFO) {
        const features = to === 'push.localhost' ? this.behaviour.features : [INFO];
        return void answer(
          `<query xmlns='${INFO}'>${features.map((one) => `<feature var='${one}'/>`).join('')}</query>`,
        );
      }
      if (child.name === 'ping' && !this.behaviour.mute) answer('');
      if (child.name === 'register') {
        const inner = this.behaviour.register(child, this.jid);
        answer(inner, inner.startsWith('<error') ? 'error' : 'result');
      }
    }
    this.#kept.push(element);
    this.#changed();
  }
}
