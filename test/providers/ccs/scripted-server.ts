import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { createCertificate, LOCAL_NAMES, type ServerCertificate } from '../../../src/emulator/certificate.ts';

const DAY = 86_400_000;
const valid = { notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + DAY) };
export const goodCertificate = createCertificate({ names: LOCAL_NAMES, ...valid });
export const otherHost = createCertificate({ names: ['gcm.googleapis.com'], ...valid });

export const STREAM =
  '<stream:stream from="gcm.googleapis.com" id="A89EBEF93CBB12CF" version="1.0" xmlns:stream="http://etherx.jabber.org/streams" xmlns="jabber:client">';
export const MECHANISMS =
  '<stream:features><mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>X-OAUTH2</mechanism><mechanism>X-GOOGLE-TOKEN</mechanism><mechanism>PLAIN</mechanism></mechanisms></stream:features>';
export const SUCCESS = '<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>';
export const BIND =
  '<stream:features><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></stream:features>';

/** What the server does at each step of a login; a test replaces what it is about. */
export interface Script {
  hello(peer: Peer): void;
  auth(peer: Peer): void;
  restarted(peer: Peer): void;
  bind(peer: Peer, id: string): void;
  /** After the login, for each complete `<message>` of the client. */
  message(peer: Peer, message: Sent): void;
  /** After the login, for everything that is not a message. */
  other(peer: Peer, text: string): void;
}

/** A message of the client. */
export interface Sent {
  readonly raw: string;
  readonly id: string;
  readonly json: Record<string, unknown>;
}

const quiet: Script = {
  hello: (peer) => peer.write(STREAM + MECHANISMS),
  auth: (peer) => peer.write(SUCCESS),
  restarted: (peer) => peer.write(STREAM + BIND),
  bind: (peer, id) => peer.bound(id),
  message() {},
  other() {},
};

export const unescapeXml = (text: string): string =>
  text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');

/** A payload in a `<message>` of the form that acks have. */
export function stanzaOf(fields: object | string): string {
  const json = typeof fields === 'string' ? fields : JSON.stringify(fields);
  const text = json.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<message><data:gcm xmlns:data="google:mobile:data">${text}</data:gcm></message>`;
}

/** One connection, seen from the server. */
export class Peer {
  readonly socket: TLSSocket;
  readonly #script: Script;
  /** Everything that came. */
  text = '';
  /** What came with one `data` event each: how writes were batched. */
  readonly chunks: string[] = [];
  readonly messages: Sent[] = [];
  readonly number: number;
  closed = false;
  online = false;
  /** The client closed its stream. */
  footer = false;
  #read = 0;
  #step: 'hello' | 'auth' | 'restarted' | 'bind' | 'online' = 'hello';

  constructor(socket: TLSSocket, script: Script, number: number) {
    this.socket = socket;
    this.#script = script;
    this.number = number;
    socket.setEncoding('utf8');
    socket.setNoDelay(true);
    socket.on('data', (chunk: string) => {
      this.text += chunk;
      this.chunks.push(chunk);
      this.#advance();
    });
    socket.on('error', () => {});
    socket.on('close', () => (this.closed = true));
  }

  write(text: string | Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(text);
  }

  /** Closes without a word. */
  drop(): void {
    this.socket.destroy();
  }

  /** The answer to the binding, and whatever is to come in the same chunk. */
  bound(id: string, more = ''): void {
    this.write(
      `<iq type="result" id="${id}"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><jid>1@gcm.googleapis.com/R</jid></bind></iq>${more}`,
    );
  }

  /** A payload in a `<message>` of the form that acks have. */
  say(fields: object | string): void {
    this.write(stanzaOf(fields));
  }

  ack(message: Sent, more: object = {}): void {
    this.say({ from: message.json.to, message_id: message.json.message_id, message_type: 'ack', ...more });
  }

  nack(message: Sent, error: string, more: object = {}): void {
    this.say({ from: message.json.to, message_id: message.json.message_id, message_type: 'nack', error, ...more });
  }

  /** Acks of upstream messages and receipts that came. */
  get acks(): Record<string, unknown>[] {
    return this.messages.filter((m) => m.json.message_type === 'ack').map((m) => m.json);
  }

  get downstream(): Sent[] {
    return this.messages.filter((m) => m.json.message_type === undefined);
  }

  #advance(): void {
    for (;;) {
      const rest = this.text.slice(this.#read);
      const match = this.#next(rest);
      if (!match) return;
      this.#read += match.index + match[0].length;
      this.#act(match);
    }
  }

  #next(rest: string): RegExpExecArray | null {
    switch (this.#step) {
      case 'hello':
      case 'restarted':
        return /<stream:stream [^>]*>/.exec(rest);
      case 'auth':
        return /<auth [^>]*>[^<]*<\/auth>/.exec(rest);
      case 'bind':
        return /<iq [^>]*id="([^"]*)"[^>]*>.*?<\/iq>/.exec(rest);
      case 'online':
        return /^(?:<message id="([^"]*)"><gcm xmlns="google:mobile:data">(.*?)<\/gcm><\/message>|<iq [^>]*\/>|<iq .*?<\/iq>|<\/stream:stream>| +|<stream:error>.*?<\/stream:error>)/s.exec(
          rest,
        );
    }
  }

  #act(match: RegExpExecArray): void {
    switch (this.#step) {
      case 'hello':
        this.#step = 'auth';
        this.#script.hello(this);
        break;
      case 'auth':
        this.#step = 'restarted';
        this.#script.auth(this);
        break;
      case 'restarted':
        this.#step = 'bind';
        this.#script.restarted(this);
        break;
      case 'bind':
        this.#step = 'online';
        this.online = true;
        this.#script.bind(this, match[1] ?? '');
        break;
      case 'online':
        this.#stanza(match);
        break;
    }
  }

  #stanza(match: RegExpExecArray): void {
    if (match[2] !== undefined) {
      const sent = { raw: match[0], id: match[1] ?? '', json: JSON.parse(unescapeXml(match[2])) };
      this.messages.push(sent);
      this.#script.message(this, sent);
    } else if (match[0] === '</stream:stream>') {
      this.footer = true;
      this.socket.end('</stream:stream>');
    } else this.#script.other(this, match[0]);
  }
}

export interface ScriptedServer extends AsyncDisposable {
  readonly port: number;
  readonly peers: Peer[];
  readonly script: Script;
  /** Path of the authority's certificate. */
  readonly ca: string;
  /** Connections from now on see this certificate. */
  certify(certificate: ServerCertificate): void;
}

/** A CCS that does what a test tells it to, byte for byte. */
export async function scriptedServer(
  script: Partial<Script> = {},
  certificate = goodCertificate,
): Promise<ScriptedServer> {
  const peers: Peer[] = [];
  const whole: Script = { ...quiet, ...script };
  const server: Server = createServer({ cert: certificate.cert, key: certificate.key }, (socket) => {
    peers.push(new Peer(socket, whole, peers.length));
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const folder = mkdtempSync(join(tmpdir(), 'ccs-'));
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, certificate.ca);
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    peers,
    script: whole,
    ca,
    certify: ({ cert, key }) => server.setSecureContext({ cert, key }),
    async [Symbol.asyncDispose]() {
      for (const peer of peers) peer.drop();
      rmSync(folder, { recursive: true, force: true });
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
