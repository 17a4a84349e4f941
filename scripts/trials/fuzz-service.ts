/** A CCS service that logs clients in and then sends them rubbish, at any time. */
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { NS, type XmlElement } from '../../src/protocols/xmpp/index.ts';
import { BIND, goodCertificate, MECHANISMS, STREAM, SUCCESS } from '../../test/providers/ccs/scripted-server.ts';
import { Chance } from './fuzz-chance.ts';
import { stanza } from './fuzz-stanzas.ts';
import { within } from './fuzz-target.ts';
import { FuzzFailure, type Tally } from './fuzz-trial.ts';
import { XmlModel, XmlPeer } from './fuzz-xml.ts';

/** Stanzas between two looks at whether the client still answers, and such looks on one connection. */
const STANZAS = 60;
const ROUNDS = 5;
/** Message ids that a connection remembers, to answer them in its own way. */
const IDS = 100;
/** How long a login that was spoilt may go on, in milliseconds. */
const SPOILT_MS = 300;

const steps = ['hello', 'auth', 'restarted', 'bind'] as const;
type Step = (typeof steps)[number];

export interface Service {
  readonly port: number;
  /** While there is peace, the service does what it should. */
  peace: boolean;
  /** Rejects when a client did something that it must not. */
  readonly failed: Promise<never>;
  stop(): void;
}

