import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { until } from './until.ts';

export const DOMAIN = 'up.example';
export const SECRET = 'Geheimnis ✓';
const STREAM_ID = '3BF96D32';

const HEADER =
  "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:component:accept' from='up.example' id='3BF96D32'>";
const STANZA = /<(iq|message|presence)\b(?:[^>]*\/>|[^>]*[^/]>.*?<\/\1>)/gs;

/** What the server does at each step of a login; a test replaces what it is about. */
export interface Script {
  header(peer: Peer): void;
  /** @param right whether it is the hash of stream id and secret. [XEP-0114 §3] */
  handshake(peer: Peer, right: boolean): void;
  stanza(peer: Peer, stanza: string): void;
}

const quiet: Script = {
  header: (peer) => peer.write(HEADER),
  handshake: (peer, right) => peer.write(right ? '<handshake/>' : NOT_AUTHORIZED),
  stanza() {},
};

const NOT_AUTHORIZED =
  '<stream:error><not-authorized xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error></stream:stream>';

/** One connection, seen from the server. */
export class Peer {
  readonly socket: Socket;
  /** Everything that came. */
  text = '';
  /** Whole stanzas, as they came. */
  readonly stanzas: string[] = [];
  online = false;
  #read = 0;
  #greeted = false;

  constructor(socket: Socket, script: Script) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.text += chunk.toString();
      if (this.text.endsWith('</stream:stream>')) socket.end('</stream:stream>');
      if (!this.#greeted && this.text.includes('jabber:component:accept')) {
        this.#greeted = true;
        script.header(this);
      }
      const hash = /<handshake>([0-9a-f]+)<\/handshake>/.exec(this.text)?.[1];
      if (!this.online && hash !== undefined) {
        const right =
          createHash('sha1')
            .update(STREAM_ID + SECRET)
            .digest('hex') === hash;
        this.online = right;
        script.handshake(this, right);
      }
      STANZA.lastIndex = this.#read;
      for (let match = STANZA.exec(this.text); match; match = STANZA.exec(this.text)) {
        this.#read = STANZA.lastIndex;
        this.stanzas.push(match[0]);
        script.stanza(this, match[0]);
      }
    });
  }

  write(xml: string): void {
    this.socket.write(xml);
  }

  /** The next stanza that has this in it, and is taken from the list. */
  async next(what: string | RegExp): Promise<string> {
    let at = -1;
    await until(() => {
      at = this.stanzas.findIndex((stanza) => (typeof what === 'string' ? stanza.includes(what) : what.test(stanza)));
      return at >= 0;
    }, `a stanza with ${what}`);
    return this.stanzas.splice(at, 1)[0] ?? '';
  }
}

/** A server that takes components and does what the test says. */
export class ScriptedServer {
  readonly #script: Script;
  #server: Server | undefined;
  readonly peers: Peer[] = [];
  port = 0;

  constructor(script: Partial<Script> = {}) {
    this.#script = { ...quiet, ...script };
  }

  async start(): Promise<void> {
    const server = createServer((socket) => void this.peers.push(new Peer(socket, this.#script)));
    this.#server = server;
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address !== null && typeof address === 'object') this.port = address.port;
  }

  /** The newest connection, once it has logged in. */
  async peer(count = 1): Promise<Peer> {
    await until(() => this.peers.length >= count && this.peers.at(-1)?.online === true, `login ${count}`);
    const peer = this.peers.at(-1);
    if (!peer) throw new Error('no peer');
    return peer;
  }

  async stop(): Promise<void> {
    for (const { socket } of this.peers) socket.destroy();
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.close();
    await once(server, 'close');
  }
}
