import type { Clock, Timer } from '../lib/clock.ts';
import { type Log, reason } from '../lib/log.ts';
import type { Outcome } from './message.ts';
import { type Claim, type Provider, STORE_RETRY_MS, type Store } from './ports.ts';
import { tellRefusal } from './refusal.ts';
import type { Telemetry } from './telemetry.ts';

/** How many messages are claimed in one go: bounds the memory of a claim, not the throughput. */
const CLAIM_MAX = 512;

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
}

/** The work of one provider: as many claims as it has room for, each handed over, each outcome handed on. */
export class Flow {
  readonly #provider: Provider;
  readonly #deps: FlowDeps;
  readonly #host: FlowHost;
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

  /** Claims nothing more; resolves when no claim is on its way out of the store. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#due?.cancel();
    if (this.#claiming) await new Promise<void>((resolve) => this.#idlers.push(resolve));
  }

  /** Claims and hands over until there is no work or no room. Calls during a claim make it look once more. */
  async pump(): Promise<void> {
    if (this.#claiming) {
      this.#again = true;
      return;
    }
    this.#claiming = true;
    try {
      do {
        this.#again = false;
        const room = Math.min(this.#provider.room(), this.#host.allowance, CLAIM_MAX);
        if (room <= 0 || this.#stopped) break;
        if (await this.#claim(room)) this.#again = true;
      } while (this.#again);
    } catch (error) {
      tellRefusal(this.#deps.log, 'store refused a claim, trying again', error, { provider: this.#provider.name });
      this.#wakeAfter(STORE_RETRY_MS);
    } finally {
      this.#claiming = false;
      for (const resolve of this.#idlers.splice(0)) resolve();
    }
  }

  /** True if there may be more than was claimed. */
  async #claim(room: number): Promise<boolean> {
    const { store, clock } = this.#deps;
    const { claims, nextDueAt } = await store.claim(this.#provider.name, room, clock.now());
    if (this.#stopped) {
      if (claims.length > 0) await store.release(claims.map(({ claim, message }) => ({ id: message.id, claim })));
      return false;
    }
    for (const claim of claims) void this.#deliver(claim);
    if (nextDueAt !== undefined) this.#wakeAfter(Math.max(1, nextDueAt - clock.now()));
    return claims.length === room;
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
  }

  #wakeAfter(ms: number): void {
    this.#due?.cancel();
    if (!this.#stopped) this.#due = this.#deps.clock.after(ms, () => this.pump());
  }
}
