import { count, path, port, z } from '../lib/schema.ts';
import type { CertificateRequest } from './certificate.ts';
import { LOCAL_NAMES } from './certificate.ts';

const DAY_MS = 86_400_000;

/** Options of every emulator: where it listens, where its control does, and what its certificate is like. */
export const listening = (defaultPort: number) => ({
  host: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
  port: port().default(defaultPort).describe('port to listen on; 0 takes a free one'),
  control_port: port().optional().describe('port for the control over HTTP; 0 takes a free one, none means no HTTP'),
  control_host: z.string().min(1).default('127.0.0.1').describe('address of the control'),
  ca_file: path().optional().describe('write the certificate of the authority here, PEM'),
  names: z.array(z.string().min(1)).default([]).describe('further names that the certificate is for'),
  certificate: z
    .enum(['good', 'expired', 'not_yet_valid', 'wrong_host'])
    .default('good')
    .describe('make a certificate that clients must refuse'),
});

/** Switches that the faults of all emulators share. */
export const flag = (what: string) => z.boolean().default(false).describe(what);
export const rate = () => z.number().min(0).max(1);
/** A number of things after which something happens; 0 is never. */
export const after = (what: string) => count(0, Number.MAX_SAFE_INTEGER).default(0).describe(`${what}; 0 never`);

type Wanted = Readonly<Pick<z.output<z.ZodObject<ReturnType<typeof listening>>>, 'certificate' | 'names'>>;

/** The certificate that the options ask for, good or not. */
export function certificateRequest({ certificate, names }: Wanted): CertificateRequest {
  const from = (days: number): Date => new Date(Date.now() + days * DAY_MS);
  const good = { names: [...LOCAL_NAMES, ...names], notBefore: from(-1), notAfter: from(30) };
  switch (certificate) {
    case 'good':
      return good;
    case 'expired':
      return { ...good, notBefore: from(-30), notAfter: from(-1) };
    case 'not_yet_valid':
      return { ...good, notBefore: from(1) };
    case 'wrong_host':
      return { ...good, names: ['wrong.invalid'] };
  }
}
