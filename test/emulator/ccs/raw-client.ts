import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import type { ExecutionContext } from 'ava';
import type { Emulator, EmulatorInput } from '../../../src/emulator/index.ts';
import { createEmulator } from '../../../src/emulator/index.ts';

export const HEADER =
  '<stream:stream to="gcm.googleapis.com" version="1.0" xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams">';
export const BIND = '<iq type="set"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"></bind></iq>';

export function auth(user = '123456@gcm.googleapis.com', key = 'key'): string {
  const plain = Buffer.from(`\0${user}\0${key}`).toString('base64');
  return `<auth mechanism="PLAIN" xmlns="urn:ietf:params:xml:ns:xmpp-sasl">${plain}</auth>`;
}

const plain = (xml: string): string =>
  xml.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');

export const gcm = (json: unknown): string =>
  `<message><gcm xmlns="google:mobile:data">${JSON.stringify(json).replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</gcm></message>`;

export type Json = Readonly<Record<string, unknown>>;

/** A client that knows TLS and text, and nothing of our own grammar. */
export class RawClient {
  readonly socket: TLSSocket;
  /** Everything that came and was not taken yet. */
  seen = '';
  /** Each piece as it was read. */
  readonly chunks: string[] = [];
  closed = false;
  error: NodeJS.ErrnoException | undefined;
  #wake = Promise.withResolvers<void>();
  #witnesses = 0;

  /** @param server where it listens, and whom to trust */
  constructor(server: Pick<Emulator, 'port' | 'caPem'>) {
    this.socket = connect({ port: server.port, host: '127.0.0.1', servername: 'localhost', ca: server.caPem });
    this.socket.setEncoding('utf8');
    this.socket.on('data', (chunk: string) => {
      this.seen += chunk;
      this.chunks.push(chunk);
      this.#turn();
    });
    this.socket.on('error', (error) => {
      this.error = error;
    });
    this.socket.on('end', () => this.#turn());
    this.socket.on('close', () => {
      this.closed = true;
      this.#turn();
    });
  }

  #turn(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  write(xml: string): void {
    this.socket.write(xml);
  }

  /** Waits for something of this form, takes it and all before it. */
  async expect(form: RegExp, ms = 5_000): Promise<RegExpExecArray> {
    const end = Date.now() + ms;
    for (;;) {
      const match = form.exec(this.seen);
      if (match) {
        this.seen = this.seen.slice(match.index + match[0].length);
        return match;
      }
      const left = end - Date.now();
      if (left <= 0 || this.closed) throw new Error(`no ${form}${this.closed ? ' (closed)' : ''} in: ${this.seen}`);
      const timer = setTimeout(() => this.#turn(), left);
      await this.#wake.promise;
      clearTimeout(timer); // else the process would wait for it when all tests are done
    }
  }

  /** The JSON of the next message, whatever its element is called. */
  async json(): Promise<Json> {
    const [, body = ''] = await this.expect(/<message[^>]*><(?:data:)?gcm[^>]*>([^<]*)<\/(?:data:)?gcm><\/message>/);
    return JSON.parse(plain(body));
  }

  async jsons(count: number): Promise<Json[]> {
    const all: Json[] = [];
    while (all.length < count) all.push(await this.json());
    return all;
  }

  async untilClosed(ms = 5_000): Promise<void> {
    await until(() => this.closed, ms);
  }

  /** Logs in; the jid. */
  async login(user?: string, key?: string): Promise<string> {
    this.write(HEADER);
    await this.expect(/<\/stream:features>/);
    this.write(auth(user, key));
    await this.expect(/<success[^>]*>/);
    this.write(HEADER + BIND);
    const [, jid = ''] = await this.expect(/<jid>([^<]*)<\/jid><\/bind><\/iq>/);
    return jid;
  }

  /**
   * What came until the answer to a ping, which the server gives when it has handled all that was sent before: what a test
   * expects not to come will not come any more.
   */
  async said(): Promise<string> {
    const id = `witness-${this.#witnesses++}`;
    this.write(`<iq type="get" id="${id}"><ping xmlns="urn:xmpp:ping"/></iq>`);
    const [before = ''] = await this.expect(new RegExp(`^.*?<iq [^>]*id="${id}"[^>]*>`, 's'));
    return before.replace(/<iq [^>]*>$/, '');
  }

  send(json: unknown): void {
    this.write(gcm(json));
  }

  ack(message: Json): void {
    this.send({ to: message.from, message_id: message.message_id, message_type: 'ack' });
  }
}

/** An emulator for one test, and what makes clients of it. */
export async function start(t: ExecutionContext, input: EmulatorInput = {}) {
  const emulator = createEmulator({ port: 0, ...input });
  await emulator.start();
  const clients: RawClient[] = [];
  t.teardown(async () => {
    for (const { socket } of clients) socket.destroy();
    await emulator.stop();
  });
  const open = (): RawClient => {
    const client = new RawClient(emulator);
    clients.push(client);
    return client;
  };
  const login = async (user?: string, key?: string): Promise<RawClient> => {
    const client = open();
    await client.login(user, key);
    return client;
  };
  return { emulator, control: emulator.control, open, login };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `true`; for what only the emulator knows. */
export async function until(what: () => boolean, ms = 5_000): Promise<void> {
  for (const end = Date.now() + ms; !what(); await pause(5)) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
  }
}
