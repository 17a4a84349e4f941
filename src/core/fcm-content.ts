import type { Submission } from './message.ts';

/** [fcm.md §1.4] The longest time to live, in seconds: four weeks. It is also what a message without one gets. */
export const TTL_MAX = 2_419_200;
/** [BAL §Downstream rules] A TTL of 0 has so long to find a connection. */
const TTL_ZERO_MS = 1_000;

type Content = Pick<Submission, 'target' | 'payload' | 'priority' | 'acceptedAt' | 'expiresAt' | 'ttl' | 'receipt'>;

/**
 * What the bridge itself reads in an FCM downstream object, for doors that have found it to be in order: `to` or `condition`
 * a text, `time_to_live` absent or 0 to {@link TTL_MAX}.
 * @param now milliseconds since the epoch: the time to live counts from here
 */
export function fcmContent(fields: Readonly<Record<string, unknown>>, now: number): Content {
  const { message_id: _, time_to_live: ttl, ...rest } = fields;
  const seconds = typeof ttl === 'number' ? ttl : undefined;
  const lifeMs = seconds === 0 ? TTL_ZERO_MS : (seconds ?? TTL_MAX) * 1_000;
  return {
    target: String(fields.to ?? fields.condition),
    payload: { kind: 'fcm', json: JSON.stringify(rest) },
    priority: isHigh(fields) ? 'high' : 'normal',
    acceptedAt: now,
    expiresAt: now + lifeMs,
    ...(seconds !== undefined && { ttl: seconds }),
    receipt: fields.delivery_receipt_requested === true,
  };
}

/** [fcm.md §1.4] Data messages default to normal priority, notifications to high. */
function isHigh({ priority, notification }: Readonly<Record<string, unknown>>): boolean {
  return typeof priority === 'string' ? priority.toLowerCase() === 'high' : notification !== undefined;
}
