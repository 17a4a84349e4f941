import type { Backoff, Random } from '../../lib/backoff.ts';
import { Breaker, type Ticket } from '../../lib/breaker.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { Strikes, type StrikeTicket } from '../../lib/strikes.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';

/** Push services that are remembered, beside those with messages under way. */
const ORIGINS_MAX = 1_000;
/** Messages under way to a service that is not known yet. It gets one more with each answer. */
const FIRST_WINDOW = 16;
/** So many times in a row without an answer, and a service is left alone. */
const SILENCES_MAX = 3;
/** Between tries while it is left alone. */
const DOWN_BACKOFF: Backoff = { baseMs: 1_000, capMs: 60_000 };
/**
 * What the outbox has next may be for a service that takes no more now, and is put off then. That costs a write each: so
 * many a second are put off for the sake of those behind them, and never so many at once.
 */
const PUT_OFF_PER_SECOND = 500;
const PUT_OFF_BURST = 100;
/** Room is offered for so many of these. */
const BEYOND = 50;
/** A service that answered a request so fast, and so lately, in milliseconds, has a place again soon: nobody is put off. */
const BRISK_MS = 1_000;
/** Without room, whether that has changed is looked at so often, in milliseconds. */
const LOOK_MS = 100;

interface Origin {
  readonly name: string;
  readonly breaker: Breaker;
  readonly silences: Strikes;
  /** Messages under way at once, at most. */
  window: number;
  inFlight: number;
  /** It is brisk until then. Monotonic. */
  briskUntil: number;
  /** Being left alone stands in the log: its end has to stand there too. */
  told: boolean;
}

/** Leave for one message; it goes to exactly one of the methods of {@link Origins} that end it. */
export interface Place {
  readonly origin: Origin;
  readonly ticket: Ticket;
  readonly silence: StrikeTicket;
  /** Monotonic. */
  readonly startedAt: number;
}

export type Entry =
  | { readonly kind: 'place'; readonly place: Place }
  /** It has as much under way as it takes. */
  | { readonly kind: 'full'; readonly because: string }
  /** It gives no answers and is left alone. */
  | { readonly kind: 'down'; readonly because: string };

export interface OriginsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Messages under way in all, and to one service, at most. */
  readonly max: number;
  readonly perOrigin: number;
  readonly count: (event: 'origin_down' | 'origin_full') => void;
  /** There may be more room than before. */
  readonly onRoom: () => void;
}

/**
 * The push services by their origins, and how much each of them may have under way: one that is slow or dead must not take
 * the room of all others. The window of a service grows with its answers, as that of TCP does, and is halved when they stay
 * out; one that gives none is asked once in a while.
 */
export class Origins {
  readonly #options: OriginsOptions;
  /** The longest unused first. */
  readonly #origins = new Map<string, Origin>();
  /** Those with more than half of their window in use. */
  readonly #strained = new Set<Origin>();
  readonly #putOff: TokenBucket;
  #inFlight = 0;
  #wake: Timer | undefined;
  #stopped = false;

  constructor(options: OriginsOptions) {
    this.#options = options;
    this.#putOff = new TokenBucket({ perSecond: PUT_OFF_PER_SECOND, burst: PUT_OFF_BURST }, options.clock);
  }

