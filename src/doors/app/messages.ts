import { z } from '../../lib/schema.ts';
import { RECEIPT_KEY, RECEIPT_MAX, RECEIPT_PATTERN } from '../../protocols/fcm/index.ts';

/** Longest registration token and longest id, in characters. */
export const FROM_MAX = 4_096;
export const ID_MAX = 255;
/** Seconds: what a message may live at most. [fcm.md §1.4] */
export const TTL_MAX = 2_419_200;
/** The last moment that a JavaScript date knows. */
const TIME_MAX = 8_640_000_000_000_000;

/** No control characters, and no half of a surrogate pair: what all encodings of the BAL can carry. */
const PLAIN = /^[^\p{Cc}\p{Cs}]+$/u;
const STATUS = /^[A-Z][A-Z0-9_]{0,63}$/;

/** Errors of one field, in words that the name of the field stands in front of. */
const kind = (words: string) => ({
  error: (issue: { readonly input?: unknown }) => (issue.input === undefined ? 'is required' : `must be ${words}`),
});

const text = (max: number) =>
  z
    .string(kind('a text'))
    .min(1, { error: 'must not be empty' })
    .max(max, { error: `must have at most ${max} characters` })
    .regex(PLAIN, { error: 'must hold no control characters and no broken ones' });

const whole = (max: number) => {
  const error = `must be a whole number from 0 to ${max}`;
  return z.int({ error }).min(0, { error }).max(max, { error });
};

const from = () => text(FROM_MAX).describe('the registration token of the device');
const category = () => text(ID_MAX).describe('the package of the app, as it is configured');

/** What is wrong with the object as a whole. */
const fields = (known: string) => ({
  error: (issue: { readonly code?: string; readonly keys?: readonly string[] }) =>
    issue.code === 'unrecognized_keys'
      ? `unknown field ${issue.keys?.map((key) => JSON.stringify(key)).join(', ')}; known: ${known}`
      : 'the body must be a JSON object',
});

/** The body of `POST /v1/upstream`. @param maxBytes keys and values of `data` together */
export function upstreamBody(maxBytes: number) {
  const data = z
    .record(z.string(), z.string({ error: 'must be a text' }), kind('an object whose values are texts'))
    .refine((pairs) => bytesOf(pairs) <= maxBytes, { error: `must not hold more than ${maxBytes} bytes` })
    .describe(`what the app says; keys and values together take at most ${maxBytes} bytes`);
  return z.strictObject(
    {
      from: from(),
      category: category(),
      message_id: text(ID_MAX).describe('unique for the device; a repeat is recognised by it'),
      data,
      time_to_live: whole(TTL_MAX).optional().describe('seconds, handed on to the backend'),
    },
    fields('from, category, message_id, data, time_to_live'),
  );
}

/** The body of `POST /v1/receipts`. */
export const receiptBody = z.strictObject(
  {
    from: from(),
    category: category(),
    receipt: z
      .string(kind('a text'))
      .max(RECEIPT_MAX, { error: `must have at most ${RECEIPT_MAX} characters` })
      .regex(RECEIPT_PATTERN, { error: `must be what the message held under ${RECEIPT_KEY}` })
      .describe(`what the message held under ${RECEIPT_KEY} in its data`),
    status: z
      .string(kind('a text'))
      .regex(STATUS, { error: 'must be capital letters, digits and "_", at most 64' })
      .default('MESSAGE_SENT_TO_DEVICE')
      .describe('what became of the message'),
    timestamp: whole(TIME_MAX)
      .optional()
      .describe('when, in milliseconds since the epoch; without it, when the receipt came in'),
  },
  fields('from, category, receipt, status, timestamp'),
);

export type UpstreamBody = z.infer<ReturnType<typeof upstreamBody>>;
export type ReceiptBody = z.infer<typeof receiptBody>;

function bytesOf(pairs: Readonly<Record<string, string>>): number {
  return Object.entries(pairs).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
}
