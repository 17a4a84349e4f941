import type { Random } from '../lib/backoff.ts';
import { type Clock, every, type Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Message } from './message.ts';
import type { RetryRules } from './outcomes.ts';
import type { Health, Provider, Store, StoreError, StoreErrorCode, StoreStats } from './ports.ts';
import type { SessionRules } from './post.ts';
import { PUSH_SESSION, Pushes, pushRules } from './pushes.ts';
import { tellRefusal } from './refusal.ts';
import { Router } from './router.ts';
import { Sessions } from './sessions.ts';
import type { Telemetry } from './telemetry.ts';

/** How often bounds and windows of the store are enforced. */
const SWEEP_INTERVAL_MS = 5_000;
/** How old the figures of the store may be when somebody asks for metrics. */
const STATS_INTERVAL_MS = 2_000;
/** How a store can be in trouble. */
const TROUBLE_CODES: readonly StoreErrorCode[] = ['full', 'failed', 'dead'];

export interface CoreOptions {
  readonly store: Store;
  readonly providers: readonly Provider[];
  readonly sessions: readonly SessionRules[];
  /** Pushes to endpoints without an outcome, beyond which none is taken (default: a million). */
  readonly maxPushes?: number;
  readonly retry: RetryRules;
  readonly ownerGraceMs: number;
  /** See {@link Router}: what a frame of the doors can carry, in bytes. */
  readonly maxNoticeBytes: number;
  /** The store can't come back: nothing can be kept any more, and only a new process helps. */
  readonly onFatal: (error: StoreError) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly telemetry: Telemetry;
}

/** The bridge itself: between the doors and the providers, it keeps its word through the store. */
export class Core {
  readonly router: Router;
  readonly sessions: Sessions;
  readonly dispatcher: Dispatcher;
  readonly pushes: Pushes;
  readonly #options: CoreOptions;
  #timers: Timer[] = [];
  #stopping = false;
  #trouble: StoreError | undefined;
  #stats: StoreStats | undefined;

  constructor(options: CoreOptions) {
    this.#options = options;
    const { store, providers, clock, log, telemetry } = options;
    this.sessions = new Sessions([...options.sessions, pushRules(options.maxPushes)], options);
    this.dispatcher = new Dispatcher(options);
    this.router = new Router({
      store,
      clock,
      log,
      telemetry,
      maxNoticeBytes: options.maxNoticeBytes,
      sessions: this.sessions,
      providers: new Map(providers.map((provider) => [provider.name, provider])),
    });
    this.pushes = new Pushes({ store, clock, router: this.router, sessions: this.sessions });
    for (const provider of providers) this.dispatcher.add(provider);
  }

  /** One more provider, before {@link start}. */
  add(provider: Provider): void {
    this.dispatcher.add(provider);
  }

  /** Called with each push whose target is no more, as its service says. One listener. */
  onGone(listener: (push: Message) => void): void {
    this.dispatcher.onGone((message) => {
      if (message.session !== PUSH_SESSION) return;
      this.pushes.noteGone(message);
      listener(message);
    });
  }

