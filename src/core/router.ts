import { createHash } from 'node:crypto';
import { Batcher } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { RecentSet } from '../lib/recent-set.ts';
import { shorten } from '../lib/secret.ts';
import type { Incoming, Notice, ReceiptEntry, Submission } from './message.ts';
import type { Accepted, Handed, Intake, Provider, Received, Receiver, Refusal, Store } from './ports.ts';
import { tellRefusal } from './refusal.ts';
import type { Sessions } from './sessions.ts';
import type { Telemetry } from './telemetry.ts';

/** Recently stored upstream ids kept in memory: a repeat within moments is common after a reconnect. */
const RECENT_UPSTREAM = 10_000;
/** They are forgotten after at most so long: only the store knows when an id may be used again. */
const RECENT_MS = 60_000;

/** How much of a session's name that a device made up is shown, in characters. */
const SHOWN_MAX = 255;

export interface RouterDeps {
  readonly store: Store;
  readonly sessions: Sessions;
  readonly providers: ReadonlyMap<string, Provider>;
  readonly clock: Clock;
  readonly log: Log;
  readonly telemetry: Telemetry;
  /** The largest upstream message that a door can hand on, in bytes of its data and ids; a larger one is a dead letter. */
  readonly maxNoticeBytes: number;
}

/** The ways into the bridge: doors submit, providers receive, devices hand in. All answer after the commit. */
export class Router {
  readonly #deps: RouterDeps;
  /** Says only "seen and stored"; for everything else the store's unique key decides. */
  #recent = new RecentSet(RECENT_UPSTREAM);
  #recentSince: number;
  readonly #incoming: Batcher<{ incoming: Incoming; done: PromiseWithResolvers<Received> }>;

  constructor(deps: RouterDeps) {
    this.#deps = deps;
    this.#recentSince = deps.clock.monotonic();
    this.#incoming = new Batcher((batch) => void this.#store(batch));
  }

  /** Why the provider would refuse this payload; undefined if it would not. */
  inspect(provider: string, payload: Submission['payload']): Refusal | undefined {
    return this.#deps.providers.get(provider)?.inspect(payload);
  }

  /**
   * Takes messages into the outbox, or recognises them as repeats. Resolves after the commit, in the order given; rejects
   * if the store can't take them, and then nothing was taken. The messages may be of one session only. One that replaces
   * others comes alone.
   */
  async submit(session: string, batch: readonly Submission[]): Promise<Accepted[]> {
    const { store, sessions, telemetry } = this.#deps;
    const reservation = sessions.reserve(session, batch.length);
    let results: Accepted[];
    try {
      const [first] = batch;
      const replaces = first?.collapseKey !== undefined && batch.length === 1;
      results = replaces ? [await store.replace(first)] : await store.accept(batch);
    } finally {
      reservation.release();
    }
    results.forEach((result, index) => {
      const submission = batch[index];
      if (!submission) return;
      telemetry.add('pushbridge_messages_total', { provider: submission.provider, state: stateOf(result) });
      if (result.kind === 'repeated') sessions.repeat(session, result.sequence);
    });
    return results;
  }

  /**
   * Takes a message back that is not on its way to a service. True: it is gone, and its id may be used again. False: it is
   * in flight, or has its outcome already.
   */
  async withdraw(session: string, messageId: string): Promise<boolean> {
    const { store, sessions } = this.#deps;
    const gone = await store.cancel(session, messageId);
    if (gone) sessions.eased([session]);
    return gone;
  }

