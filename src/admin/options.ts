import { port, z } from '../lib/schema.ts';

/** The listener for health, metrics and the pool. It asks for no password. */
export const adminOptions = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('address to listen on; anyone who reaches it may change the pool'),
  port: port().default(9464).describe('port to listen on; 0 takes a free one'),
});

export type AdminOptions = z.infer<typeof adminOptions>;
