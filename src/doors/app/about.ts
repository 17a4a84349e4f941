import { z } from '../../lib/schema.ts';
import { RECEIPT_KEY } from '../../protocols/fcm/index.ts';
import { type AnswerAbout, problem, type RouteAbout } from '../../protocols/http/index.ts';

/** The two ways in, by the names that the description gives them. */
const security = {
  application_key: { type: 'http', scheme: 'bearer', description: 'the key of the application' },
  device_token: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'a token whose sub is `from` and whose aud is the application',
  },
};

/** The body of a 200. */
const stored = z.strictObject({
  status: z.enum(['stored', 'duplicate']).describe('duplicate: it had been stored before, nothing happened'),
});

const retryAfter = { 'Retry-After': 'seconds after which it is worth another try' };

/** What both routes answer beside what the listener itself may answer. */
const answers: Readonly<Record<number, AnswerAbout>> = {
  200: { description: 'It is on disk, and goes to the backend.', body: stored },
  401: {
    description: 'Key or token are not good for this application and device.',
    body: problem('unauthorized'),
    headers: { 'WWW-Authenticate': 'Bearer' },
  },
  413: { description: 'The body is too large, or becomes so on its way.', body: problem('too_large') },
  429: { description: 'Too many requests of this device.', body: problem('too_many'), headers: retryAfter },
  500: { description: 'A fault of the bridge.', body: problem('internal') },
  503: {
    description: 'Not now, and nothing was kept.',
    body: problem('inbox_full', 'unavailable', 'stopping', 'busy', 'timeout'),
    headers: retryAfter,
  },
};

export const upstreamAbout: RouteAbout = {
  summary: 'Hand in a message of an app for its backend.',
  description:
    'Answers 200 when the message is stored. A repeat with the same `from` and `message_id` is stored once: whoever got no answer sends it again.',
  security,
  answers,
};

export const receiptAbout: RouteAbout = {
  summary: 'Tell that a message came to the device.',
  description: `For messages whose data holds \`${RECEIPT_KEY}\`. Answers 200 when the receipt is stored, once.`,
  security,
  answers: {
    ...answers,
    404: {
      description: 'No receipt of such a message is awaited, or not any more.',
      body: problem('unknown_message'),
    },
  },
};
