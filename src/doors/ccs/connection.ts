import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { reason } from '../../lib/log.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import {
  defaultStreamSocketOptions,
  type PlainCredentials,
  ServerStream,
  type StreamCondition,
  type StreamEnd,
  StreamSocket,
  type XmlElement,
} from '../../protocols/xmpp/index.ts';
import type { DoorDeps } from './door-deps.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import { Identified, type Line, type StanzaType } from './identified.ts';
import type { Sender } from './sender.ts';

/** [fcm.md §1.2] in this order. Only PLAIN is understood. */
const MECHANISMS = ['X-OAUTH2', 'X-GOOGLE-TOKEN', 'PLAIN'];
/** Refused logins on one connection. */
const LOGINS_MAX = 3;
/** Longest resource that a client may choose, in UTF-16 code units. */
const RESOURCE_MAX = 256;
/** What a peer has chosen is logged up to so many characters. */
const SHOWN_MAX = 256;

const randomId = (bytes: number): string => randomBytes(bytes).toString('hex').toUpperCase();

/** What the server does for its connections. */
export interface Host {
  readonly gatekeeper: Gatekeeper;
  closed(connection: Connection): void;
}

/** A connection as the operator sees it. */
export interface ConnectionFacts {
  readonly connection: number;
  readonly address: string;
  readonly state: 'login' | 'bound' | 'draining' | 'closing';
  readonly sender?: string;
  readonly unacked?: number;
  readonly parked?: number;
  readonly upstream_unacked?: number;
  readonly reading?: boolean;
}

/** One app server's connection: bytes to stanzas, the login, deadlines. */
export class Connection implements Line {
  /** 1 for the first connection of the door, 2 for the second … */
  readonly number: number;
  readonly address: string;
  jid = '';
  readonly #deps: DoorDeps;
  readonly #host: Host;
  readonly #socket: StreamSocket;
  readonly #stream: ServerStream;
  readonly #rate: TokenBucket | undefined;
  /** Whose it is, as soon as it is counted among that sender's. */
  #sender: Sender | undefined;
  /** The conversation, as soon as the login is good. */
  #identified: Identified | undefined;
  #state: 'login' | 'bound' | 'closing' | 'closed' = 'login';
  /** Fires when the stream is over: a login that waits for its turn is called off. */
  readonly #gone = new AbortController();
  #paused = false;
  readonly #since: number;
  #readAt: number;

