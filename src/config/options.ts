import { logFormats, logLevels } from '../lib/log.ts';
import { duration, z } from '../lib/schema.ts';

/** What is written to standard error. */
export const logOptions = z.strictObject({
  level: z.enum(logLevels).default('info').describe('the least important lines that are written'),
  format: z.enum(logFormats).default('json').describe('one JSON object a line, or lines for people'),
});

/** Where messages are kept. */
export const storeOptions = z.strictObject({
  url: z
    .string()
    .regex(/^(?:sqlite:.+|memory:)$/s, { error: 'must be sqlite:PATH or memory:' })
    .default('sqlite:pushbridge.db')
    .describe('`sqlite:PATH`, or `memory:` which forgets everything when it stops'),
});

/** How long a graceful stop may take. */
export const stopTimeout = duration(0)
  .default(15_000)
  .describe('a graceful stop lets the flow settle this long; what is left is on disk');
