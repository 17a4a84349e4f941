import { randomUUID } from 'node:crypto';
import { fullJitter, type Random } from '../lib/backoff.ts';
import { type Clock, every, pause } from '../lib/clock.ts';
import { deadline } from '../lib/deadline.ts';
import { type Log, reason } from '../lib/log.ts';
import { parseJid } from '../protocols/unifiedpush/index.ts';
import {
  ClientStream,
  type ClientStreamEnd,
  LoginError,
  logIn,
  NS,
  type StreamHandler,
  type XmlElement,
} from '../protocols/xmpp/index.ts';
import type { DistributorOptions } from './options.ts';
import { findPlaces, type ResolveSrv } from './places.ts';

/** What an account tells of itself. */
export interface AccountEvents {
  /** Logged in, as this full JID. */
  onOnline(jid: string): void;
  /** The connection has ended; another one is tried. */
  onOffline(): void;
  /**
   * A `<message>`, or an `<iq>` that asks something.
   * @returns whether it was for us: an `<iq>` that was not is answered as unknown
   */
  onStanza(stanza: XmlElement): boolean;
}

export interface AccountDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly resolveSrv: ResolveSrv;
}

/** Nobody can be asked now. */
export class OfflineError extends Error {
  override readonly name = 'OfflineError';
}

/** Bytes of one stanza: a push of 4096 bytes in base64, and a list of a server's parts. */
const STANZA_MAX = 256 * 1024;
/** How long a server may take to close its end of the stream, in milliseconds. */
const CLOSE_MS = 2_000;
/** Questions without an answer at once, at most. */
const QUESTIONS_MAX = 64;
/** How often the connection and the clock are looked at, in milliseconds. */
const LOOK_MS = 5_000;
/** When the wall clock is ahead of the monotonic one by more since the last look, the machine has slept. Milliseconds. */
const SLEPT_MS = 20_000;
/** After a sleep a connection has to show at once that it lives, in milliseconds. */
const WAKE_MS = 5_000;
/** A connection that lasted so long is followed by the next one at once: the server was in order. Milliseconds. */
const STABLE_MS = 60_000;

interface Question {
  readonly to: string;
  answered(answer: XmlElement): void;
  failed(error: OfflineError): void;
}

/** The connection to the XMPP account: kept up until {@link stop}, with backoff, and looked after when the machine wakes. */
export class Account {
  readonly #options: DistributorOptions['account'];
  readonly #ca: string | undefined;
  readonly #resource: string;
  readonly #deps: AccountDeps;
  readonly #events: AccountEvents;
  readonly #stopping = new AbortController();
  readonly #questions = new Map<string, Question>();
  readonly #domain: string;
  readonly #local: string;
  #stream: ClientStream | undefined;
  #online = false;
  /** Ends the wait before the next connection. */
  #hurry = new AbortController();
  #pinging = false;
  #run: Promise<void> | undefined;
  /** Why there is no connection, for people; undefined while there is one. */
  trouble: { readonly why: string; readonly fault: LoginError['fault'] | undefined } | undefined = {
    why: 'not connected yet',
    fault: undefined,
  };

  /**
   * @param ca PEM, in place of the system's authorities
   * @param resource the same in every connection: pushes are sent to it
   */
  constructor(
    options: DistributorOptions['account'],
    ca: string | undefined,
    resource: string,
    deps: AccountDeps,
    events: AccountEvents,
  ) {
    this.#options = options;
    this.#ca = ca;
    this.#resource = resource;
    this.#deps = deps;
    this.#events = events;
    const [local = '', domain = ''] = options.jid.split('@');
    this.#local = local;
    this.#domain = domain;
  }

  get online(): boolean {
    return this.#online;
  }

  /** The domain of the account. */
  get domain(): string {
    return this.#domain;
  }

  start(): void {
    this.#run ??= this.#keepUp();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#hurry.abort();
    await this.#stream?.close();
    await this.#run;
  }

  /** Sends a stanza. False if there is no connection. */
  send(stanza: string): boolean {
    return this.#online && (this.#stream?.send(stanza) ?? false);
  }