  constructor(number: number, tcp: Socket, deps: DoorDeps, host: Host) {
    const { clock, options } = deps;
    this.number = number;
    this.address = tcp.remoteAddress ?? 'unknown';
    this.#deps = deps;
    this.#host = host;
    this.#since = this.#readAt = clock.monotonic();
    const { rate, window } = options;
    if (rate > 0) this.#rate = new TokenBucket({ perSecond: rate, burst: Math.max(rate, 2 * window) }, clock);
    this.#socket = new StreamSocket(
      tcp,
      { ...defaultStreamSocketOptions, clock },
      {
        onData: (chunk) => this.#read(chunk),
        onDrained: () => this.#identified?.resume(),
        onClose: (error) => this.#over(error && reason(error)),
      },
    );
    this.#stream = new ServerStream(
      {
        domain: options.domain,
        mechanisms: MECHANISMS,
        session: true,
        maxLogins: LOGINS_MAX,
        limits: { stanzaBytes: options.max_stanza_bytes },
        newId: () => randomId(8),
        resource: (asked) => asked?.slice(0, RESOURCE_MAX) ?? randomId(4),
      },
      {
        send: (xml) => this.#socket.send(xml),
        onCredentials: (credentials) => void this.#logIn(credentials),
        onBound: (jid) => this.#bound(jid),
        onStanza: (stanza) => this.#stanza(stanza),
        onAny: () => this.#checkRate(),
        onEnd: (end) => this.#ended(end),
      },
    );
  }

  get domains(): readonly string[] {
    return this.#host.gatekeeper.domains;
  }

  get facts(): ConnectionFacts {
    const state = this.#state === 'closed' ? 'closing' : this.#state;
    const about = { connection: this.number, address: this.address };
    if (!this.#identified) return { ...about, state };
    const { sender, draining, facts } = this.#identified;
    return { ...about, state: draining && state === 'bound' ? 'draining' : state, sender: sender.id, ...facts };
  }

  /** Looks at the deadlines; called by the server every now and then. */
  check(now: number): void {
    const { login_timeout, idle_timeout } = this.#deps.options;
    if (this.#state === 'login' && now - this.#since >= login_timeout) {
      this.fail('connection-timeout', `login_timeout: not logged in after ${login_timeout} ms`);
    } else if (this.#state === 'bound') {
      this.#identified?.check(now);
      if (this.#paused)
        this.#readAt = now; // its silence is ours
      else if (idle_timeout > 0 && now - this.#readAt >= idle_timeout) {
        this.fail('connection-timeout', `idle_timeout: nothing received for ${idle_timeout} ms`);
      }
    }
  }

  /** A space, if the connection is in use. [fcm.md §1.10] */
  keepAlive(): void {
    if (this.#state === 'bound') this.#socket.send(' ');
  }

  /** Takes no more messages and closes when nobody waits for anything; a connection that is not logged in closes now. */
  drain(): void {
    if (this.#state === 'bound') this.#identified?.drain();
    else if (this.#state === 'login') this.fail('system-shutdown', 'the bridge stops');
  }

  /** Resolves when nothing of it is on its way into the store. */
  async idle(): Promise<void> {
    await this.#identified?.idle();
  }

  /** Ends the stream with an error. */
  fail(condition: StreamCondition, text: string): void {
    this.#stream.fail(condition, text);
  }

  /** Closes in order: our end of the stream, then the peer's, then the socket. */
  close(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#state = 'closing';
    this.#identified?.detach(); // after the end of our stream nothing may follow, and acks have come or never will
    this.#stream.close();
    this.#deps.clock.after(defaultStreamSocketOptions.lingerMs, () => this.#socket.end());
  }

  /** Closes at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  get ready(): boolean {
    return this.#state === 'bound' && !this.#socket.clogged;
  }

  send(stanza: string, type: StanzaType): void {
    if (this.#state !== 'bound') return;
    this.#count('out', type);
    this.#socket.post(stanza);
  }

  received(type: StanzaType): void {
    this.#count('in', type);
  }

  pause(paused: boolean): void {
    if (paused === this.#paused || this.#state !== 'bound') return;
    this.#paused = paused;
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  #read(chunk: Uint8Array): void {
    this.#readAt = this.#deps.clock.monotonic();
    try {
      this.#stream.write(chunk);
      if (this.#state === 'bound') this.#identified?.flush();
    } catch (error) {
      // A fault of ours, found by what this peer said: it must not cost the others.
      this.#deps.log.error('CCS connection failed', { ...this.#where(), error: reason(error) });
      this.fail('internal-server-error', 'the bridge can not go on with this stream');
    }
  }

  #stanza(stanza: XmlElement): void {
    if (this.#state === 'bound') this.#identified?.stanza(stanza);
  }

  #checkRate(): void {
    if (!this.#rate || this.#rate.take()) return;
    this.fail('policy-violation', `rate: more than ${this.#deps.options.rate} stanzas a second`);
  }

  async #logIn(credentials: PlainCredentials): Promise<void> {
    const { log, telemetry, options } = this.#deps;
    const { authcid } = credentials;
    try {
      const sender = await this.#host.gatekeeper.identify(credentials, this.address, this.#gone.signal);
      if (this.#state !== 'login') return;
      if (!sender) {
        telemetry.add('pushbridge_logons_total', { result: 'failure' });
        log.warn('CCS login refused', { ...this.#where(), authcid: authcid.slice(0, SHOWN_MAX) });
        this.#stream.refuse('not-authorized');
        return;
      }
      if (!sender.admit()) {
        this.fail('resource-constraint', 'max_connections_per_sender: too many connections of this sender');
        return;
      }
      this.#sender = sender;
      await this.#attach(sender);
      telemetry.add('pushbridge_logons_total', { result: 'success' });
      this.#stream.accept(`${sender.id}@${options.domain}`);
    } catch (error) {
      log.error('CCS login failed', { ...this.#where(), error: reason(error) });
      this.fail('internal-server-error', 'the bridge can not serve this sender now');
    }
  }

  async #attach(sender: Sender): Promise<void> {
    const identified = await Identified.attach(sender, this.#deps, this);
    this.#identified = identified;
    if (this.#state !== 'login') identified.detach();
  }

  #bound(jid: string): void {
    this.jid = jid;
    this.#state = 'bound';
    this.#deps.log.info('CCS login', this.#where());
    this.#identified?.resume();
  }

  #ended(end: StreamEnd): void {
    if (end.by === 'error') {
      const { condition, text } = end;
      this.#deps.log.info('closing a CCS connection', { ...this.#where(), condition, why: text?.slice(0, SHOWN_MAX) });
      this.#count('out', 'error');
    }
    this.#over();
    this.#socket.end();
  }

  /** The stream is over, whatever the reason. Safe to call twice. */
  #over(error?: string): void {
    this.#stream.detach();
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#gone.abort();
    this.#identified?.detach();
    this.#sender?.leave();
    if (this.#identified) this.#deps.log.info('CCS connection closed', { ...this.#where(), ...(error && { error }) });
    this.#host.closed(this);
  }

  #count(direction: 'in' | 'out', type: StanzaType): void {
    this.#deps.telemetry.add('pushbridge_ccs_stanzas_total', { direction, type });
  }

  #where(): Record<string, unknown> {
    return { connection: this.number, peer: this.address, sender: this.#sender?.id };
  }
}
