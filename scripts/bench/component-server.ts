/**
 * An XMPP server with a component (XEP-0114) and clients that take every push at once. It writes down no more than it has to,
 * so that the machine is left to whoever is measured.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** What the server and the bridge agree on. */
export const COMPONENT = { domain: 'push.example.org', secret: 'bench' } as const;

const STREAM_ID = 'bench';
const HEADER = `<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:component:accept' from='${COMPONENT.domain}' id='${STREAM_ID}'>`;
const NS = 'http://gultsch.de/xmpp/drafts/unified-push';
const END = '</iq>';
/** Registrations without an answer. */
const REGISTERING = 200;

const base64Hash = (text: string) => createHash('sha256').update(text).digest('base64');
const between = (text: string, before: string, after: string): string => {
  const begin = text.indexOf(before) + before.length;
  return text.slice(begin, text.indexOf(after, begin));
};

export class ComponentServer {
  readonly #server = createServer((socket) => this.#greet(socket));
  readonly #online = Promise.withResolvers<Socket>();
  #text = '';
  #pushes = 0;
  #awaited: { readonly count: number; readonly resolve: () => void } | undefined;
  #onRegistered: (endpoint: string) => void = () => {};

  /** @returns the port */
  async start(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** Registers an endpoint for each of so many accounts, and gives their URLs. */
  async register(accounts: number): Promise<readonly string[]> {
    const socket = await this.#online.promise;
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    const endpoints: string[] = [];
    let asked = 0;
    const ask = () => {
      if (asked === accounts) return;
      const application = base64Hash(`application ${asked}`);
      const register = `<register xmlns="${NS}" application="${application}" instance="${base64Hash(`${asked}`)}"/>`;
      const from = `user-${asked}@example.org/phone`;
      socket.write(`<iq type="set" from="${from}" to="${COMPONENT.domain}" id="r${asked}">${register}</iq>`);
      asked++;
    };
    this.#onRegistered = (endpoint) => {
      if (endpoints.push(endpoint) === accounts) resolve(endpoints);
      else ask();
    };
    for (let i = 0; i < Math.min(REGISTERING, accounts); i++) ask();
    return promise;
  }

  /** Resolves when so many pushes have come from now on. */
  pushes(count: number): Promise<void> {
    this.#pushes = 0;
    return new Promise((resolve) => {
      this.#awaited = { count, resolve };
    });
  }

  #greet(socket: Socket): void {
    socket.setEncoding('latin1').setNoDelay(true);
    socket.on('error', () => {});
    let head = '';
    const greet = (chunk: string) => {
      head += chunk;
      if (head.includes('<handshake>')) {
        socket.off('data', greet);
        const hash = createHash('sha1').update(`${STREAM_ID}${COMPONENT.secret}`).digest('hex');
        socket.write(head.includes(`<handshake>${hash}</handshake>`) ? '<handshake/>' : '</stream:stream>');
        this.#online.resolve(socket);
        this.#text = '';
        socket.on('data', (more: string) => this.#read(socket, more));
      } else if (chunk.includes('jabber:component:accept')) socket.write(HEADER);
    };
    socket.on('data', greet);
  }

  #read(socket: Socket, chunk: string): void {
    this.#text += chunk;
    let begin = 0;
    let answers = '';
    for (let end = this.#text.indexOf(END); end >= 0; end = this.#text.indexOf(END, begin)) {
      answers += this.#stanza(this.#text.slice(begin, end));
      begin = end + END.length;
    }
    this.#text = this.#text.slice(begin);
    if (answers !== '') socket.write(answers);
    if (this.#awaited && this.#pushes >= this.#awaited.count) {
      this.#awaited.resolve();
      this.#awaited = undefined;
    }
  }

  /** The answer to an iq. */
  #stanza(iq: string): string {
    if (iq.includes('<registered ')) {
      this.#onRegistered(between(iq, ' endpoint="', '"'));
      return '';
    }
    if (iq.includes('<push ')) this.#pushes++;
    const [to, id] = [between(iq, ' to="', '"'), between(iq, ' id="', '"')];
    return `<iq type="result" from="${to}" to="${COMPONENT.domain}" id="${id}"/>`;
  }
}
