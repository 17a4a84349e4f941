import { type AppServerMessage, FOREIGN_ACK, readAppServerMessage, refusalStanza } from '../../protocols/ccs/index.ts';
import type { StanzaError, StreamCondition, StreamSocket, XmlElement } from '../../protocols/xmpp/index.ts';
import { Answers } from './answers.ts';
import type { ConnectionState } from './connection-info.ts';
import type { Faults } from './options.ts';
import type { Sender } from './sender.ts';
import { UpstreamWindow } from './upstream-window.ts';
import type { Verdict } from './verdict.ts';
import { verdictOn } from './verdict.ts';
import type { World } from './world.ts';

type Message = Extract<AppServerMessage, { kind: 'message' }>;

/** What a message can do to the connection that carries it. */
export interface Host {
  readonly number: number;
  readonly state: ConnectionState;
  readonly jid: string;
  readonly sender: Sender | undefined;
  readonly faults: Faults;
  drain(): void;
  drop(how: 'fin' | 'rst'): void;
  fail(condition: StreamCondition, text?: string): void;
  blackHole(): void;
  /** Something was answered or acked: perhaps nobody waits for anything any more. */
  settle(): void;
}

/** What is said on a connection once it is logged in: messages and their answers, upstream messages and their acks. */
export class Conversation {
  readonly #world: World;
  readonly #host: Host;
  readonly #socket: StreamSocket;
  readonly answers: Answers;
  readonly upstream: UpstreamWindow;
  received = 0;
  breaches = 0;

  constructor(world: World, host: Host, socket: StreamSocket) {
    this.#world = world;
    this.#host = host;
    this.#socket = socket;
    this.answers = new Answers(world, socket, () => host.settle());
    this.upstream = new UpstreamWindow(world, host.number);
  }

  /** Takes a stanza of the app server. */
  stanza(stanza: XmlElement): void {
    const { state } = this.#host;
    if (stanza.name !== 'message' || stanza.attrs.type === 'error' || state === 'closed') return;
    const message = readAppServerMessage(stanza, this.#world.options.domains);
    if (message.kind === 'unreadable') this.#refuse(stanza, message.error);
    else if (message.kind === 'ack') this.#ack(stanza, message.to, message.id);
    else if (state !== 'closing') {
      this.#world.watch.received?.(message.id, message.json);
      this.#message(message);
    }
  }

  #refuse(stanza: XmlElement, error: StanzaError): void {
    if (error.code === 406) this.#world.counters.errors406++;
    else this.#world.counters.errors400++;
    if (this.#host.state !== 'closing') this.#socket.post(refusalStanza(stanza, this.#host.jid, error));
  }

  #ack(stanza: XmlElement, to: string | undefined, id: string): void {
    if (to === undefined) this.answers.nackNow('', id, 'BAD_ACK', 'InvalidJson: an ack without to');
    else if (!this.upstream.acked(to, id)) this.#refuse(stanza, FOREIGN_ACK);
    else {
      this.#host.settle();
      this.#host.sender?.pump();
    }
  }

  #message(message: Message): void {
    const { counters, downstream, options } = this.#world;
    const { faults, number } = this.#host;
    counters.received++;
    this.received++;
    if (downstream.seen(message.id, number)) counters.repeated++;
    if (this.answers.asked() > options.window) {
      counters.windowBreaches++;
      this.breaches++;
      if (faults.close_on_breach) {
        this.#host.fail('policy-violation', 'too many un-acked messages');
        return;
      }
    }
    if (this.received === faults.drop_after) {
      this.#host.drop(faults.drop_how);
      return;
    }
    const draining = this.#host.state === 'draining';
    this.#carryOut(verdictOn(this.#world, faults, message, this.#host.sender?.id ?? '', draining), message);
    if (this.received === faults.drain_after) this.#host.drain();
  }

  #carryOut(verdict: Verdict, { id, target }: Message) {
    switch (verdict.kind) {
      case 'ack':
        return this.answers.ack(target, id, verdict.canonical, verdict.receipt ? this.#host.sender : undefined);
      case 'nack':
        return this.answers.nack(target, id, verdict.code, verdict.description);
      case 'drop':
        return this.#host.drop(verdict.how);
      case 'fail':
        return this.#host.fail(verdict.condition);
      case 'black-hole':
        return this.#host.blackHole();
      case 'drain':
        this.answers.ack(target, id, undefined, undefined);
        return this.#host.drain();
      case 'silent':
        return undefined;
    }
  }
}