export async function startService(tally: Tally): Promise<Service> {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const sockets = new Set<TLSSocket>();
  const service = { port: 0, peace: true, failed: failed.promise, stop };
  const server: Server = createServer({ cert: goodCertificate.cert, key: goodCertificate.key }, (socket) => {
    const number = tally.connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    new Connection(socket, Chance.of(tally.options.seed, number), tally, service).run().catch((cause: Error) => {
      const bytes = cause instanceof FuzzFailure ? cause.bytes : Buffer.alloc(0);
      failed.reject(new FuzzFailure(`connection ${number}: ${cause.message}`, bytes, { cause }));
    });
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  service.port = typeof address === 'object' && address ? address.port : 0;
  function stop(): void {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
  return service;
}

class Connection {
  readonly #peer: XmlPeer;
  readonly #chance: Chance;
  readonly #tally: Tally;
  readonly #service: { readonly peace: boolean };
  /** The step of the login that is spoilt, if any. */
  readonly #spoilt: Step | undefined;
  readonly #online = Promise.withResolvers<void>();
  #headers = 0;
  #isOnline = false;
  #ids: string[] = [];
  #asked: { readonly id: string; answered(): void } | undefined;

  constructor(socket: TLSSocket, chance: Chance, tally: Tally, service: { readonly peace: boolean }) {
    this.#chance = chance;
    this.#tally = tally;
    this.#service = service;
    this.#spoilt = !service.peace && chance.odds(0.05) ? chance.pick(steps) : undefined;
    this.#peer = new XmlPeer(socket, {
      onStart: () => this.#started(),
      onElement: (element) => this.#element(element),
    });
  }

  async run(): Promise<void> {
    const { ended } = this.#peer;
    await Promise.race([this.#online.promise, ended]);
    for (let round = 0; round < ROUNDS && this.#isOnline && !this.#service.peace && !this.#tally.due; round++) {
      if (!(await this.#round())) break;
    }
    // In peace it stays open until the client goes, or the war goes on.
    while (this.#isOnline && this.#service.peace) {
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 20))]);
      if (this.#peer.socket.destroyed) return;
    }
    this.#peer.write('</stream:stream>');
    this.#peer.socket.end();
    const impatience = setTimeout(() => this.#peer.socket.destroy(), 2_000);
    await ended.finally(() => clearTimeout(impatience));
  }

  /** Sends stanzas and asks whether the client lives. False when the connection is over. */
  async #round(): Promise<boolean> {
    const chance = this.#chance;
    const model = new XmlModel();
    // A first stanza of the good sort: a connection that brought nothing would make the client wait before the next.
    const parts: Buffer[] = [Buffer.from('<message/>')];
    while (parts.length <= STANZAS && model.open) {
      const part = stanza(chance, 'service', this.#ids);
      model.push(part);
      parts.push(part);
    }
    this.#tally.cases += parts.length - 1;
    const id = `ask ${chance.int(1e9)}`;
    const question = `<iq type="get" id="${id}"><ping xmlns="${NS.ping}"/></iq>`;
    if (model.open) {
      model.push(question);
      parts.push(Buffer.from(question));
    }
    // The question has become part of something that does not end.
    const isCut = model.open && !model.ids.has(id);
    const bytes = Buffer.concat(parts);
    const answer = new Promise<'answered'>((resolve) => {
      this.#asked = { id, answered: () => resolve('answered') };
    });
    const cut = chance.odds(0.2) ? chance.int(bytes.length) : 0;
    this.#peer.write(bytes.subarray(0, cut));
    setImmediate(() => {
      this.#peer.write(bytes.subarray(cut));
      if (isCut) this.#peer.socket.end();
    });
    try {
      const end = await within(Promise.race([answer, this.#peer.ended]), 'the client neither answers nor closes');
      this.#judge(model, end === 'answered');
      return end === 'answered' && model.open;
    } catch (cause) {
      throw new FuzzFailure((cause as Error).message, bytes, { cause });
    }
  }

  #judge(model: XmlModel, answered: boolean): void {
    const { streamError } = this.#peer;
    if (streamError !== undefined) {
      this.#tally.refused(`stream error ${streamError}`);
      if (streamError !== model.unreadable) throw new Error(`${model.unreadable} expected, ${streamError} came`);
    } else if (model.unreadable !== undefined && answered) {
      throw new Error(`${model.unreadable} expected, but the client goes on`);
    }
  }

  #started(): void {
    if (++this.#headers === 1) this.#reply('hello', STREAM + MECHANISMS);
    else if (this.#headers === 2) this.#reply('restarted', STREAM + BIND);
  }

  #element(element: XmlElement): void {
    if (element.is('auth', NS.sasl)) {
      this.#peer.restart();
      this.#reply('auth', SUCCESS);
    } else if (element.name === 'message') this.#message(element);
    else if (element.attrs.type === 'set' && element.child('bind', NS.bind)) {
      this.#reply('bind', bound(element.attrs.id ?? ''));
      this.#isOnline = this.#spoilt === undefined;
      this.#online.resolve();
    } else if (element.attrs.id === this.#asked?.id) this.#asked?.answered();
  }

  #message(element: XmlElement): void {
    const { message_id: id, message_type: type } = JSON.parse(element.child('gcm', 'google:mobile:data')?.text ?? '{}');
    if (type === 'ack') return;
    if (this.#ids.push(id) > IDS) this.#ids = this.#ids.slice(-IDS / 2);
    if (!this.#service.peace && this.#chance.odds(0.5)) return; // it may be answered in our own way, or never
    const json = JSON.stringify({ from: 'token', message_id: id, message_type: 'ack' });
    // The reader of a stanza that we have not ended would take this for a part of it, so it goes out on its own.
    if (this.#asked === undefined || this.#service.peace) this.#peer.write(gcm(json));
  }

  /** The right answer of a login, or something else in place of it or before it. */
  #reply(step: Step, right: string): void {
    if (this.#spoilt !== step) {
      this.#peer.write(right);
      return;
    }
    const chance = this.#chance;
    this.#peer.lenient = true;
    this.#tally.cases++;
    this.#tally.refused(`login spoilt at ${step}`);
    const roll = chance.float();
    if (roll < 0.4) this.#peer.write(chance.mutated(Buffer.from(right)));
    else if (roll < 0.6) this.#peer.write(chance.pick(JUNK) + right);
    else if (roll < 0.8) this.#peer.write(chance.pick(JUNK));
    else if (roll < 0.9) this.#peer.write(Buffer.concat([stanza(chance, 'service', []), Buffer.from(right)]));
    else this.#peer.write(chance.bytes(chance.int(200)));
    setTimeout(() => this.#peer.socket.destroy(), SPOILT_MS);
  }
}

const gcm = (json: string) =>
  `<message><gcm xmlns="google:mobile:data">${json.replaceAll('<', '&lt;')}</gcm></message>`;
const bound = (id: string) =>
  `<iq type="result" id="${id}"><bind xmlns="${NS.bind}"><jid>1@gcm.googleapis.com/R</jid></bind></iq>`;

/** What a server should not say while a client logs in. */
const JUNK = [
  '',
  ' ',
  '</stream:stream>',
  '<stream:features/>',
  `<stream:features><mechanisms xmlns="${NS.sasl}"><mechanism>X-OAUTH2</mechanism></mechanisms></stream:features>`,
  `<failure xmlns="${NS.sasl}"><temporary-auth-failure/></failure>`,
  `<failure xmlns="${NS.sasl}"/>`,
  `<challenge xmlns="${NS.sasl}">AAAA</challenge>`,
  SUCCESS,
  '<stream:error><host-unknown xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error>',
  '<stream:error><see-other-host xmlns="urn:ietf:params:xml:ns:xmpp-streams">evil</see-other-host></stream:error>',
  '<iq type="result"/>',
  '<iq type="error" id="x"><error/></iq>',
  '<iq type="get" id="x"><ping xmlns="urn:xmpp:ping"/></iq>',
  '<message><gcm xmlns="google:mobile:data">{"message_type":"ack","message_id":"w"}</gcm></message>',
  '<!DOCTYPE x>',
];
