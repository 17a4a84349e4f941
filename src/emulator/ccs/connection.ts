import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Timer } from '../../lib/clock.ts';
import { CCS_DOMAIN } from '../../protocols/ccs/index.ts';
import type { PlainCredentials, StreamCondition } from '../../protocols/xmpp/index.ts';
import { defaultStreamSocketOptions, ServerStream, StreamSocket } from '../../protocols/xmpp/index.ts';
import type { ConnectionInfo, ConnectionState } from './connection-info.ts';
import type { Host } from './conversation.ts';
import { Conversation } from './conversation.ts';
import type { FaultPatch, Faults } from './options.ts';
import { FaultyOutlet } from './outlet.ts';
import type { Sender, Upstream, UpstreamPeer } from './sender.ts';
import * as stanzas from './stanzas.ts';
import type { World } from './world.ts';

/** One connection of an app server. */
export class Connection implements UpstreamPeer, Host {
  /** 1 for the first connection, 2 for the second … */
  readonly number: number;
  readonly #world: World;
  readonly #onGone: (connection: Connection) => void;
  readonly #raw: Socket;
  readonly #outlet: FaultyOutlet;
  readonly #socket: StreamSocket;
  readonly #stream: ServerStream;
  readonly #talk: Conversation;
  #own: FaultPatch = {};
  #faults: Faults;
  #state: ConnectionState = 'new';
  #sender: Sender | undefined;
  #jid = '';
  #drainingSince = 0;
  #loginTimer: Timer | undefined;

  constructor(number: number, raw: Socket, tls: TLSSocket, world: World, onGone: (connection: Connection) => void) {
    this.number = number;
    this.#onGone = onGone;
    this.#world = world;
    this.#raw = raw;
    this.#faults = world.faults;
    this.#outlet = new FaultyOutlet(tls);
    const { clock, options } = world;
    this.#socket = new StreamSocket(
      tls,
      { ...defaultStreamSocketOptions, clock },
      { onData: (chunk) => this.#stream.write(chunk), onClose: () => this.#gone() },
      this.#outlet,
    );
    this.#stream = new ServerStream(
      {
        domain: CCS_DOMAIN,
        // [fcm.md §1.2] in this order.
        mechanisms: ['X-OAUTH2', 'X-GOOGLE-TOKEN', 'PLAIN'],
        session: true,
        maxLogins: 3,
        limits: { stanzaBytes: options.max_stanza_bytes },
        newId: () => randomBytes(8).toString('hex').toUpperCase(),
        resource: (asked) => asked ?? randomBytes(4).toString('hex').toUpperCase(),
      },
      {
        send: (xml) => this.#socket.send(xml),
        onCredentials: (credentials) => this.#login(credentials),
        onBound: (jid) => this.#bound(jid),
        onStanza: (stanza) => this.#talk.stanza(stanza),
        onPing: () => void world.counters.pings++,
        onWhitespace: () => void world.counters.whitespace++,
        onEnd: (end) => {
          if (end.by === 'error') world.counters.streamErrors++;
          this.#gone();
          this.#socket.end();
        },
      },
    );
    this.#talk = new Conversation(world, this, this.#socket);
    this.#loginTimer = clock.after(options.login_timeout, () => this.#stream.fail('connection-timeout'));
    this.applyFaults();
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get sender(): Sender | undefined {
    return this.#sender;
  }

  /** Empty before binding. */
  get jid(): string {
    return this.#jid;
  }

  get faults(): Faults {
    return this.#faults;
  }

  get info(): ConnectionInfo {
    const { answers, breaches, received, upstream } = this.#talk;
    return {
      connection: this.number,
      state: this.#state,
      sender: this.#sender?.id,
      jid: this.#jid || undefined,
      received,
      unacked: answers.unacked,
      maxUnacked: answers.maxUnacked,
      windowBreaches: breaches,
      held: answers.held,
      upstreamUnacked: upstream.size,
    };
  }

