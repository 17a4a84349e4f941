import { isDeeper } from '../../lib/depth.ts';
import { z } from '../../lib/schema.ts';
import { PUSH_BODY_MAX, type Urgency } from '../../protocols/webpush/index.ts';

/** Devices of one notification; homeservers send one at a time. */
const DEVICES_MAX = 32;
/** Objects in objects; real notifications have a handful. */
const LEVELS_MAX = 32;

const notificationBody = z.looseObject({
  notification: z.looseObject({
    devices: z
      .array(z.looseObject({ pushkey: z.string().min(1) }))
      .min(1)
      .max(DEVICES_MAX),
  }),
});

/** A notification, and where it is to go. */
export interface MatrixNotification {
  /** Each once. */
  readonly pushkeys: readonly string[];
  readonly urgency: Urgency;
  /** What is pushed: the notification without its devices. */
  readonly body: Uint8Array;
}

/** What is wrong with a request, as Matrix says it. */
export interface MatrixProblem {
  readonly errcode: 'M_NOT_JSON' | 'M_BAD_JSON' | 'M_TOO_LARGE';
  readonly error: string;
}

/** What is left of a notification that is too large: the same as if its pusher had asked for `event_id_only`. */
const ESSENTIAL = ['event_id', 'room_id', 'counts', 'prio'] as const;

/** Reads the body of a notification. [Matrix Push Gateway API, POST /_matrix/push/v1/notify] */
export function readNotification(bytes: Uint8Array): MatrixNotification | MatrixProblem {
  const json = jsonIn(bytes);
  if (json === undefined) return { errcode: 'M_NOT_JSON', error: 'the body is no JSON' };
  const read = notificationBody.safeParse(json);
  if (!read.success) {
    const [issue] = read.error.issues;
    const where = issue?.path.join('.') || 'the body';
    return { errcode: 'M_BAD_JSON', error: `${where}: ${issue?.message}` };
  }
  if (isDeeper(json, LEVELS_MAX)) {
    return { errcode: 'M_BAD_JSON', error: `objects lie in each other more than ${LEVELS_MAX} deep` };
  }
  const { devices, ...rest } = read.data.notification;
  const body = bodyOf(rest);
  if (!body)
    return { errcode: 'M_TOO_LARGE', error: `event_id and room_id: no push of ${PUSH_BODY_MAX} bytes can hold them` };
  return {
    pushkeys: [...new Set(devices.map(({ pushkey }) => pushkey))],
    urgency: rest.prio === 'low' ? 'low' : 'high',
    body,
  };
}

/** Its content goes first: the device can fetch it by the ids. */
function bodyOf(notification: Readonly<Record<string, unknown>>): Uint8Array | undefined {
  const essential = Object.fromEntries(
    ESSENTIAL.filter((name) => name in notification).map((name) => [name, notification[name]]),
  );
  const bodies = [notification, essential].map((one) => Buffer.from(JSON.stringify({ notification: one })));
  return bodies.find((body) => body.length <= PUSH_BODY_MAX);
}

function jsonIn(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
