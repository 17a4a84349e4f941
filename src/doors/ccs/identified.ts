import { Acknowledgements, type Attachment, type InboxFrame, type Notice, type Outlet } from '../../core/index.ts';
import {
  answerStanza,
  DRAINING_JSON,
  FOREIGN_ACK,
  readAppServerMessage,
  refusalStanza,
  upstreamStanza,
} from '../../protocols/ccs/index.ts';
import type { StanzaError, XmlElement } from '../../protocols/xmpp/index.ts';
import { nack } from './answers.ts';
import type { DoorDeps } from './door-deps.ts';
import { Intake } from './intake.ts';
import type { Sender } from './sender.ts';
import { UpstreamWindow } from './upstream.ts';

/** A draining connection stays so long at least: what is on its way to us is nacked and not lost. */
const DRAIN_MIN_MS = 1_000;

/** What stanzas are counted as. */
export type StanzaType = 'message' | 'ack' | 'nack' | 'upstream' | 'receipt' | 'control' | 'error';

/** What the conversation asks of the connection. */
export interface Line {
  /** The full JID, once bound. */
  readonly jid: string;
  /** Domains that a stanza may be addressed to. */
  readonly domains: readonly string[];
  /** Whether it takes more than answers: it is bound, and the peer reads. */
  readonly ready: boolean;
  send(stanza: string, type: StanzaType): void;
  received(type: StanzaType): void;
  /** Reading stops (`true`) or goes on. */
  pause(paused: boolean): void;
  /** Closes in order, behind what was sent. */
  close(): void;
}

/** What is said on a connection once it is logged in: messages and their answers, upstream messages and their acks. */
export class Identified {
  readonly sender: Sender;
  readonly #line: Line;
  readonly #deps: DoorDeps;
  readonly #attachment: Attachment;
  readonly #intake: Intake;
  readonly #upstream = new UpstreamWindow();
  readonly #acks: Acknowledgements;
  readonly #account: string;
  /** Monotonic time when it began to drain. */
  #drainingSince: number | undefined;

  private constructor(sender: Sender, attachment: Attachment, deps: DoorDeps, line: Line) {
    this.sender = sender;
    this.#attachment = attachment;
    this.#deps = deps;
    this.#line = line;
    this.#account = `${sender.id}@${deps.options.domain}`;
    this.#intake = new Intake(sender, attachment.mailbox, deps, {
      answer: ({ stanza, code }) => line.send(stanza, code === undefined ? 'ack' : 'nack'),
      eased: () => this.#eased(),
    });
    this.#acks = new Acknowledgements(sender.session, deps, { stored: () => this.#eased() });
  }

  /** Connects to the session of the sender. Frames flow once {@link resume} was called. */
  static async attach(sender: Sender, deps: DoorDeps, line: Line): Promise<Identified> {
    let self: Identified | undefined;
    const outlet: Outlet = {
      window: deps.options.upstream_window,
      ready: () => line.ready,
      send: (frames) => self?.hand(frames),
      answered: (notice) => self?.answered(notice),
    };
    const attachment = await deps.sessions.attach(sender.session, outlet);
    self = new Identified(sender, attachment, deps, line);
    return self;
  }

  /** The line is ready again, or for the first time: what waits for the sender follows, oldest first. */
  resume(): void {
    this.#attachment.resume();
  }

  get draining(): boolean {
    return this.#drainingSince !== undefined;
  }

  /** How much waits on this connection. */
  get facts(): { unacked: number; parked: number; upstream_unacked: number; reading: boolean } {
    const { unacked, parked, overfull } = this.#intake;
    return { unacked, parked, upstream_unacked: this.#attachment.inFlight, reading: !overfull };
  }

  /** Takes a stanza of the app server. Presence and stanza errors are ignored: there is nothing to say to them. */
  stanza(stanza: XmlElement): void {
    if (stanza.name !== 'message' || stanza.attrs.type === 'error') return;
    const message = readAppServerMessage(stanza, this.#line.domains);
    this.#line.received(message.kind === 'unreadable' ? 'error' : message.kind);
    if (message.kind === 'unreadable') this.#refuse(stanza, message.error);
    else if (message.kind === 'message') this.#intake.push(message);
    else if (message.to === undefined) {
      this.#line.send(nack('', message.id, 'BAD_ACK', 'InvalidJson: an ack without to').stanza, 'nack');
    } else this.#ack(stanza, message.to, message.id);
  }

  /** Everything read so far goes on its way: called once per chunk. */
  flush(): void {
    this.#intake.flush();
    this.#eased();
  }

  /** Looks at what waits for too long; called every now and then with the monotonic time. */
  check(now: number): void {
    this.#intake.check(now);
    const since = this.#drainingSince;
    if (since !== undefined && now - since >= this.#deps.options.drain_timeout) this.#line.close();
  }

  /** Takes no more messages, sends nothing more upstream, closes when nobody waits for anything. [fcm.md §1.10] */
  drain(): void {
    if (this.draining) return;
    this.#drainingSince = this.#deps.clock.monotonic();
    this.#line.send(answerStanza(DRAINING_JSON), 'control');
    this.#attachment.hush();
    this.#intake.drain();
  }

  /** Resolves when nothing is on its way into the store. */
  idle(): Promise<void> {
    return this.#intake.idle();
  }

  /** The connection is gone, or says nothing more: what it has not acked goes to another one. Safe to call twice. */
  detach(): void {
    this.#intake.close();
    this.#acks.close();
    this.#attachment.detach();
  }

  /** Frames of the session for this connection. */
  hand(frames: readonly InboxFrame[]): void {
    for (const frame of frames) {
      const type = frame.type === 'receipt' ? 'receipt' : 'upstream';
      this.#line.send(upstreamStanza(this.#account, this.#upstream.sent(frame)), type);
    }
  }

  /** The outcome of a message that came on this connection. */
  answered(notice: Notice): void {
    this.#intake.answered(notice);
  }

  #ack(stanza: XmlElement, to: string, id: string): void {
    const sequences = this.#upstream.acked(to, id);
    if (!sequences) this.#refuse(stanza, FOREIGN_ACK);
    else if (sequences.length > 0) this.#acks.push(sequences);
  }

  #refuse(stanza: XmlElement, error: StanzaError): void {
    this.#line.send(refusalStanza(stanza, this.#line.jid, error), 'error');
  }

  #eased(): void {
    this.#line.pause(this.#intake.overfull);
    const since = this.#drainingSince;
    if (since === undefined || this.#deps.clock.monotonic() - since < DRAIN_MIN_MS) return;
    if (this.#intake.empty && this.#attachment.inFlight === 0) this.#line.close();
  }
}