  get upstreamRoom(): number {
    if (this.#state !== 'bound' || this.#faults.black_hole) return 0;
    return this.#world.options.upstream_window - this.#talk.upstream.size;
  }

  /** Takes the faults of all, then its own. Called whenever either changed. */
  applyFaults(own: FaultPatch = this.#own): void {
    this.#own = own;
    this.#faults = { ...this.#world.faults, ...own };
    this.#talk.answers.faults = this.#faults;
    this.#outlet.split = this.#faults.split_writes;
    this.#outlet.swallow = this.#faults.black_hole;
    if (this.#faults.black_hole) this.#socket.pause();
    else this.#socket.resume();
    if (this.#faults.black_hole || this.#faults.stall_login) this.#loginTimer?.cancel();
  }

  /** The patch that this connection has of its own. */
  get ownFaults(): FaultPatch {
    return this.#own;
  }

  /** A space, if the connection is in use. */
  keepAlive(): void {
    if (this.#state === 'bound' || this.#state === 'draining') this.#socket.send(' ');
  }

  /** Writes this as it is: for tests of a client's patience. */
  sendRaw(xml: string): void {
    this.#socket.send(xml);
  }

  /** Begins to drain: no more downstream is taken, acks still come and go, and in the end the server closes. */
  drain(): void {
    if (this.#state !== 'bound') return;
    this.#state = 'draining';
    const { clock, counters, options } = this.#world;
    counters.drains++;
    this.#drainingSince = clock.monotonic();
    const { announce_drain, broken_drain_json, swap_forms } = this.#faults;
    if (announce_drain) this.#socket.send(stanzas.draining(broken_drain_json, swap_forms));
    clock.after(options.drain_min, () => this.settle());
    clock.after(options.drain_max, () => this.close());
  }

  /** Closes in order: our end of the stream, then the peer's, then the socket. */
  close(): void {
    if (this.#state === 'closed' || this.#state === 'closing') return;
    this.#state = 'closing';
    // After the end of our stream nothing may follow.
    this.#talk.answers.stop();
    this.#stream.close();
    this.#world.clock.after(defaultStreamSocketOptions.lingerMs, () => this.#socket.end());
  }

  /** Ends the stream with an error. */
  fail(condition: StreamCondition, text = 'emulated'): void {
    this.#stream.fail(condition, text);
  }

  /** Falls silent until the fault is taken away. */
  blackHole(): void {
    this.applyFaults({ ...this.#own, black_hole: true });
  }

  /** Lets the connection go without a word. */
  drop(how: 'fin' | 'rst'): void {
    if (this.#state === 'closed') return;
    this.#world.counters.drops++;
    this.#gone();
    if (how === 'fin') this.#socket.end();
    else this.#raw.resetAndDestroy();
  }

  /** Sends up to `count` answers that were held back; how many there were. */
  release(count: number): number {
    return this.#talk.answers.release(count);
  }

  sendUpstream(item: Upstream): void {
    const { counters } = this.#world;
    counters.upstreamSent++;
    if (item.sent++ > 0) counters.upstreamResent++;
    this.#talk.upstream.sent(item);
    this.#socket.post(stanzas.upstream(this.#sender?.id ?? '', item.json, this.#faults.swap_forms));
  }

  #gone(): void {
    this.#stream.detach();
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#loginTimer?.cancel();
    this.#talk.answers.stop();
    this.#sender?.leave(this, this.#talk.upstream.unacked());
    this.#onGone(this);
  }

  #login({ authcid, password }: PlainCredentials): void {
    const { counters, options, log } = this.#world;
    const { refuse_login, stall_login } = this.#faults;
    if (stall_login) return;
    const at = authcid.lastIndexOf('@');
    const id = authcid.slice(0, Math.max(0, at));
    const right = id !== '' && options.domains.includes(authcid.slice(at + 1)) && this.#knows(id, password);
    if (right && refuse_login === 'no' && this.#world.sender(id).connections < options.max_connections) {
      counters.logins++;
      this.#sender = this.#world.sender(id);
      this.#stream.accept(`${id}@${CCS_DOMAIN}`);
      return;
    }
    counters.loginsRefused++;
    log.info('login refused', { connection: this.number, authcid });
    if (refuse_login === 'close') this.drop('fin');
    else this.#stream.refuse('not-authorized');
  }

  #knows(sender: string, password: string): boolean {
    const { senders } = this.#world.options;
    return Object.keys(senders).length === 0 || (Object.hasOwn(senders, sender) && senders[sender] === password);
  }

  #bound(jid: string): void {
    this.#jid = jid;
    this.#state = 'bound';
    this.#loginTimer?.cancel();
    if (!this.#sender) return;
    this.#sender = this.#world.sender(this.#sender.id); // the one of the login may have been forgotten meanwhile
    this.#sender.join(this);
  }

  /** [fcm.md §1.10] CCS closes a draining connection, here as soon as nobody waits for anything. */
  settle(): void {
    if (this.#state !== 'draining' || this.#talk.answers.unacked > 0 || this.#talk.upstream.size > 0) return;
    const { clock, options } = this.#world;
    if (clock.monotonic() - this.#drainingSince >= options.drain_min) this.close();
  }
}