  /**
   * Asks `to` by an `<iq>`.
   * @param write the question under the id that it gets
   * @returns the answer, which may be an error
   * @throws OfflineError if nobody can be asked, or the connection ends; DeadlineError without an answer in time
   */
  async ask(to: string, write: (id: string) => string): Promise<XmlElement> {
    if (this.#questions.size >= QUESTIONS_MAX) throw new OfflineError('too many questions at once');
    const id = `pb-${randomUUID()}`;
    const { promise, resolve, reject } = Promise.withResolvers<XmlElement>();
    if (!this.send(write(id))) throw new OfflineError(this.trouble?.why ?? 'no connection');
    this.#questions.set(id, { to, answered: resolve, failed: reject });
    try {
      return await deadline(this.#deps.clock, promise, this.#options.request_timeout, `answer of ${to}`);
    } finally {
      this.#questions.delete(id);
    }
  }

  async #keepUp(): Promise<void> {
    const { clock, random, log } = this.#deps;
    const look = this.#look();
    for (let attempt = 0; !this.#stopping.signal.aborted; attempt++) {
      const began = clock.monotonic();
      // A machine that wakes while a login hangs does not wait after it either.
      this.#hurry = new AbortController();
      try {
        await this.#connect(attempt);
        if (clock.monotonic() - began >= STABLE_MS) attempt = -1;
      } catch (error) {
        const fault = error instanceof LoginError ? error.fault : undefined;
        // The same trouble again and again is told once.
        const say = this.trouble?.why === reason(error) ? 'debug' : fault === 'unreachable' ? 'warn' : 'error';
        this.trouble = { why: reason(error), fault };
        log[say]('XMPP account: no connection', { because: reason(error) });
      }
      if (attempt < 0 || this.#stopping.signal.aborted) continue;
      const { backoff_base: baseMs, backoff_cap: capMs } = this.#options;
      await pause(clock, fullJitter(attempt, { baseMs, capMs }, random), this.#hurry.signal);
      if (this.#hurry.signal.aborted) attempt = -1;
    }
    look.cancel();
  }

  /** One connection, from its beginning to its end. @throws LoginError */
  async #connect(attempt: number): Promise<void> {
    const { clock, random, log, resolveSrv } = this.#deps;
    const { host, port, security, password, connect_timeout: timeoutMs } = this.#options;
    const places = await findPlaces({ domain: this.#domain, host, port, security }, resolveSrv, random);
    const place = places[Math.max(0, attempt) % places.length];
    if (!place) throw new LoginError('unreachable', 'no server to connect to');
    const ended = Promise.withResolvers<ClientStreamEnd>();
    const handler: StreamHandler = {
      onMessage: (message) => void this.#events.onStanza(message),
      onEnd: (end) => ended.resolve(end),
      onFault: (error) => log.error('XMPP account: fault', { error: reason(error) }),
    };
    const stream = new ClientStream({ clock, maxStanzaBytes: STANZA_MAX, closeMs: CLOSE_MS }, handler);
    this.#stream = stream;
    if (this.#stopping.signal.aborted) return stream.destroy();
    const jid = await logIn(stream, {
      clock,
      ...place,
      domain: this.#domain,
      username: this.#local,
      password,
      credentials: 'user name or password',
      mechanisms: ['SCRAM-SHA-1', 'PLAIN'],
      security,
      // [RFC 6120 §13.7.2] the certificate is that of the account's domain, wherever DNS says its server is.
      serverName: this.#domain,
      resource: this.#resource,
      timeoutMs,
      ...(this.#ca !== undefined && { ca: this.#ca }),
      onIq: (iq) => this.#iq(iq),
    });
    this.#online = true;
    this.trouble = undefined;
    log.info('XMPP account: online', { jid });
    this.#events.onOnline(jid);
    const end = await ended.promise;
    this.#online = false;
    this.trouble = { why: endText(end), fault: undefined };
    log.info('XMPP account: offline', { because: endText(end) });
    for (const { failed } of this.#questions.values()) failed(new OfflineError('the connection has ended'));
    this.#events.onOffline();
    await stream.gone;
  }

  #iq(iq: XmlElement): boolean {
    const { type, id = '', from } = iq.attrs;
    if (type !== 'result' && type !== 'error') return this.#events.onStanza(iq);
    const question = this.#questions.get(id);
    if (!question) return false;
    // Somebody else's answer is none. The own server may leave its name out. [RFC 6120 §8.1.2.1]
    const who = parseJid(from ?? this.#domain);
    const meant = parseJid(question.to);
    if (who && meant && who.bare === meant.bare && who.resource === meant.resource) question.answered(iq);
    return true;
  }

  #look() {
    const { clock, log } = this.#deps;
    const offset = () => clock.now() - clock.monotonic();
    let before = offset();
    return every(
      clock,
      LOOK_MS,
      () => {
        const slept = offset() - before > SLEPT_MS;
        before = offset();
        if (slept) {
          log.info('the machine has slept, or its clock was set ahead');
          this.#hurry.abort();
        }
        const { ping_interval, ping_timeout } = this.#options;
        const silentMs = clock.monotonic() - (this.#stream?.lastReadAt ?? 0);
        if (slept) void this.#ping(Math.min(WAKE_MS, ping_timeout));
        else if (silentMs >= ping_interval) void this.#ping(ping_timeout);
      },
      (error) => log.error('XMPP account: fault', { error: reason(error) }),
    );
  }

  /** Asks the server for a sign of life; without any the connection is cut. [XEP-0199] */
  async #ping(timeoutMs: number): Promise<void> {
    const stream = this.#stream;
    if (!this.#online || !stream || this.#pinging) return;
    this.#pinging = true;
    const { clock, log } = this.#deps;
    const asked = clock.monotonic();
    const to = this.#domain;
    const question = this.ask(to, (id) => `<iq type="get" to="${to}" id="${id}"><ping xmlns="${NS.ping}"/></iq>`);
    try {
      await deadline(clock, question, timeoutMs, 'ping');
    } catch {
      if (stream.lastReadAt < asked && stream.writable) {
        log.warn('XMPP account: no sign of life, connection cut', { after: timeoutMs });
        stream.destroy();
      }
    } finally {
      this.#pinging = false;
    }
  }
}

function endText(end: ClientStreamEnd): string {
  if (end.kind === 'stream-error')
    return `the server ended the stream: ${end.condition}${end.text && ` (${end.text})`}`;
  if (end.kind === 'failed') return reason(end.error);
  return end.kind === 'closed' ? 'the server closed the connection' : 'closed';
}
