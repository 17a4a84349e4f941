import {
  Core,
  noTelemetry,
  PUSH_SESSION,
  type RetryRules,
  type SessionRules,
  type StoreError,
  type Submission,
  type Telemetry,
} from '../../src/core/index.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMemoryStore } from '../../src/storage/memory/index.ts';
import { limits } from '../doors/bal/harness.ts';
import { FakeProvider } from './fake-provider.ts';
import { GatedStore } from './gated-store.ts';

export interface CoreBenchOptions {
  readonly sessions?: readonly SessionRules[];
  readonly providers?: readonly FakeProvider[];
  readonly retry?: RetryRules;
  readonly random?: () => number;
  readonly maxInbox?: number;
  readonly maxNoticeBytes?: number;
  /** Pushes that may wait, in all and for one endpoint. */
  readonly maxPushes?: number;
  readonly maxPerEndpoint?: number;
  readonly telemetry?: Telemetry;
}

/** A core on a memory store, with time in the hands of the test. */
export async function coreBench(given: CoreBenchOptions = {}) {
  const clock = new ManualClock();
  const providers = given.providers ?? [new FakeProvider()];
  const { maxInbox = limits.maxInbox } = given;
  const { maxPushes, maxPerEndpoint } = given;
  const sessions = maxPerEndpoint === undefined ? {} : { [PUSH_SESSION]: { maxPerTarget: maxPerEndpoint } };
  const gated = new GatedStore(createMemoryStore({ ...limits, maxInbox, sessions }));
  const { store } = gated;
  const fatal: StoreError[] = [];
  const core = new Core({
    store,
    providers,
    sessions: given.sessions ?? [{ id: 'app', maxPending: 1_000, maxInbox }],
    retry: given.retry ?? { baseMs: 1_000, capMs: 60_000 },
    ownerGraceMs: 30_000,
    maxNoticeBytes: given.maxNoticeBytes ?? 1_000,
    onFatal: (error) => fatal.push(error),
    clock,
    random: given.random ?? (() => 0.5),
    log: silentLog,
    telemetry: given.telemetry ?? noTelemetry,
    ...(maxPushes !== undefined && { maxPushes }),
  });
  for (const provider of providers) await provider.start(core.router.receiver(provider.name));
  core.start();
  let count = 0;
  const [provider] = providers;
  if (!provider) throw new Error('a bench needs a provider');
  return {
    clock,
    core,
    gated,
    store,
    /** Errors that ended the core. */
    fatal,
    provider,
    /** A submission as a door makes it. */
    submission(fields: Partial<Submission> = {}): Submission {
      const now = clock.now();
      const messageId = fields.messageId ?? `m${++count}`;
      return {
        session: 'app',
        messageId,
        provider: provider.name,
        target: 'token',
        payload: { kind: 'fcm', json: '{"to":"token"}' },
        priority: 'normal',
        acceptedAt: now,
        expiresAt: now + 3_600_000,
        answer: 'inbox',
        mailbox: 0,
        digest: messageId,
        receipt: false,
        ...fields,
      };
    },
    /** Lets everything that can happen now happen. */
    settle: () => clock.advance(0),
    /** What waits for the session. */
    inbox: () => store.claimInbox('app', [0], 1_000),
  };
}
