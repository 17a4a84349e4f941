import type { Random } from '../lib/backoff.ts';
import { Batcher } from '../lib/batcher.ts';
import { every, sleep, type Timer } from '../lib/clock.ts';
import { reason } from '../lib/log.ts';
import { Flow, type FlowDeps, type FlowHost } from './flow.ts';
import type { Message, Notice, Outcome } from './message.ts';
import { expire, judge, type RetryRules } from './outcomes.ts';
import { type Claim, isClosed, type Provider, type Settlement, STORE_RETRY_MS, StoreError } from './ports.ts';
import { tellRefusal } from './refusal.ts';

/** Expired messages settled in one go, and how often they are looked for. A TTL of 0 needs about a second. */
const EXPIRY_BATCH = 500;
const EXPIRY_INTERVAL_MS = 250;
/** Outcomes that wait for the store, at most: beyond it nothing more is sent, so that a sick store bounds the harm. */
const UNSETTLED_MAX = 10_000;

export interface DispatcherDeps extends FlowDeps {
  readonly random: Random;
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
  readonly #releases: Batcher<{ readonly id: number; readonly claim: number }>;
  #unsettled = 0;
  #expiry: Timer | undefined;
  #expiring: Promise<void> = Promise.resolve();
  #stopping = false;
  #paused = false;
  readonly #idlers: (() => void)[] = [];
  #onSettled: (sessions: ReadonlySet<string>) => void = () => {};
  #onGone: (message: Message) => void = () => {};
  #onAnswer: (session: string, mailbox: number, notice: Notice) => void = () => {};

  constructor(deps: DispatcherDeps) {
    this.#deps = deps;
    this.#settlements = new Batcher((batch) => void this.#settle(batch));
    this.#releases = new Batcher((batch) => void this.#keepTrying(batch, (part) => deps.store.release(part)));
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

  /** Called with each message whose target is no more, as its service says. */
  onGone(listener: (message: Message) => void): void {
    this.#onGone = listener;
  }

  /** Called after the commit with each outcome that went into no inbox, and with the mailbox that it is for. */
  onAnswer(listener: (session: string, mailbox: number, notice: Notice) => void): void {
    this.#onAnswer = listener;
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
    if (outcome.kind === 'gone') this.#onGone(message);
    if ('code' in outcome) telemetry.add('pushbridge_nacks_total', { provider, code: outcome.code });
    if (outcome.kind === 'unanswered') telemetry.add('pushbridge_messages_total', { provider, state: 'unanswered' });
    if (verdict.kind === 'release') {
      this.release([claim]);
      return;
    }
    this.#unsettled++;
    if (outcome.kind === 'later' && outcome.scope === 'target' && verdict.kind === 'retry') {
      this.#flows.get(provider)?.hold(message.target);
      store.hold(provider, message.target, verdict.dueAt).catch(() => {}); // the message itself waits anyway
    }
    const state = verdict.kind === 'retry' ? 'retried' : verdict.accepted ? 'accepted' : ended(verdict.notice.error);
    telemetry.add('pushbridge_messages_total', { provider, state });
    this.#settlements.push({ id: message.id, claim: claim.claim, at, verdict });
  }

  release(claims: readonly Claim[]): void {
    this.#unsettled += claims.length;
    for (const { claim, message } of claims) this.#releases.push({ id: message.id, claim });
  }

  #wakeAll(): void {
    for (const name of this.#flows.keys()) this.wake(name);
  }

  #settle(batch: readonly Settlement[]): Promise<void> {
    const { store, telemetry } = this.#deps;
    return this.#keepTrying(batch, async (part) => {
      const settled = await store.settle(part);
      const sessions = new Set<string>();
      settled.forEach((result, index) => {
        if (result.kind === 'stale') telemetry.add('pushbridge_stale_settlements_total', {});
        if (result.kind !== 'settled') return;
        sessions.add(result.session);
        const verdict = part[index]?.verdict;
        if (verdict?.kind !== 'final' || result.sequence !== undefined) return;
        this.#tell(result.session, result.mailbox, verdict.notice);
      });
      if (sessions.size > 0) this.#onSettled(sessions);
    });
  }

  /** A door that fails here must not make what is committed look refused. */
  #tell(session: string, mailbox: number, notice: Notice): void {
    try {
      this.#onAnswer(session, mailbox, notice);
    } catch (error) {
      this.#deps.log.error('answer not handed on', { session, error: reason(error) });
    }
  }

  /**
   * An outcome must not be lost while the process lives: the service has spoken, asking it again would repeat the push.
   * What waits here is bounded by {@link UNSETTLED_MAX} and the windows of the providers. When the store is well and refuses
   * a batch, something in it is at fault: then each goes for itself, so that it holds up nobody else.
   */
  async #keepTrying<T>(batch: readonly T[], work: (part: readonly T[]) => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await work(batch);
        break;
      } catch (error) {
        if (isClosed(error)) break; // the message is still there after the next start
        tellRefusal(this.#deps.log, 'store refused an outcome, trying again', error, { count: batch.length });
        if (batch.length > 1 && error instanceof StoreError && error.code === 'fault') {
          await Promise.all(batch.map((one) => this.#keepTrying([one], work)));
          return;
        }
        await sleep(this.#deps.clock, STORE_RETRY_MS);
      }
    }
    const full = this.allowance <= 0;
    this.#unsettled -= batch.length;
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
