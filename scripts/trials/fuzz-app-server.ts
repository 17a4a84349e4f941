/** An app server that logs in to the emulator, or nearly so, and sends it rubbish. */
import { type ConnectionOptions, connect } from 'node:tls';
import { NS, type XmlElement } from '../../src/protocols/xmpp/index.ts';
import { auth, BIND, gcm, HEADER } from '../../test/emulator/ccs/raw-client.ts';
import type { Chance } from './fuzz-chance.ts';
import { stanza } from './fuzz-stanzas.ts';
import type { Tally } from './fuzz-trial.ts';
import { XmlModel, XmlPeer } from './fuzz-xml.ts';

/** Stanzas between two looks at whether the emulator still answers, and such looks on one connection. */
const STANZAS = 60;
const ROUNDS = 5;
/** The emulator's limit. */
const LIMITS = { stanzaBytes: 262_144 };

/** Codes and conditions that the emulator may refuse with: those of CCS and of RFC 6120 §8.3.3. */
const REFUSALS: ReadonlySet<string> = new Set([
  'BAD_ACK',
  'BAD_REGISTRATION',
  'CONNECTION_DRAINING',
  'INVALID_JSON',
  'SERVICE_UNAVAILABLE',
  'bad-request',
  'jid-malformed',
  'not-acceptable',
  'not-allowed',
  'service-unavailable',
]);

export class AppServer {
  readonly #peer: XmlPeer;
  readonly #chance: Chance;
  readonly #tally: Tally;
  #waiting: { readonly is: (element: XmlElement) => boolean; found(): void } | undefined;
  /** What was written last. */
  sent: Buffer = Buffer.alloc(0);

  constructor(port: number, ca: string, chance: Chance, tally: Tally) {
    this.#chance = chance;
    this.#tally = tally;
    const localAddress = `127.0.${1 + chance.int(200)}.${1 + chance.int(200)}`;
    // The types of Node.js know localAddress only without TLS.
    const options: ConnectionOptions & { localAddress: string } = { port, localAddress, ca, servername: 'localhost' };
    const socket = connect({ ...options, host: '127.0.0.1' });
    this.#peer = new XmlPeer(socket, { onStart() {}, onElement: (element) => this.#element(element) });
    tally.connections++;
  }

