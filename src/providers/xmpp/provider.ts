import type {
  Endpoints,
  Health,
  Message,
  Outcome,
  Payload,
  Provider,
  Receiver,
  Refusal,
  Telemetry,
} from '../../core/index.ts';
import type { Random } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { DeadlineError, deadline } from '../../lib/deadline.ts';
import { type Log, reason } from '../../lib/log.ts';
import { parseJid, readPushAnswer, readReceipt } from '../../protocols/unifiedpush/index.ts';
import type { XmlElement } from '../../protocols/xmpp/index.ts';
import { Accounts } from './accounts.ts';
import { Delivery } from './delivery.ts';
import { ownerOf } from './device.ts';
import { type Answered, Flights } from './flights.ts';
import { Link } from './link.ts';
import type { XmppOptions } from './options.ts';
import { inspectPayload } from './outcomes.ts';
import { Registrar } from './registrar.ts';
import { addGauges, healthOf, type State } from './report.ts';
import { Wakes } from './wakes.ts';

/** Bytes waiting for a server that does not read, beyond which what clients ask is not answered. */
const ANSWERS_MAX = 1_048_576;

export interface XmppDeps {
  readonly name: string;
  readonly options: XmppOptions;
  readonly endpoints: Endpoints;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly telemetry: Telemetry;
}

/** UnifiedPush for the clients of an XMPP server, as its component. Nothing happens before `start`. */
export function createXmppProvider(deps: XmppDeps): Provider {
  return new Xmpp(deps);
}

class Xmpp implements Provider {
  readonly name: string;
  readonly #deps: XmppDeps;
  readonly #log: Log;
  readonly #links: readonly Link[];
  readonly #accounts = new Accounts();
  readonly #flights: Flights;
  readonly #delivery: Delivery;
  readonly #registrar: Registrar;
  readonly #wakes: Wakes;
  #listener: () => void = () => {};
  #next = 0;
  #state: 'new' | 'running' | 'stopping' = 'new';
  #stopped: Promise<void> | undefined;
  #atRest: (() => void) | undefined;

