import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

/** What stands in logs, errors and printed configurations instead of a secret. */
export const HIDDEN = '[hidden]';

/**
 * A text that must not be shown: it prints, serialises and inspects as `[hidden]`. Only {@link reveal} gives it away, so
 * a search for that word finds every place that uses a secret.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}

/** A device token for logs: enough to find it again by, not enough to send to. */
export function shorten(token: string): string {
  return token.length <= 12 ? `${token.slice(0, 3)}…` : `${token.slice(0, 8)}…${token.slice(-4)}`;
}

const compareKey = randomBytes(32);

/** Whether two texts are the same, in a time that tells nothing of where they differ. */
export function sameText(one: string, other: string): boolean {
  const digest = (text: string) => createHmac('sha256', compareKey).update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
