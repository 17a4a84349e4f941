import type { Clock, Timer } from '../lib/clock.ts';
import { type Log, reason } from '../lib/log.ts';
import type { Outcome } from './message.ts';
import { type Claim, type Provider, STORE_RETRY_MS, type Store } from './ports.ts';
import { tellRefusal } from './refusal.ts';
import type { Telemetry } from './telemetry.ts';

/** How many messages are claimed in one go: bounds the memory of a claim, not the throughput. */
const CLAIM_MAX = 512;
/**
 * Claimed ahead: one for so many in flight, and never more than so many. A place in a window that becomes free is filled
 * at once and not only when the store has answered, which would add a commit to every round trip.
 */
const AHEAD_SHARE = 4;
const AHEAD_MAX = 256;
/** What was claimed ahead and finds no room for so long goes back: it may expire, or be replaced. */
const AHEAD_MS = 1_000;

/** What a flow works with. */
export interface FlowDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly telemetry: Telemetry;
}

/** What a flow needs of the dispatcher. */
export interface FlowHost {
  /** How many more messages may be on their way, over all providers. */
  readonly allowance: number;
  /** Turns an outcome into what follows from it. */
  judge(claim: Claim, outcome: Outcome): void;
  /** Gives claims back untried, as often as it takes. */
  release(claims: readonly Claim[]): void;
}

/**
 * The work of one provider: as many claims as it has room for and a few ahead, each handed over, each outcome handed on.
 */
export class Flow {
  readonly #provider: Provider;
  readonly #deps: FlowDeps;
  readonly #host: FlowHost;
  /** Claimed and not handed over, oldest first. */
  #ahead: Claim[] = [];
  #patience: Timer | undefined;
  /** How many were handed over so far: whether anything moves. */
  #handed = 0;
  /** Nothing has moved for long: nothing is claimed ahead until an outcome comes. */
  #stuck = false;
  #claiming = false;
  #again = false;
  #stopped = false;
  #due: Timer | undefined;
  readonly #idlers: (() => void)[] = [];
  /** Messages handed over and not yet answered. */
  inFlight = 0;

  constructor(provider: Provider, deps: FlowDeps, host: FlowHost) {
    this.#provider = provider;
    this.#deps = deps;
    this.#host = host;
  }

  /** Claims nothing more and gives back what was claimed ahead; resolves when no claim is on its way out of the store. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#due?.cancel();
    this.#patience?.cancel();
    this.#giveBack(() => true);
    if (this.#claiming) await new Promise<void>((resolve) => this.#idlers.push(resolve));
  }

  /** Hands over and claims until there is no work or no room. Calls during a claim make it look once more. */
  async pump(): Promise<void> {
    this.#handOver();
    if (this.#claiming) {
      this.#again = true;
      return;
    }
    this.#claiming = true;
    try {
      do {
        this.#again = false;
        const wanted = this.#wanted();
        if (wanted <= 0 || this.#stopped) break;
        if (await this.#claim(wanted)) this.#again = true;
      } while (this.#again);
    } catch (error) {
      tellRefusal(this.#deps.log, 'store refused a claim, trying again', error, { provider: this.#provider.name });
      this.#wakeAfter(STORE_RETRY_MS);
    } finally {
      this.#claiming = false;
      for (const resolve of this.#idlers.splice(0)) resolve();
    }
  }

  /** The target has to wait: what was claimed for it goes back, where the store knows that. */
  hold(target: string): void {
    this.#giveBack(({ message }) => message.target === target);
  }

  #wanted(): number {
    const { allowance } = this.#host;
    const room = Math.min(this.#provider.room(), allowance) - this.#ahead.length;
    if (allowance <= 0) return 0;
    const ahead = this.#stuck ? 0 : Math.min(Math.ceil(this.inFlight / AHEAD_SHARE), AHEAD_MAX);
    // Without room a claim pays only when half of what may lie ahead is gone: asking for each one would cost a commit each.
    if (room <= 0 && this.#ahead.length * 2 >= ahead) return 0;
    return Math.min(Math.max(room, 0) + ahead, CLAIM_MAX);
  }

  /** True if there may be more than was claimed. */
  async #claim(wanted: number): Promise<boolean> {
    const { store, clock } = this.#deps;
    const { claims, nextDueAt } = await store.claim(this.#provider.name, wanted, clock.now());
    this.#ahead.push(...claims);
    if (this.#stopped) {
      this.#giveBack(() => true);
      return false;
    }
    this.#handOver();
    if (nextDueAt !== undefined) this.#wakeAfter(Math.max(1, nextDueAt - clock.now()));
    return claims.length === wanted;
  }

  #handOver(): void {
    if (this.#ahead.length === 0) return;
    const now = this.#deps.clock.now();
    const expired: Claim[] = [];
    for (let room = Math.min(this.#provider.room(), this.#host.allowance); room > 0; ) {
      const claim = this.#ahead.shift();
      if (!claim) break;
      this.#handed++;
      if (claim.message.expiresAt < now) expired.push(claim);
      else {
        void this.#deliver(claim);
        room--;
      }
    }
    this.#release(expired);
    this.#watch();
  }

  async #deliver(claim: Claim): Promise<void> {
    const { clock, telemetry, log } = this.#deps;
    const { name } = this.#provider;
    const started = clock.monotonic();
    this.inFlight++;
    let outcome: Outcome;
    try {
      outcome = await this.#provider.deliver(claim.message, clock.now());
    } catch (error) {
      // A fault of ours, not an answer: waiting as after an answer keeps a broken message from spinning.
      log.error('provider failed', { provider: name, error: reason(error) });
      outcome = { kind: 'later', scope: 'message', code: 'INTERNAL_SERVER_ERROR', because: reason(error), reply: '{}' };
    }
    if (outcome.kind !== 'unsent' && outcome.kind !== 'unanswered') {
      telemetry.observe('pushbridge_round_trip_seconds', { provider: name }, (clock.monotonic() - started) / 1000);
    }
    this.#host.judge(claim, outcome);
    this.inFlight--;
    this.#stuck = false;
    if (this.inFlight === 0 && this.#provider.room() <= 0) this.#giveBack(() => true); // nothing will move soon
  }

  /** Gives back what lies ahead when nothing has moved for long. */
  #watch(): void {
    if (this.#patience || this.#ahead.length === 0 || this.#stopped) return;
    const handed = this.#handed;
    this.#patience = this.#deps.clock.after(AHEAD_MS, () => {
      this.#patience = undefined;
      this.#stuck = this.#handed === handed;
      if (this.#stuck) this.#giveBack(() => true);
      else this.#watch();
    });
  }

  #giveBack(which: (claim: Claim) => boolean): void {
    const back = this.#ahead.filter(which);
    if (back.length === 0) return;
    this.#ahead = this.#ahead.filter((claim) => !which(claim));
    this.#release(back);
  }

  #release(claims: readonly Claim[]): void {
    if (claims.length > 0) this.#host.release(claims);
  }

  #wakeAfter(ms: number): void {
    this.#due?.cancel();
    if (!this.#stopped) this.#due = this.#deps.clock.after(ms, () => this.pump());
  }
}