  constructor(deps: XmppDeps) {
    const { name, options, endpoints, clock, random, log, telemetry } = deps;
    this.name = name;
    this.#deps = deps;
    this.#log = log.child({ provider: name });
    const count = (event: string) => this.#count(event);
    const link = {
      clock,
      random,
      log: this.#log,
      options,
      count,
      onStanza: (stanza: XmlElement, by: Link) => this.#onStanza(stanza, by),
      onUp: () => this.#listener(),
      onDown: (gone: Link, because: string) => this.#onDown(gone, because),
    };
    this.#links = Array.from({ length: options.connections }, () => new Link(link));
    this.#flights = new Flights(clock);
    this.#delivery = new Delivery({
      options,
      endpoints,
      clock,
      accounts: this.#accounts,
      flights: this.#flights,
      patience: { awayRetryMs: options.away_retry, random },
      pick: () => this.#pick(),
      count,
      onBack: (bare) => void this.#wakes.wake(bare),
      onEmptied: (bare) => this.#wakes.now(bare),
    });
    this.#registrar = new Registrar({
      provider: name,
      options,
      endpoints,
      clock,
      log: this.#log,
      count,
      onRegistered: ({ bare }, full) => this.#arrived(bare, full),
    });
    this.#wakes = new Wakes({
      clock,
      wake: (bare) => endpoints.wake(ownerOf(name, bare)),
      onError: (error) => this.#log.warn('what waits could not be woken', { error: reason(error) }),
    });
    addGauges(telemetry, name, () => this.#report());
  }

  inspect(payload: Payload): Refusal | undefined {
    return inspectPayload(payload);
  }

  room(): number {
    if (this.#state !== 'running' || !this.#links.some(({ open }) => open)) return 0;
    return Math.max(0, this.#deps.options.in_flight - this.#delivery.used);
  }

  onRoom(listener: () => void): void {
    this.#listener = listener;
  }

  async deliver(message: Message, _now: number): Promise<Outcome> {
    if (this.room() <= 0) return { kind: 'unsent', because: 'no connection has room' };
    const outcome = await this.#delivery.deliver(message);
    this.#listener();
    if (this.#delivery.used === 0) this.#atRest?.();
    return outcome;
  }

  async start(_receiver: Receiver): Promise<void> {
    if (this.#state !== 'new') return;
    this.#state = 'running';
    for (const link of this.#links) link.start();
  }

  stop(ms: number): Promise<void> {
    this.#stopped ??= this.#stop(ms);
    return this.#stopped;
  }

  health(): Health {
    return healthOf(this.#report());
  }

  #report(): State {
    const { domain, connections, in_flight: size } = this.#deps.options;
    return {
      running: this.#state === 'running',
      domain,
      connections,
      open: this.#links.filter(({ open }) => open).length,
      used: this.#delivery.used,
      size,
      trouble: this.#links.find(({ trouble }) => trouble !== undefined)?.trouble,
    };
  }

  /** The open connections by turns. */
  #pick(): Link | undefined {
    const open = this.#links.filter((link) => link.open);
    return open[this.#next++ % Math.max(1, open.length)];
  }

  #onDown(link: Link, because: string): void {
    // Who says goodbye now is not heard.
    this.#accounts.forget();
    this.#flights.lost(link, because);
  }

  #onStanza(stanza: XmlElement, link: Link): void {
    if (stanza.name === 'iq') this.#onIq(stanza, link);
    else if (stanza.name === 'message') this.#onMessage(stanza);
    else if (stanza.name === 'presence') this.#onPresence(stanza);
  }

  #onIq(iq: XmlElement, link: Link): void {
    const { id = '', from = '', to } = iq.attrs;
    const own = from === to;
    if (own && this.#links.some((other) => other.answered(id))) return;
    const answer = readPushAnswer(iq);
    if (answer) {
      this.#noteAnswer(
        this.#flights.answered(id, (asked) => asked === from, answer),
        from,
        'foreign_answer',
      );
      return;
    }
    if (link.backlog > ANSWERS_MAX) {
      this.#count('unread');
      return;
    }
    this.#registrar
      .ask(iq, (reply) => void link.send(reply))
      .catch((error) => this.#log.error('iq not answered', { error: reason(error) }));
  }

  /** A receipt, or a push that comes back. Both may come from another client than the push was for. */
  #onMessage(message: XmlElement): void {
    const { from = '', id = '' } = message.attrs;
    const bounce = readPushAnswer(message);
    const received = bounce ? undefined : readReceipt(message);
    if (!bounce && received === undefined) {
      this.#count('unknown_type');
      return;
    }
    const bare = parseJid(from)?.bare;
    const sameAccount = (asked: string): boolean => bare !== undefined && parseJid(asked)?.bare === bare;
    this.#noteAnswer(
      this.#flights.answered(received ?? id, sameAccount, bounce ?? { kind: 'taken' }),
      from,
      'late_bounce',
    );
  }

  /** A push that was answered late is not sent again; that it was answered says that its client is there. */
  #noteAnswer(answered: Answered, from: string, unknown: string): void {
    if (answered === 'unknown') this.#count(unknown);
    const bare = answered === 'late' ? parseJid(from)?.bare : undefined;
    if (bare === undefined) return;
    this.#count('late_answer');
    this.#accounts.answered(bare);
    this.#wakes.wake(bare);
  }

  #onPresence({ attrs: { from = '', to = '', type } }: XmlElement): void {
    const jid = parseJid(from);
    if (!jid || jid.resource === '' || to !== this.#deps.options.domain || !this.#registrar.allows(jid)) return;
    if (type === undefined) this.#arrived(jid.bare, from);
    else if (type === 'unavailable') this.#accounts.left(jid.bare, from);
  }

  #arrived(bare: string, full: string): void {
    if (this.#state !== 'running') return;
    this.#accounts.arrived(bare, full, this.#deps.clock.now());
    if (!this.#wakes.wake(bare)) this.#count('wake_skipped');
  }

  async #stop(ms: number): Promise<void> {
    this.#state = 'stopping';
    this.#wakes.stop();
    if (this.#delivery.used > 0) {
      const rest = new Promise<void>((resolve) => (this.#atRest = resolve));
      await deadline(this.#deps.clock, rest, ms, 'pushes in flight').catch((error) => {
        if (!(error instanceof DeadlineError)) throw error;
        this.#log.warn('stopping with pushes in flight', { inFlight: this.#delivery.used });
      });
    }
    this.#flights.lost('all', 'the bridge stops');
    await Promise.all(this.#links.map((link) => link.stop()));
  }

  #count(event: string): void {
    this.#deps.telemetry.add('pushbridge_provider_events_total', { provider: this.name, event });
  }
}