  /** What a provider hands its upstream traffic to. */
  receiver(provider: string): Receiver {
    const { store, sessions, clock, log } = this.#deps;
    return {
      upstream: async ({ from, id, session: app, data }) => {
        const session = sessions.homeOf(app);
        const named = app.slice(0, SHOWN_MAX);
        if (session === undefined)
          log.warn('upstream message for an unknown session', { provider, session: named, from: shorten(from) });
        await this.#receive({
          provider,
          from,
          id,
          at: clock.now(),
          notice: { type: 'upstream', messageId: id, data },
          to: session === undefined ? { dead: `unknown session: ${named}` } : { session, mailbox: 0 },
        });
      },
      receipt: async ({ from, id, wireId, data }) => {
        const entry = await store.receiptFor(provider, wireId);
        const messageId = entry?.messageId ?? wireId;
        await this.#receive({
          provider,
          from,
          id,
          at: clock.now(),
          notice: receiptNotice(messageId, data(messageId), entry),
          to: entry
            ? { session: entry.session, mailbox: entry.mailbox }
            : { dead: 'receipt for a message that is not in the index' },
        });
      },
    };
  }

  /**
   * An upstream message that comes out of the outbox again: `stored` under its number, `full` if the inbox takes nothing now.
   * Answers after the commit, and rejects if the store can't take it.
   */
  async forward(session: string, incoming: Forwarded): Promise<Received> {
    const { store, clock, telemetry } = this.#deps;
    const { provider, from, id, data } = incoming;
    const notice: Notice = { type: 'upstream', messageId: id, data };
    const to = { session, mailbox: 0 };
    const [received] = await store.receive([{ provider, from, id, at: clock.now(), notice, to, refusable: true }]);
    if (!received) throw new Error('the store gave no answer');
    telemetry.add('pushbridge_upstream_total', { provider, state: received.kind });
    return received;
  }

  /** What the door of this name hands in for devices. */
  intake(door: string): Intake {
    const { store, sessions, clock, maxNoticeBytes } = this.#deps;
    const hand = async (of: Device, notice: Notice, to: { session: string; mailbox: number }): Promise<Handed> => {
      if (noticeBytes(notice) > maxNoticeBytes) return 'too_large';
      const from = senderOf(notice.type, of.app, of.from);
      const kind = await this.#receive({
        provider: door,
        from,
        id: of.id,
        at: clock.now(),
        notice,
        to,
        refusable: true,
      });
      return kind === 'dead' ? 'unknown' : kind; // nothing dies that has a session
    };
    return {
      upstream: async ({ data, ...device }) => {
        const session = sessions.homeOf(device.app);
        if (session === undefined) return 'unknown';
        return hand(device, { type: 'upstream', messageId: device.id, data }, { session, mailbox: 0 });
      },
      receipt: async ({ provider, wireId, data, ...device }) => {
        const entry = await store.receiptFor(provider, wireId);
        if (entry === undefined || entry.session !== sessions.homeOf(device.app)) return 'unknown';
        return hand(device, receiptNotice(entry.messageId, data(entry.messageId), entry), {
          session: entry.session,
          mailbox: entry.mailbox,
        });
      },
    };
  }

  async #receive(incoming: Incoming): Promise<Received['kind']> {
    const { maxNoticeBytes, log } = this.#deps;
    if (!('dead' in incoming.to) && noticeBytes(incoming.notice) > maxNoticeBytes) {
      log.warn('upstream message too large for a frame', { provider: incoming.provider, from: shorten(incoming.from) });
      incoming = { ...incoming, to: { dead: `larger than ${maxNoticeBytes} bytes: no frame can carry it` } };
    }
    const key = JSON.stringify([incoming.provider, incoming.from, incoming.id]);
    const { telemetry, clock } = this.#deps;
    if (clock.monotonic() - this.#recentSince >= RECENT_MS) {
      this.#recent = new RecentSet(RECENT_UPSTREAM);
      this.#recentSince = clock.monotonic();
    }
    let state: Received['kind'] = 'duplicate';
    if (!this.#recent.has(key)) {
      const done = Promise.withResolvers<Received>();
      this.#incoming.push({ incoming, done });
      state = (await done.promise).kind;
      if (state === 'stored' || state === 'dead') this.#recent.add(key); // its time counts from the first
    }
    telemetry.add('pushbridge_upstream_total', { provider: incoming.provider, state });
    return state;
  }

  async #store(batch: { incoming: Incoming; done: PromiseWithResolvers<Received> }[]): Promise<void> {
    try {
      const results = await this.#deps.store.receive(batch.map((item) => item.incoming));
      batch.forEach(({ done }, index) => {
        const result = results[index];
        if (result) done.resolve(result);
        else done.reject(new Error('the store gave no answer'));
      });
    } catch (error) {
      tellRefusal(this.#deps.log, 'upstream messages not stored, not acknowledged', error);
      for (const { done } of batch) done.reject(error);
    }
  }
}

function stateOf({ kind }: Accepted): string {
  return kind === 'taken' || kind === 'conflict' || kind === 'full' ? kind : 'repeated';
}

/** What {@link Router.forward} takes: known again by `provider`, `from` and `id`. */
export interface Forwarded {
  readonly provider: string;
  readonly from: string;
  readonly id: string;
  /** The JSON object for `fcm_data`, as text. */
  readonly data: string;
}

/** Who handed something in, and under which id. */
interface Device {
  readonly app: string;
  readonly from: string;
  readonly id: string;
}

/**
 * Devices name themselves: those of one app must not make messages of another one look like repeats. A digest, because it
 * is kept with every id, and names may be long.
 */
function senderOf(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

function receiptNotice(messageId: string, data: string, entry: ReceiptEntry | undefined): Notice {
  const { groupId } = entry ?? {};
  return { type: 'receipt', messageId, data, ...(groupId !== undefined && { groupId }) };
}

/** What a notice takes in a frame, at least: the id stands in the header too. */
function noticeBytes({ data, messageId, groupId = '' }: Notice): number {
  return Buffer.byteLength(data) + Buffer.byteLength(JSON.stringify(messageId) + JSON.stringify(groupId));
}
