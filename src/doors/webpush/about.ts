import { z } from '../../lib/schema.ts';
import { type AnswerAbout, problem, type RouteAbout } from '../../protocols/http/index.ts';
import { PUSH_BODY_MAX } from '../../protocols/webpush/index.ts';

const security = {
  vapid: { type: 'http', scheme: 'vapid', description: 'who pushes, signed: `vapid t=JWT, k=KEY` [RFC 8292]' },
};

const retry = { 'Retry-After': 'seconds after which it is worth another try' };
const fault: AnswerAbout = { description: 'A fault of the bridge.', body: problem('internal') };
const notNow: AnswerAbout = {
  description: 'Not now, and nothing was kept.',
  body: problem('unavailable', 'stopping', 'busy', 'timeout'),
  headers: retry,
};

const stored = {
  Location: 'the message: DELETE takes it back as long as it is not on its way',
  TTL: 'seconds that it is kept',
};

const answers: Readonly<Record<number, AnswerAbout>> = {
  201: { description: 'It is on disk, and goes to the device.', headers: stored },
  202: { description: 'The same, with a receipt.', headers: { ...stored, Link: 'the receipt' } },
  400: { description: 'No body, or a header is not what it should be.', body: problem('bad_request') },
  401: {
    description: 'The endpoint takes signed pushes only.',
    body: problem('unauthorized'),
    headers: { 'WWW-Authenticate': 'vapid' },
  },
  403: { description: 'The signature is not good, or not of the right key.', body: problem('forbidden') },
  404: { description: 'There is no such endpoint.', body: problem('not_found') },
  410: { description: 'The endpoint is no more.', body: problem('gone') },
  429: { description: 'Too many pushes to this endpoint.', body: problem('too_many'), headers: retry },
  500: fault,
  503: notNow,
};

/** Nothing is signed, registered or taken back there. */
const NOT_OVER_FCM: readonly number[] = [202, 401, 403, 410];

/** @param legacy the endpoint is in the query */
export function pushAbout(legacy: boolean): RouteAbout {
  return {
    summary: 'Push to an endpoint.',
    description: `The body, 1 to ${PUSH_BODY_MAX} bytes, goes to the device as it is. [RFC 8030 §5]`,
    ...(legacy && { query: { token: 'the endpoint' } }),
    headers: {
      TTL: 'seconds that the push is worth keeping; 0: now or not at all',
      Urgency: 'very-low, low, normal or high',
      Topic: 'up to 32 characters of base64url: replaces what waits under the same topic',
      Prefer: '`respond-async` asks for a receipt',
      'Content-Encoding': 'handed on, as are Content-Type, Encryption and Crypto-Key',
    },
    security: {
      none: { type: 'http', scheme: 'none', description: 'nothing, where the endpoint allows it' },
      ...security,
    },
    answers,
  };
}

export const fcmAbout: RouteAbout = {
  summary: 'Push to an app that FCM reaches, as rewrite proxies did.',
  description: 'With `v2` any bytes, which arrive as `b` in base64 and `i`; without it text, which arrives as `body`.',
  query: {
    v2: 'any value, or none',
    token: 'the FCM token of the app',
    instance: 'what the app knows the endpoint by; without v2 it may be `app`',
  },
  answers: Object.fromEntries(Object.entries(answers).filter(([status]) => !NOT_OVER_FCM.includes(Number(status)))),
};

export const discoveryAbout: RouteAbout = {
  summary: 'Tell that this is an endpoint.',
  description: 'The token is not looked at.',
  answers: {
    200: {
      description: 'As applications expect it.',
      body: z.strictObject({ unifiedpush: z.strictObject({ version: z.literal(1) }) }),
    },
  },
};

export const cancelAbout: RouteAbout = {
  summary: 'Take back a push.',
  answers: {
    204: { description: 'It will not be delivered.' },
    404: { description: 'There is no such push, or not any more.', body: problem('not_found') },
    409: { description: 'It is on its way; it may come back.', body: problem('on_its_way'), headers: retry },
    500: fault,
    503: notNow,
  },
};

export const receiptAbout: RouteAbout = {
  summary: 'Ask what became of a push.',
  description:
    'RFC 8030 sends receipts by server push, which HTTP/1 does not have: ask, and with `Prefer: wait=N` the answer may take N seconds.',
  headers: { Prefer: '`wait=N`: answer as soon as there is a receipt, but within N seconds' },
  answers: {
    202: { description: 'It is not delivered yet.', headers: retry },
    204: { description: 'It was delivered.' },
    404: { description: 'This is no receipt.', body: problem('not_found') },
    410: { description: 'It was not delivered and will not be, or it was long ago.', body: problem('gone') },
    500: fault,
    503: notNow,
  },
};

const matrixProblem = <const Codes extends readonly [string, ...string[]]>(...codes: Codes) =>
  z.strictObject({ errcode: z.enum(codes), error: z.string() });

export const matrixAbout: RouteAbout = {
  summary: 'Push gateway for homeservers of Matrix.',
  description: 'Pushkeys are endpoints. The notification without its devices is pushed to each.',
  answers: {
    200: {
      description: 'It went to every device but those whose pushers are to be removed.',
      body: z.strictObject({ rejected: z.array(z.string()) }),
    },
    400: { description: 'This is no notification.', body: matrixProblem('M_NOT_JSON', 'M_BAD_JSON') },
    413: {
      description: 'No push can hold it.',
      body: z.union([matrixProblem('M_TOO_LARGE'), problem('too_large')]),
    },
    429: { description: 'Too many for an endpoint.', body: matrixProblem('M_LIMIT_EXCEEDED'), headers: retry },
    500: fault,
    503: {
      description: 'Not now; who got it does not get it again.',
      body: z.union([matrixProblem('M_UNKNOWN'), problem('stopping', 'busy', 'timeout')]),
      headers: retry,
    },
  },
};

export const matrixDiscoveryAbout: RouteAbout = {
  summary: 'Tell that this is a push gateway for Matrix.',
  answers: {
    200: {
      description: 'As applications expect it.',
      body: z.strictObject({ unifiedpush: z.strictObject({ gateway: z.literal('matrix') }) }),
    },
  },
};
