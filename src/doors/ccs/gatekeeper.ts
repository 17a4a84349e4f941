import { type Clock, pause } from '../../lib/clock.ts';
import { Failures } from '../../lib/failures.ts';
import type { Secret } from '../../lib/secret.ts';
import { SecretChecker } from '../../lib/secret-checker.ts';
import type { PlainCredentials } from '../../protocols/xmpp/index.ts';
import type { CcsDoorOptions } from './options.ts';
import { Sender } from './sender.ts';

/** [fcm.md §1.2] Domains that working clients put behind the sender id. */
const LOGIN_DOMAINS = ['gcm.googleapis.com', 'fcm.googleapis.com'];

/** Decides who may log in. One for all connections: failures are counted by address. */
export class Gatekeeper {
  /** Domains of login names, and what stanzas may be addressed to. */
  readonly domains: readonly string[];
  readonly #senders: ReadonlyMap<string, { readonly sender: Sender; readonly key: Secret }>;
  readonly #secrets: SecretChecker;
  readonly #failures: Failures;
  readonly #clock: Clock;

  constructor(options: CcsDoorOptions, clock: Clock) {
    const { senders, max_connections_per_sender, max_failed_logins, failed_login_delay } = options;
    this.domains = [...new Set([options.domain, ...LOGIN_DOMAINS])];
    this.#senders = new Map(
      senders.map((one) => [one.id, { sender: new Sender(one, max_connections_per_sender), key: one.key }]),
    );
    this.#secrets = new SecretChecker(senders.map(({ key }) => key));
    this.#failures = new Failures(clock, max_failed_logins, failed_login_delay);
    this.#clock = clock;
  }

  /**
   * The sender, or undefined: unknown senders and wrong keys are not told apart, and the refusal of an address that fails
   * often is held back. Once `gone` fires nobody waits for the result.
   */
  async identify(given: PlainCredentials, address: string, gone: AbortSignal): Promise<Sender | undefined> {
    const { authcid, authzid, password } = given;
    const at = authcid.lastIndexOf('@');
    const id = authcid.slice(0, Math.max(0, at));
    // [RFC 4616 §2] Nobody acts for anybody else.
    const named = this.domains.includes(authcid.slice(at + 1)) && (authzid === '' || authzid === authcid);
    const known = named ? this.#senders.get(id) : undefined;
    if (await this.#secrets.matches(id, password, known?.key, gone)) return known?.sender;
    if (gone.aborted) return undefined;
    const delay = this.#failures.delay(address);
    this.#failures.failed(address);
    await pause(this.#clock, delay, gone);
    return undefined;
  }
}