  /** Logs in as it should be done. False if the emulator closed meanwhile. */
  async logIn(user: string): Promise<boolean> {
    const is = (name: string) => (element: XmlElement) => element.name === name;
    if (!(await this.#say(HEADER, is('features')))) return false;
    if (!(await this.#say(auth(user), is('success')))) return false;
    return this.#say(HEADER + BIND, is('iq'));
  }

  /** A message and its ack. */
  honest(id: string): Promise<boolean> {
    const isAck = (element: XmlElement) =>
      payload(element).message_id === id && payload(element).message_type === 'ack';
    return this.#say(gcm({ to: 'token', message_id: id, data: { id } }), isAck);
  }

  /** A login with something wrong in it; resolves when the emulator closes or it is clear that it waits for more. */
  async spoiltLogin(): Promise<void> {
    const chance = this.#chance;
    const bits = [HEADER, auth('1@gcm.googleapis.com'), HEADER, BIND];
    const at = chance.int(bits.length);
    const right = bits[at] ?? '';
    const junk = chance.pick([
      () => chance.mutated(Buffer.from(right)),
      () => stanza(chance, 'app-server', []),
      () => chance.bytes(chance.int(100)),
      () => Buffer.from(chance.pick(JUNK)),
      () => Buffer.from(chance.pick(JUNK) + right),
    ])();
    this.#tally.cases++;
    this.#tally.refused('login spoilt');
    this.#peer.lenient = true;
    this.sent = Buffer.concat([...bits.slice(0, at).map((bit) => Buffer.from(bit)), junk]);
    this.#peer.write(this.sent);
    this.#peer.socket.end();
    await this.#peer.ended;
  }

  /** Rubbish until the stream ends, or for a while. */
  async rave(): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) if (!(await this.#round())) return;
    if (this.#chance.odds(0.5)) this.#peer.write('</stream:stream>');
  }

  leave(): void {
    const { socket } = this.#peer;
    if (socket.destroyed) return;
    if (this.#chance.odds(0.5)) socket.destroy();
    else socket.end();
    if (!socket.destroyed) socket.setTimeout(10_000, () => socket.destroy());
  }

  async #round(): Promise<boolean> {
    const chance = this.#chance;
    const model = new XmlModel(LIMITS);
    const parts: Buffer[] = [];
    while (parts.length < STANZAS && model.open) {
      const part = stanza(chance, 'app-server', []);
      model.push(part);
      parts.push(part);
    }
    this.#tally.cases += parts.length;
    const id = `ask ${chance.int(1e9)}`;
    const question = `<iq type="get" id="${id}"><ping xmlns="${NS.ping}"/></iq>`;
    if (model.open) {
      model.push(question);
      parts.push(Buffer.from(question));
    }
    // The question has become part of something that does not end.
    const isCut = model.open && !model.ids.has(id);
    this.sent = Buffer.concat(parts);
    const answered = this.#say(this.sent, (element) => element.attrs.id === id);
    if (isCut) this.#peer.socket.end();
    const goesOn = await answered;
    const { streamError } = this.#peer;
    if (streamError !== undefined) this.#tally.refused(`stream error ${streamError}`);
    else if (model.unreadable !== undefined && goesOn) throw new Error(`${model.unreadable} expected, none came`);
    // What is no stanza ends the stream before what can't be read is reached.
    const expected = [model.unreadable, 'unsupported-stanza-type', undefined];
    if (!expected.includes(streamError)) throw new Error(`${model.unreadable} expected, ${streamError} came`);
    return goesOn && model.open;
  }

  /** Writes, and waits for an answer. False if the connection ends before. */
  #say(bytes: Uint8Array | string, is: (element: XmlElement) => boolean): Promise<boolean> {
    const found = new Promise<true>((resolve) => {
      this.#waiting = { is, found: () => resolve(true) };
    });
    const cut = this.#chance.odds(0.2) ? this.#chance.int(bytes.length) : 0;
    if (typeof bytes === 'string' || cut === 0) this.#peer.write(bytes);
    else {
      this.#peer.write(bytes.subarray(0, cut));
      this.#peer.write(bytes.subarray(cut));
    }
    return Promise.race([found, this.#peer.ended.then(() => false)]);
  }

  #element(element: XmlElement): void {
    if (element.is('success', NS.sasl)) this.#peer.restart();
    const refusal = refusalOf(element);
    if (refusal !== undefined) {
      if (!REFUSALS.has(refusal)) throw new Error(`the refusal ${refusal} is not in the table`);
      this.#tally.refused(refusal);
    }
    if (this.#waiting?.is(element)) this.#waiting.found();
  }
}

/** The code of a nack, or the condition of a stanza error. */
function refusalOf(element: XmlElement): string | undefined {
  // The last one: what was refused is repeated before it, and may hold an error of its own.
  const error = element.children.findLast((child) => typeof child !== 'string' && child.is('error', NS.client));
  if (typeof error === 'object') {
    const condition = error.children.find((child) => typeof child !== 'string' && child.ns === NS.stanzas);
    return typeof condition === 'object' ? condition.name : 'nothing';
  }
  const { message_type, error: code } = payload(element);
  return message_type === 'nack' ? String(code) : undefined;
}

function payload(element: XmlElement): Record<string, unknown> {
  if (element.name !== 'message') return {};
  const text = element.child('gcm', 'google:mobile:data')?.text;
  return text === undefined || element.attrs.type === 'error' ? {} : JSON.parse(text);
}

/** What a client should not say while it logs in. */
const JUNK = [
  '',
  '<?xml version="1.0" encoding="UTF-16"?>',
  '<!DOCTYPE x>',
  '<stream:stream xmlns="x" xmlns:stream="y">',
  `${HEADER.slice(0, -1)}/>`,
  HEADER.replace('1.0', '0.9'),
  HEADER.replace('gcm.google', 'evil.example'),
  `<auth mechanism="X-OAUTH2" xmlns="${NS.sasl}">AAAA</auth>`,
  `<auth mechanism="PLAIN" xmlns="${NS.sasl}"/>`,
  `<auth mechanism="PLAIN" xmlns="${NS.sasl}">====</auth>`,
  `<auth mechanism="PLAIN" xmlns="${NS.sasl}">////</auth>`.repeat(5),
  `<response xmlns="${NS.sasl}">AAAA</response>`,
  `<abort xmlns="${NS.sasl}"/>`.repeat(5),
  '<message/>',
  BIND,
  '</stream:stream>',
];
