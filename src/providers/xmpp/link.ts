import { type Backoff, fullJitter, type Random } from '../../lib/backoff.ts';
import { type Clock, every, pause, type Timer } from '../../lib/clock.ts';
import { type Log, reason } from '../../lib/log.ts';
import { ClientStream, NS, type XmlElement } from '../../protocols/xmpp/index.ts';
import { COMPONENT_NS, endedBecause, logIn } from './login.ts';
import type { XmppOptions } from './options.ts';

/** Between tries to connect. */
const LOGIN_BACKOFF: Backoff = { baseMs: 500, capMs: 30_000 };
/** A connection that has lived so long was of use: the next one is opened at once. Milliseconds. */
const PROVEN_MS = 10_000;
/** How long a closing connection waits for the server to close it too, in milliseconds. */
const CLOSE_MS = 2_000;

export interface LinkDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly options: XmppOptions;
  /** Whatever comes over this link: iq, message, presence. */
  readonly onStanza: (stanza: XmlElement, link: Link) => void;
  readonly onUp: () => void;
  /** It was up, and is not any more. */
  readonly onDown: (link: Link, because: string) => void;
  readonly count: (event: string) => void;
}

/** One connection to the server, made again whenever it is lost. */
export class Link {
  readonly #deps: LinkDeps;
  readonly #gone = new AbortController();
  #stream: ClientStream | undefined;
  #open = false;
  #trouble: string | undefined;
  #pings = 0;
  /** The ping that has no answer yet. */
  #asked: string | undefined;
  #watch: Timer | undefined;
  #running: Promise<void> | undefined;

  constructor(deps: LinkDeps) {
    this.#deps = deps;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Why there is no connection; undefined while there is one, and before the first try has failed. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Bytes and characters that the server has not yet taken. */
  get backlog(): number {
    return this.#stream?.backlog ?? 0;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** False if there is no connection. */
  send(stanza: string): boolean {
    return this.#open && (this.#stream?.send(stanza) ?? false);
  }

  /** Takes note of an answer to a ping; true if it was one of this link's. */
  answered(id: string): boolean {
    if (id !== this.#asked) return false;
    this.#asked = undefined;
    return true;
  }

  /** No more tries; resolves when the connection is closed. */
  async stop(): Promise<void> {
    this.#gone.abort();
    this.#watch?.cancel();
    if (this.#open) await this.#stream?.close();
    else this.#stream?.destroy();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#deps;
    for (let failures = 0; !this.#gone.signal.aborted; ) {
      const began = clock.monotonic();
      const ended = await this.#connect();
      const proven = ended === 'dropped' && clock.monotonic() - began >= PROVEN_MS;
      if (proven) failures = 0;
      else await pause(clock, fullJitter(failures++, LOGIN_BACKOFF, random), this.#gone.signal);
    }
  }

  /** One connection from its beginning to its end. */
  async #connect(): Promise<'failed' | 'dropped'> {
    const { clock, log, options, onStanza, onUp, onDown, count } = this.#deps;
    const over = Promise.withResolvers<string>();
    const receive = (stanza: XmlElement): void => {
      // After the login, nothing that is still in the socket is for us to answer.
      if (this.#stream === stream) onStanza(stanza, this);
    };
    const { max_stanza_bytes: maxStanzaBytes } = options;
    const stream = new ClientStream(
      // Clients write what the server hands on: a deep or wide stanza of one of them must not cost the connection of all.
      {
        clock,
        maxStanzaBytes,
        closeMs: CLOSE_MS,
        ns: COMPONENT_NS,
        limits: { depth: maxStanzaBytes, attributes: maxStanzaBytes },
      },
      {
        onMessage: receive,
        onEnd: (end) => over.resolve(endedBecause(end)),
        onFault: (error) => log.error('stanza not handled', { error: reason(error) }),
      },
    );
    this.#stream = stream;
    const { host, port, domain, secret, login_timeout: timeoutMs } = options;
    try {
      await logIn(stream, { clock, host, port, domain, secret, timeoutMs, onStanza: receive });
    } catch (error) {
      if (!this.#gone.signal.aborted) this.#failed(reason(error));
      await stream.gone;
      return 'failed';
    }
    this.#up();
    onUp();
    const because = await over.promise;
    this.#open = false;
    this.#watch?.cancel();
    if (!this.#gone.signal.aborted) {
      count('drop');
      this.#trouble = because;
      log.warn('connection lost', { because });
    }
    onDown(this, because);
    await stream.gone;
    return 'dropped';
  }

  #up(): void {
    const { clock, log, count, options } = this.#deps;
    this.#open = true;
    this.#asked = undefined;
    count('login');
    log.info('component online', { domain: options.domain, ...(this.#trouble && { after: this.#trouble }) });
    this.#trouble = undefined;
    this.#watch = every(
      clock,
      options.ping_interval,
      () => this.#look(),
      (error) => log.error('ping failed', { error: reason(error) }),
    );
  }

  /** Told when it is another trouble than before, not every time. */
  #failed(because: string): void {
    const { log, count } = this.#deps;
    count('login_failed');
    if (because !== this.#trouble) log.warn('login failed', { because });
    this.#trouble = because;
  }

  /** Asks a silent server whether it is there. Another link may bring the answer: servers choose among them. */
  #look(): void {
    const { clock, options, count } = this.#deps;
    const stream = this.#stream;
    if (!stream || clock.monotonic() - stream.lastReadAt < options.ping_interval) {
      this.#asked = undefined;
      return;
    }
    if (this.#asked !== undefined) {
      count('ping_timeout');
      stream.destroy();
      return;
    }
    this.#asked = `ping-${++this.#pings}`;
    const { domain } = options;
    // To ourselves, by way of the server: that works whoever else is served there.
    stream.send(`<iq type="get" from="${domain}" to="${domain}" id="${this.#asked}"><ping xmlns="${NS.ping}"/></iq>`);
  }
}
