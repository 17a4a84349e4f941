import { PUSH_SESSION, type SessionRules, type StoreLimits } from '../core/index.ts';
import { sessionOf } from '../doors/ccs/index.ts';
import type { Config } from './schema.ts';

/** Everybody whom the doors serve, as the core sees them. */
export function sessionRules({ sessions, doors }: Config): SessionRules[] {
  const limits = (of: { readonly max_pending: number; readonly max_inbox: number }) => ({
    maxPending: of.max_pending,
    maxInbox: of.max_inbox,
  });
  const senders = doors.ccs?.senders ?? [];
  return [
    ...sessions.map((session) => ({ id: session.id, ...limits(session) })),
    ...senders.map((sender) => ({ id: sessionOf(sender.id), apps: sender.apps, ...limits(sender) })),
  ];
}

/** The bounds of the tables, as the store sees them. */
export function storeLimits(config: Config): StoreLimits {
  const { limits, doors } = config;
  const sessions = sessionRules(config);
  return {
    dedupeWindowMs: limits.dedupe_window,
    dedupeMax: limits.dedupe_max,
    upstreamDedupeMs: limits.upstream_dedupe,
    receiptsMax: limits.receipts_max,
    inboxTtlMs: limits.inbox_ttl,
    deadLettersMax: limits.dead_letters_max,
    registrationsMax: limits.registrations_max,
    registrationsPerOwner: limits.registrations_per_owner,
    revokedMs: limits.revoked,
    maxInbox: Math.max(1, ...sessions.map(({ maxInbox }) => maxInbox)),
    sessions: {
      ...Object.fromEntries(sessions.map(({ id, maxInbox }) => [id, { maxInbox }])),
      ...(doors.webpush && { [PUSH_SESSION]: { maxPerTarget: doors.webpush.max_waiting } }),
    },
  };
}
