import { jwtVerify } from 'jose';
import type { Clock } from '../../lib/clock.ts';
import type { TokenKey } from './token-keys.ts';

/** How far the clocks of who signs and who checks may be apart, in seconds. */
const SKEW_SECONDS = 30;

export interface TokenRules {
  readonly keys: readonly TokenKey[];
  readonly audience: string;
  readonly issuer?: string;
}

/**
 * Whether the token says, signed, that its bearer is the device `from`. How it must be signed follows from the keys: what
 * its header says only chooses among them. [RFC 8725 §3.1]
 */
export async function isTokenOf(from: string, token: string, rules: TokenRules, clock: Clock): Promise<boolean> {
  const { keys, audience, issuer } = rules;
  const choose = ({ alg, kid }: { readonly alg?: string; readonly kid?: string }) => {
    const fits = (key: TokenKey) => kid === undefined || key.kid === undefined || key.kid === kid;
    const fitting = keys.filter((key) => fits(key) && key.algorithms.some((name) => name === alg));
    const [only] = fitting;
    if (!only || fitting.length > 1) throw new Error('no key for this token');
    return only.key;
  };
  try {
    await jwtVerify(token, choose, {
      algorithms: [...new Set(keys.flatMap(({ algorithms }) => algorithms))],
      audience,
      subject: from,
      requiredClaims: ['exp'],
      clockTolerance: SKEW_SECONDS,
      currentDate: new Date(clock.now()),
      ...(issuer !== undefined && { issuer }),
    });
    return true;
  } catch {
    return false; // whatever was wrong with it: the bearer is told no more than that it was not good
  }
}
