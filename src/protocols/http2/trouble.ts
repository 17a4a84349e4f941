import { reason } from '../../lib/log.ts';

/** Codes of certificates that were not good enough, as OpenSSL names them; those of systems and of Node look otherwise. */
const CERTIFICATE_CODE = /^(?!ERR_|EAI_)[A-Z]+_[A-Z_]+$/;

/**
 * Why a connection failed, in words for people: those of OpenSSL hold addresses and lines of its source, and for some
 * certificates Node adds advice on how to start it.
 */
export function connectionTrouble(error: unknown): string {
  if (!(error instanceof Error)) return reason(error);
  const { code = '', library, reason: inShort } = error as { code?: unknown; library?: unknown; reason?: unknown };
  if (typeof library === 'string' && typeof inShort === 'string') return `TLS: ${inShort}`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || CERTIFICATE_CODE.test(String(code))) {
    return `certificate of the server: ${reason(error).replace(/; if the root CA .*/s, '')}`;
  }
  return reason(error);
}
