import type { Message, Outcome } from '../../core/index.ts';
import type { Clock } from '../../lib/clock.ts';
import { type Log, reason } from '../../lib/log.ts';
import type { Flight } from './flights.ts';
import type { Lane } from './lane.ts';
import { poisoned } from './outcomes.ts';

/** Connections that a message may end on its own before it is a dead letter, while others get their answers. */
const KILLS_MAX = 2;
/** The same while nobody gets any: then the service is in trouble itself, and ends whatever connection it has. */
const KILLS_IN_TROUBLE_MAX = 10;
/** Messages under suspicion, and waiting for their turn, at most; beyond, they are sent like any other. */
const SUSPECTS_MAX = 1_000;

/** Stream errors that are about the server or the connection, never about what was sent. [RFC 6120 §4.9.3] */
const INNOCENT = new Set([
  'conflict',
  'connection-timeout',
  'host-gone',
  'host-unknown',
  'not-authorized',
  'remote-connection-failed',
  'reset',
  'resource-constraint',
  'see-other-host',
  'system-shutdown',
  'unsupported-version',
]);

/** Whether a stream error may be the fault of a message in flight. */
export const isBlame = (condition: string): boolean => !INNOCENT.has(condition);

export interface ProbeLinks {
  readonly clock: Clock;
  readonly log: Log;
  /** A suspect waits so long, in milliseconds; then it goes back to the store, still under suspicion. */
  readonly patienceMs: number;
  /** A connection for the probe alone; undefined when there will be none. */
  borrow(): Promise<Lane | undefined>;
  giveBack(lane: Lane): void;
  /** How many answers the service has given so far, on all connections. */
  answers(): number;
  count(event: string): void;
}

interface Suspicion {
  kills: number;
  /** Answers that the service had given when it began. */
  readonly since: number;
}

/**
 * Messages that were in flight when a stream error ended their connection. One of them may be to blame, and would take its
 * neighbours along for ever: so they go one at a time, over a connection of their own.
 */
export class Probe {
  readonly #links: ProbeLinks;
  /** By wire id. */
  readonly #suspects = new Map<string, Suspicion>();
  readonly #queue: { readonly flight: Flight; readonly since: number }[] = [];
  #running = false;
  #stopped = false;

  constructor(links: ProbeLinks) {
    this.#links = links;
  }

  /** Messages that wait for their turn. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Whether this message must go alone. */
  suspects(wireId: string): boolean {
    return this.#suspects.size > 0 && this.#suspects.has(wireId);
  }

  add(flight: Flight): void {
    if (this.#stopped) {
      flight.resolve({ kind: 'unanswered', because: 'the bridge stops' });
      return;
    }
    const { wireId } = flight.message;
    if (this.#queue.length >= SUSPECTS_MAX) {
      // Not under suspicion any more: it would come back here at once, again and again.
      this.#suspects.delete(wireId);
      flight.resolve({ kind: 'unanswered', because: 'too many messages wait to be sent alone' });
      return;
    }
    if (!this.#suspects.has(wireId)) {
      this.#suspects.set(wireId, { kills: 0, since: this.#links.answers() });
      const [oldest] = this.#suspects.keys();
      if (this.#suspects.size > SUSPECTS_MAX && oldest !== undefined) this.#suspects.delete(oldest);
    }
    this.#queue.push({ flight, since: this.#links.clock.monotonic() });
    if (!this.#running) {
      this.#running = true;
      this.#run().catch((error) => this.#links.log.error('probe failed', { error: reason(error) }));
    }
  }

  /** Sends back to the store what has waited too long. `now` is monotonic. */
  sweep(now: number): void {
    for (;;) {
      const [head] = this.#queue;
      if (!head || now - head.since < this.#links.patienceMs) return;
      this.#queue.shift();
      head.flight.resolve({ kind: 'unanswered', because: 'no connection to send it alone' });
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const { flight } of this.#queue.splice(0)) flight.resolve({ kind: 'unanswered', because: 'the bridge stops' });
  }

  async #run(): Promise<void> {
    let lane: Lane | undefined;
    try {
      while (this.#queue.length > 0) {
        if (lane?.state !== 'open' || !lane.stream.writable) {
          if (lane) this.#links.giveBack(lane);
          lane = await this.#links.borrow();
          if (!lane) return this.stop();
        }
        const next = this.#queue.shift();
        if (next) await this.#try(next.flight, lane);
      }
    } finally {
      this.#running = false;
      if (lane) this.#links.giveBack(lane);
    }
  }

  /** One suspect, alone on `lane`. Resolves when it has an outcome, or is back in the queue. */
  #try(flight: Flight, lane: Lane): Promise<void> {
    const { message } = flight;
    this.#links.count('probe');
    return new Promise((done) => {
      const resolve = (outcome: Outcome): void => {
        if (outcome.kind !== 'unanswered' && outcome.kind !== 'unsent') this.#suspects.delete(message.wireId);
        flight.resolve(outcome);
        done();
      };
      const killed = (condition: string): void => {
        if (this.#kill(message, condition)) resolve(poisoned(message, condition));
        // Behind the others: if they get through, it was this one.
        else this.#queue.push({ flight, since: this.#links.clock.monotonic() });
        done();
      };
      const sent = lane.send({ message, resolve, killed }, this.#links.clock.now());
      if (!sent) resolve({ kind: 'unsent', because: 'the connection closes' });
    });
  }

  /** Counts a connection that `message` ended alone; true if it is one too many. */
  #kill({ wireId, session, messageId }: Message, condition: string): boolean {
    const answers = this.#links.answers();
    const suspicion = this.#suspects.get(wireId) ?? { kills: 0, since: answers };
    this.#suspects.set(wireId, suspicion);
    suspicion.kills++;
    if (suspicion.kills < (answers > suspicion.since ? KILLS_MAX : KILLS_IN_TROUBLE_MAX)) return false;
    this.#links.count('poisoned');
    this.#links.log.warn('poisoned message', { session, messageId, wireId, condition });
    return true;
  }
}