  /** Begins to work: what lies in the outbox goes out. Providers must be started by then. */
  start(): void {
    const { store, clock, log } = this.#options;
    const report = (error: unknown) => tellRefusal(log, 'upkeep of the store postponed', error);
    store.onWork((work) => {
      if (work.kind === 'outbox') this.dispatcher.wake(work.provider);
      else this.sessions.wake(work.session, work.mailbox);
    });
    store.onTrouble((trouble) => {
      this.#trouble = trouble;
      this.dispatcher.pause(trouble !== undefined);
      if (trouble?.code === 'dead') this.#options.onFatal(trouble);
      if (trouble) log.error('store in trouble, nothing is accepted', { code: trouble.code, error: trouble.message });
      else log.info('store recovered');
    });
    this.dispatcher.onSettled((sessions) => this.sessions.eased(sessions));
    this.dispatcher.onAnswer((session, mailbox, notice) => this.sessions.answered(session, mailbox, notice));
    this.dispatcher.start();
    this.#timers = [
      every(clock, SWEEP_INTERVAL_MS, () => this.#sweep(), report),
      every(clock, STATS_INTERVAL_MS, () => this.#look(), report),
    ];
    this.#look().catch(report);
    this.#registerGauges();
  }

  /** Sends nothing new and resolves when everything in flight is settled. What waits stays in the store. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) timer.cancel();
    await this.dispatcher.stop();
  }

  /** The state of the store. */
  health(): Health {
    if (this.#trouble) return { state: 'down', detail: `${this.#trouble.code}: ${this.#trouble.message}` };
    const outbox = this.#stats?.outbox.reduce((sum, { depth }) => sum + depth, 0) ?? 0;
    const inbox = this.#stats?.inbox.reduce((sum, { depth }) => sum + depth, 0) ?? 0;
    return { state: 'ok', facts: { outbox, inbox, dead_letters: this.#stats?.deadLetters ?? 0 } };
  }

  async #sweep(): Promise<void> {
    const { store, clock } = this.#options;
    while (!this.#stopping && (await store.sweep(clock.now())));
    this.sessions.eased(); // an inbox that was full may have lost what waited too long
  }

  async #look(): Promise<void> {
    const before = this.#stats;
    const now = await this.#options.store.stats();
    this.#stats = now;
    const { telemetry } = this.#options;
    telemetry.add('pushbridge_store_commits_total', {}, now.commits - (before?.commits ?? 0));
    telemetry.add('pushbridge_store_operations_total', {}, now.operations - (before?.operations ?? 0));
  }

  #registerGauges(): void {
    const { telemetry, clock } = this.#options;
    const age = (oldestAt: number | undefined) => (oldestAt === undefined ? 0 : (clock.now() - oldestAt) / 1000);
    const outbox = () => this.#stats?.outbox ?? [];
    const inbox = () => this.#stats?.inbox ?? [];
    // Every code has its value, so that an alarm needs no word about what is absent.
    telemetry.gauge('pushbridge_store_trouble', () =>
      TROUBLE_CODES.map((code) => [{ code }, this.#trouble?.code === code ? 1 : 0]),
    );
    const { sessions } = this;
    telemetry.gauge('pushbridge_outbox_depth', () => outbox().map((o) => [{ provider: o.provider }, o.depth]));
    telemetry.gauge('pushbridge_outbox_oldest_seconds', () =>
      outbox().map((o) => [{ provider: o.provider }, age(o.oldestAt)]),
    );
    telemetry.gauge('pushbridge_inbox_depth', () => inbox().map((i) => [{ session: i.session }, i.depth]));
    telemetry.gauge('pushbridge_inbox_oldest_seconds', () =>
      inbox().map((i) => [{ session: i.session }, age(i.oldestAt)]),
    );
    telemetry.gauge('pushbridge_registrations', () => [[{}, this.#stats?.registrations ?? 0]]);
    telemetry.gauge('pushbridge_dead_letters', () => [[{}, this.#stats?.deadLetters ?? 0]]);
    telemetry.gauge('pushbridge_receipt_index', () => [[{}, this.#stats?.receipts ?? 0]]);
    telemetry.gauge('pushbridge_dedupe_outcomes', () => [[{}, this.#stats?.outcomes ?? 0]]);
    telemetry.gauge('pushbridge_dedupe_window_seconds', () => [[{}, (this.#stats?.dedupeWindowMs ?? 0) / 1000]]);
    telemetry.gauge('pushbridge_bal_connections', () =>
      [...sessions.connections()].map(([session, count]) => [{ session }, count]),
    );
    telemetry.gauge('pushbridge_bal_window_used', () =>
      [...sessions.windowsUsed()].map(([session, count]) => [{ session }, count]),
    );
  }
}
