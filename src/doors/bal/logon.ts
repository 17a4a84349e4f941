import { type Clock, pause } from '../../lib/clock.ts';
import { Failures } from '../../lib/failures.ts';
import { SecretChecker } from '../../lib/secret-checker.ts';
import type { BackendFrame, BridgeFrame } from '../../protocols/bal/index.ts';
import type { BalOptions, SessionOptions } from './options.ts';

/** [BAL §Frames] Unacknowledged frames that a connection takes if it does not say. */
const DEFAULT_WINDOW = 100;

export type LogonFrame = Extract<BackendFrame, { message_type: 'LOGON' }>;
export type LogonResponse = Extract<BridgeFrame, { message_type: 'LOGON_RESPONSE' }>;

/** A session as the door serves it: its providers are named. */
export type ServedSession = SessionOptions & { readonly providers: readonly string[] };

/** Who logged on, and how. */
export interface Identity {
  readonly session: ServedSession;
  readonly window: number;
  readonly client?: string;
  readonly confirm: boolean;
}

/** Decides who may log on. One for all connections: failures are counted by address. */
export class Gatekeeper {
  readonly #sessions: ReadonlyMap<string, ServedSession>;
  readonly #secrets: SecretChecker;
  readonly #failures: Failures;
  readonly #clock: Clock;

  constructor(sessions: readonly ServedSession[], options: BalOptions, clock: Clock) {
    this.#sessions = new Map(sessions.map((session) => [session.id, session]));
    this.#secrets = new SecretChecker(sessions.map((session) => session.secret));
    this.#failures = new Failures(clock, options.max_failed_logons, options.failed_logon_delay);
    this.#clock = clock;
  }

  /**
   * The identity, or undefined: unknown sessions and wrong secrets are not told apart. Once `gone` fires nobody waits for
   * the result, and no more work is done for it.
   */
  async identify(frame: LogonFrame, address: string, gone: AbortSignal): Promise<Identity | undefined> {
    const session = this.#sessions.get(frame.session_id);
    const allowed = await this.#allowed(session, frame, gone);
    if (gone.aborted) return undefined; // no failure: perhaps nothing was checked
    if (!allowed || !session) {
      // Only the refusal waits: a backend with the right secret must not pay for its neighbour on the same address.
      const delay = this.#failures.delay(address);
      this.#failures.failed(address);
      await pause(this.#clock, delay, gone);
      return undefined;
    }
    return {
      session,
      window: frame.window ?? DEFAULT_WINDOW,
      ...(frame.client !== undefined && { client: frame.client }),
      confirm: frame.confirm ?? false,
    };
  }

  async #allowed(session: ServedSession | undefined, frame: LogonFrame, gone: AbortSignal): Promise<boolean> {
    if (session && !session.secret) return true;
    return this.#secrets.matches(frame.session_id, frame.secret ?? '', session?.secret, gone);
  }
}

export function welcome(identity: Identity, server: string): LogonResponse {
  return {
    message_type: 'LOGON_RESPONSE',
    session_id: identity.session.id,
    status: 'SUCCESS',
    window: identity.window,
    server,
  };
}

export function farewell(session: string): LogonResponse {
  return {
    message_type: 'LOGON_RESPONSE',
    session_id: session,
    status: 'FAILURE',
    error: 'AUTHENTICATION_FAILED',
    error_string: 'unknown session or wrong secret',
  };
}
