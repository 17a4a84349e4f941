import type { Random } from '../lib/backoff.ts';
import { Batcher } from '../lib/batcher.ts';
import { type Clock, every, sleep, type Timer } from '../lib/clock.ts';
import { type Log, reason } from '../lib/log.ts';
import type { Outcome } from './message.ts';
import { expire, judge, type RetryRules } from './outcomes.ts';
import { type Claim, isClosed, type Provider, type Settlement, STORE_RETRY_MS, type Store } from './ports.ts';
import { tellRefusal } from './refusal.ts';
import type { Telemetry } from './telemetry.ts';

/** How many messages are claimed in one go: bounds the memory of a claim, not the throughput. */
const CLAIM_MAX = 512;
/** Expired messages settled in one go, and how often they are looked for. A TTL of 0 needs about a second. */
const EXPIRY_BATCH = 500;
const EXPIRY_INTERVAL_MS = 250;
/** Outcomes that wait for the store, at most: beyond it nothing more is sent, so that a sick store bounds the harm. */
const UNSETTLED_MAX = 10_000;

export interface DispatcherDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly retry: RetryRules;
}

/**
 * Moves messages from the outbox to the providers: claims as much as a provider has room for, hands it over, turns the
 * outcome into a verdict and settles it. It never waits for a backend's window, and no provider waits for another.
 */
export class Dispatcher implements FlowHost {
  readonly #deps: DispatcherDeps;
  readonly #flows = new Map<string, Flow>();
  readonly #settlements: Batcher<Settlement>;
  #unsettled = 0;
  #expiry: Timer | undefined;
  #expiring: Promise<void> = Promise.resolve();
  #stopping = false;
  #paused = false;
  readonly #idlers: (() => void)[] = [];
  #onSettled: (sessions: ReadonlySet<string>) => void = () => {};

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    this.#settlements = new Batcher((batch) => void this.#settle(batch));
  }

  /** Adds a provider. Before {@link start}. */
  add(provider: Provider): void {
    this.#flows.set(provider.name, new Flow(provider, this.#deps, this));
    provider.onRoom(() => this.wake(provider.name));
  }

  /** Called after a commit of outcomes with the sessions whose pending messages became fewer. */
  onSettled(listener: (sessions: ReadonlySet<string>) => void): void {
    this.#onSettled = listener;
  }

  start(): void {
    const { clock, log } = this.#deps;
    this.#expiry = every(
      clock,
      EXPIRY_INTERVAL_MS,
      () => (this.#expiring = this.#expire()),
      (error) => tellRefusal(log, 'expiry postponed', error),
    );
    for (const flow of this.#flows.values()) flow.pump();
  }

  /** There may be work for this provider. */
  wake(provider: string): void {
    if (!this.#stopping) this.#flows.get(provider)?.pump();
  }

  /** While paused nothing more is claimed: a store that can't write down an outcome should not cause new ones. */
  pause(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.#wakeAll();
  }

  /** How many more messages may be on their way, over all providers. */
  get allowance(): number {
    return this.#paused ? 0 : UNSETTLED_MAX - this.#unsettled;
  }

  /** Messages handed to providers whose outcome is not committed yet. */
  get inFlight(): number {
    let sum = this.#unsettled;
    for (const flow of this.#flows.values()) sum += flow.inFlight;
    return sum;
  }

  /** Claims nothing more; resolves when everything in flight is settled. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#expiry?.cancel();
    // Claims that are on their way out of the store would otherwise come home to a bridge that has stopped.
    await Promise.allSettled([this.#expiring, ...this.#flows.values().map((flow) => flow.stop())]);
    while (this.inFlight > 0) await new Promise<void>((resolve) => this.#idlers.push(resolve));
  }

  /** Turns an outcome into what follows from it. */
  judge(claim: Claim, outcome: Outcome): void {
    const { clock, retry, random, store, telemetry } = this.#deps;
    const { message } = claim;
    const { provider } = message;
    const at = clock.now();
    const verdict = judge(message, outcome, at, retry, random);
    if ('code' in outcome) telemetry.add('pushbridge_nacks_total', { provider, code: outcome.code });
    if (outcome.kind === 'unanswered') telemetry.add('pushbridge_messages_total', { provider, state: 'unanswered' });
    this.#unsettled++;
    if (verdict.kind === 'release') {
      this.#keepTrying(() => store.release([{ id: message.id, claim: claim.claim }]), 1);
      return;
    }
    if (outcome.kind === 'later' && outcome.scope === 'target' && verdict.kind === 'retry') {
      store.hold(provider, message.target, verdict.dueAt).catch(() => {}); // the message itself waits anyway
    }
    const state = verdict.kind === 'retry' ? 'retried' : verdict.accepted ? 'accepted' : ended(verdict.notice.error);
    telemetry.add('pushbridge_messages_total', { provider, state });
    this.#settlements.push({ id: message.id, claim: claim.claim, at, verdict });
  }

  #wakeAll(): void {
    for (const name of this.#flows.keys()) this.wake(name);
  }

  async #settle(batch: Settlement[]): Promise<void> {
    const { store, telemetry } = this.#deps;
    await this.#keepTrying(async () => {
      const settled = await store.settle(batch);
      const sessions = new Set<string>();
      for (const result of settled) {
        if (result.kind === 'settled') sessions.add(result.session);
        else if (result.kind === 'stale') telemetry.add('pushbridge_stale_settlements_total', {});
      }
      if (sessions.size > 0) this.#onSettled(sessions);
    }, batch.length);
  }

  /**
   * An outcome must not be lost while the process lives: the service has spoken, asking it again would repeat the push.
   * What waits here is bounded by {@link UNSETTLED_MAX} and the windows of the providers.
   */
  async #keepTrying(work: () => Promise<void>, count: number): Promise<void> {
    for (;;) {
      try {
        await work();
        break;
      } catch (error) {
        if (isClosed(error)) break; // the message is still there after the next start
        tellRefusal(this.#deps.log, 'store refused an outcome, trying again', error, { count });
        await sleep(this.#deps.clock, STORE_RETRY_MS);
      }
    }
    const full = this.allowance <= 0;
    this.#unsettled -= count;
    if (full && this.allowance > 0) this.#wakeAll();
    if (this.inFlight === 0) for (const resolve of this.#idlers.splice(0)) resolve();
  }

  async #expire(): Promise<void> {
    const { store, clock, telemetry } = this.#deps;
    while (!this.#stopping) {
      const at = clock.now();
      const claims = await store.claimExpired(EXPIRY_BATCH, at);
      if (claims.length === 0) return;
      this.#unsettled += claims.length;
      for (const { message } of claims) {
        telemetry.add('pushbridge_messages_total', { provider: message.provider, state: 'expired' });
      }
      await this.#settle(claims.map(({ claim, message }) => ({ id: message.id, claim, at, verdict: expire(message) })));
      if (claims.length < EXPIRY_BATCH) return;
    }
  }
}

const ended = (error: string | undefined) => (error === 'EXPIRED' ? 'expired' : 'rejected');

/** What a flow needs of the dispatcher. */
interface FlowHost {
  readonly allowance: number;
  judge(claim: Claim, outcome: Outcome): void;
}

/** The work of one provider. */
class Flow {
  readonly #provider: Provider;
  readonly #deps: DispatcherDeps;
  readonly #host: FlowHost;
  #claiming = false;
  #again = false;
  #stopped = false;
  #due: Timer | undefined;
  readonly #idlers: (() => void)[] = [];
  inFlight = 0;

  constructor(provider: Provider, deps: DispatcherDeps, host: FlowHost) {
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