  /** Messages under way. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Services that are known, and those among them that give no answers. */
  get report(): { readonly known: number; readonly down: number } {
    let down = 0;
    for (const { breaker } of this.#origins.values()) if (breaker.trouble !== undefined) down++;
    return { known: this.#origins.size, down };
  }

  /**
   * How many messages to whomever may come: as many as the one that is closest to its limit still takes. If that is none and
   * it will stay so for a while, some that are put off if they are for that one.
   */
  get room(): number {
    const now = this.#options.clock.monotonic();
    const free = Math.max(0, this.#options.max - this.#inFlight);
    let least = FIRST_WINDOW;
    let slow = false;
    for (const { window, inFlight, briskUntil } of this.#strained) {
      least = Math.min(least, window - inFlight);
      slow ||= inFlight >= window && briskUntil < now;
    }
    if (least > 0) return Math.min(free, least);
    if (free > 0 && (!slow || this.#putOff.waitMs(BEYOND) > 0)) this.#awaitPutOff();
    return slow && this.#putOff.waitMs(BEYOND) === 0 ? Math.min(free, BEYOND) : 0;
  }

  /** A message to this origin begins; only with room. */
  enter(name: string): Entry {
    const origin = this.#originOf(name);
    const { breaker, silences } = origin;
    if (breaker.allowance <= 0) return { kind: 'down', because: breaker.trouble ?? 'is being tried' };
    if (origin.inFlight >= origin.window) {
      this.#options.count('origin_full');
      this.#putOff.take();
      return { kind: 'full', because: `${origin.inFlight} messages are under way to ${name}` };
    }
    const startedAt = this.#options.clock.monotonic();
    const place = { origin, ticket: breaker.enter(), silence: silences.begin(), startedAt };
    this.#move(origin, 1);
    // It took nothing of what another one holds the room down to.
    if (this.#strained.size > 0 && !this.#strained.has(origin)) this.#options.onRoom();
    return { kind: 'place', place };
  }

  /** The service works, whatever it thinks of this message. */
  answered({ origin, startedAt }: Place): void {
    const now = this.#options.clock.monotonic();
    if (now - startedAt <= BRISK_MS) origin.briskUntil = now + BRISK_MS;
    origin.window = Math.min(this.#options.perOrigin, origin.window + 1);
    origin.silences.clear();
    origin.breaker.succeeded();
    this.#leave(origin);
  }

  /** The service answered that it can not: it gets less, and is not back before it does something. */
  erred({ origin, ticket }: Place, because: string, minMs = 0): void {
    origin.window = Math.max(1, origin.window >> 1);
    origin.silences.clear();
    if (origin.breaker.trouble !== undefined) origin.breaker.failed(ticket, because, minMs);
    this.#leave(origin);
  }

  /** No answer. Many messages that are lost together are one loss. */
  silent({ origin, ticket, silence }: Place, because: string): void {
    if (silence === origin.silences.begin()) origin.window = Math.max(1, origin.window >> 1);
    const many = origin.silences.add(silence);
    if ((many || origin.breaker.trouble !== undefined) && origin.breaker.failed(ticket, because)) {
      this.#options.count('origin_down');
    }
    this.#leave(origin);
  }

  /** Nothing was asked of the service. */
  abandoned({ origin, ticket }: Place): void {
    origin.breaker.abandoned(ticket);
    this.#leave(origin);
  }

  /** No more timers. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.cancel();
    for (const { breaker } of this.#origins.values()) breaker.stop();
  }

  #leave(origin: Origin): void {
    this.#move(origin, -1);
    this.#options.onRoom();
  }

  #move(origin: Origin, by: 1 | -1): void {
    origin.inFlight += by;
    this.#inFlight += by;
    if (origin.inFlight * 2 > origin.window) this.#strained.add(origin);
    else this.#strained.delete(origin);
  }

  #originOf(name: string): Origin {
    const known = this.#origins.get(name);
    if (known) this.#origins.delete(name);
    const origin = known ?? this.#create(name);
    this.#origins.set(name, origin);
    return origin;
  }

  #create(name: string): Origin {
    const { clock, random, perOrigin } = this.#options;
    this.#forgetOne();
    const breaker = new Breaker({ clock, random, backoff: DOWN_BACKOFF, onChange: () => this.#changed(origin) });
    const window = Math.min(FIRST_WINDOW, perOrigin);
    const silences = new Strikes(SILENCES_MAX);
    const origin: Origin = {
      name,
      breaker,
      silences,
      window,
      inFlight: 0,
      briskUntil: Number.NEGATIVE_INFINITY,
      told: false,
    };
    return origin;
  }

  /** Whatever has messages under way stays: of those there are no more than messages. */
  #forgetOne(): void {
    if (this.#origins.size < ORIGINS_MAX) return;
    for (const [name, { inFlight, breaker }] of this.#origins) {
      if (inFlight > 0) continue;
      breaker.stop();
      this.#origins.delete(name);
      return;
    }
  }

  #changed(origin: Origin): void {
    const { trouble } = origin.breaker;
    const down = trouble !== undefined;
    if (down !== origin.told) {
      const { log } = this.#options;
      if (down) log.info('push service gives no answers', { origin: origin.name, because: trouble });
      else log.info('push service answers again', { origin: origin.name });
    }
    origin.told = down;
    this.#options.onRoom();
  }

  /** One timer for everybody who waits behind messages that nobody takes, and that can not be put off yet. */
  #awaitPutOff(): void {
    if (this.#wake || this.#stopped) return;
    this.#wake = this.#options.clock.after(Math.max(LOOK_MS, this.#putOff.waitMs(BEYOND)), () => {
      this.#wake = undefined;
      this.#options.onRoom();
    });
  }
}
