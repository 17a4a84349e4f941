import type { Log } from '../../lib/log.ts';
import { LoginError } from '../../protocols/xmpp/index.ts';
import type { LoginGate } from './gate.ts';
import type { Lane } from './lane.ts';

export interface LoginLinks {
  readonly log: Log;
  readonly gate: LoginGate;
  /** A new lane, not yet logged in. */
  make(): Lane;
  logIn(lane: Lane): Promise<void>;
  count(event: string): void;
}

/** Opens connections, one login after the other until one succeeds; the gate says when. */
export class Logins {
  readonly #links: LoginLinks;
  readonly #lanes = new Set<Lane>();

  constructor(links: LoginLinks) {
    this.#links = links;
  }

  /** Logins under way. */
  get running(): number {
    return this.#lanes.size;
  }

  /**
   * A lane that has logged in, or a closed one after {@link Logins.stop}. Never rejects: the pool would try again at once,
   * and for ever.
   */
  async open(): Promise<Lane> {
    const { gate, count, log } = this.#links;
    for (;;) {
      const leave = await gate.enter();
      const lane = this.#links.make();
      if (!leave) {
        lane.stream.destroy();
        return lane;
      }
      this.#lanes.add(lane);
      try {
        await this.#links.logIn(lane);
        gate.succeeded(leave);
        // What the server says behind the end of the login is read before we hear of that end.
        if (lane.state !== 'open') gate.dropped(lane);
        count('login');
        log.info('connection opened', { lane: lane.id });
        return lane;
      } catch (error) {
        count('login_failed');
        if (error instanceof LoginError && error.fault === 'certificate') count('bad_certificate');
        gate.failed(leave, error);
      } finally {
        this.#lanes.delete(lane);
      }
    }
  }

  /** Ends what is under way, and lets nothing in any more. */
  stop(): void {
    this.#links.gate.close();
    for (const lane of this.#lanes) lane.stream.destroy();
  }
}
