import { readFileSync } from 'node:fs';
import type { Clock } from '../../lib/clock.ts';
import { reason } from '../../lib/log.ts';
import { sameText } from '../../lib/secret.ts';
import type { ApplicationOptions } from './options.ts';
import { readTokenKeys } from './token-keys.ts';
import { isTokenOf, type TokenRules } from './tokens.ts';

interface Lock {
  readonly key?: string;
  readonly token?: TokenRules;
}

/** A JWS in its compact form: three parts. [RFC 7515 §7.1] */
const TOKEN = /^[\w-]+\.[\w-]*\.[\w-]*$/;
/** [RFC 6750 §2.1] */
const BEARER = /^bearer +([!-~]+) *$/i;

/** Knows who may speak for which application. */
export class Gatekeeper {
  readonly #clock: Clock;
  readonly #locks = new Map<string, Lock>();
  /** Asked for an application that does not exist, so that the time of the answer does not tell. */
  readonly #decoy: Lock | undefined;

  /** @throws Error that names the file of a token key which can't be used */
  constructor(applications: readonly ApplicationOptions[], clock: Clock) {
    this.#clock = clock;
    for (const [index, application] of applications.entries()) {
      this.#locks.set(application.id, lockOf(application, `doors.app.applications[${index}].token.key`));
    }
    this.#decoy = this.#locks.values().next().value;
  }

  /** Whether what stands in `Authorization` lets the device `from` speak for the application. */
  async admits(category: string, from: string, authorization: unknown): Promise<boolean> {
    const lock = this.#locks.get(category) ?? this.#decoy;
    const [, shown] = BEARER.exec(String(authorization ?? '')) ?? [];
    if (!lock || shown === undefined || !(await this.#opens(lock, from, shown))) return false;
    return this.#locks.has(category);
  }

  async #opens({ key, token }: Lock, from: string, shown: string): Promise<boolean> {
    if (key !== undefined && sameText(shown, key)) return true;
    return token !== undefined && TOKEN.test(shown) && (await isTokenOf(from, shown, token, this.#clock));
  }
}

function lockOf({ id, key, token }: ApplicationOptions, where: string): Lock {
  return {
    ...(key && { key: key.reveal() }),
    ...(token && {
      token: {
        keys: keysIn(token.key, where, token.algorithms),
        audience: token.audience ?? id,
        ...(token.issuer !== undefined && { issuer: token.issuer }),
      },
    }),
  };
}

function keysIn(file: string, where: string, algorithms: Parameters<typeof readTokenKeys>[1]) {
  try {
    return readTokenKeys(readFileSync(file, 'utf8'), algorithms);
  } catch (cause) {
    throw new Error(`${where}: ${file}: ${reason(cause)}`, { cause });
  }
}

/** Fewer characters than this can be guessed. */
const KEY_MIN_CHARS = 16;

/** Why an application key can't be used; undefined if it can. */
export function keyProblem(key: string): string | undefined {
  if (key.length < KEY_MIN_CHARS) return `must have at least ${KEY_MIN_CHARS} characters, or it could be guessed`;
  return /^[!-~]+$/.test(key) ? undefined : 'must be visible ASCII characters without spaces: it travels in a header';
}
