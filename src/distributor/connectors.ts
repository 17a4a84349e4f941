import { type Log, reason } from '../lib/log.ts';
import { type Bus, BusError, variantMap } from './bus.ts';
import { names } from './names.ts';
import type { Registration } from './registrations.ts';

/** Pushes that are being handed over, at most, all apps together. */
const WAITING_MAX = 1_024;
/** Calls that wait for one app to start, at most: one that never does leaves room for others. */
const WAITING_PER_APP = 64;

/** Who is called, and in which version. */
export type Connector = Pick<Registration, 'app' | 'version' | 'token'>;

/** What is needed of a bus. */
type Calls = Pick<Bus, 'call' | 'send' | 'ownerOf' | 'start'>;

/**
 * Calls the apps, each on the interface that it has registered on. An app that does not run is started first; nobody
 * waits for what it answers. [unifiedpush.md §2.3, §2.4]
 */
export class Connectors {
  readonly #bus: Calls;
  readonly #callMs: number;
  readonly #log: Log;
  #waiting = 0;
  /** Calls that wait for an app to start, by app. */
  readonly #starting = new Map<string, number>();

  /** @param callMs how long the bus may take to answer, and an app to start */
  constructor(bus: Calls, { callMs, log }: { readonly callMs: number; readonly log: Log }) {
    this.#bus = bus;
    this.#callMs = callMs;
    this.#log = log;
  }

  /**
   * Hands over a push.
   * @param id of the message; absent if the service gave none
   * @returns false if the app does not run and can not be started, or left before the bus had the push for it: the push
   * has to come again
   */
  async message(to: Connector, message: Uint8Array, id: string | undefined): Promise<boolean> {
    if (this.#waiting >= WAITING_MAX) return false;
    this.#waiting++;
    try {
      if (!(await this.#awake(to.app))) return false;
    } finally {
      this.#waiting--;
    }
    if (!this.#hand(to, message, id)) return false;
    // The bus does one thing after the other: if the app is there now, it was there for the push.
    return await this.#there(to.app);
  }

  #hand(to: Connector, message: Uint8Array, id: string | undefined): boolean {
    const { token, app } = to;
    if (to.version === 1) {
      return this.#send(to, 'Message', 'says', [token, Buffer.from(message), id ?? '']);
    }
    const args = variantMap({ token, message, ...(id !== undefined && { id }) });
    if (id === undefined) return this.#send(to, 'Message', args.signature, args.body);
    // The answer names the message: the app has seen it. It changes nothing, so nobody waits.
    this.#bus
      .call(
        app,
        { path: names.connector.path, interface: names.connector.v2, member: 'Message', ...args },
        this.#callMs,
      )
      .then(() => this.#log.debug('message acknowledged', { app }))
      .catch((error: unknown) => this.#log.debug('message not acknowledged', { app, because: reason(error) }));
    return true;
  }

  /** Tells an app its endpoint. @returns false if it is not there, and can not be started */
  async newEndpoint(to: Connector, endpoint: string): Promise<boolean> {
    if (!(await this.#reach(to, 'NewEndpoint'))) return false;
    const { token, app, version } = to;
    const { signature, body } =
      version === 1 ? { signature: 'ss', body: [token, endpoint] } : variantMap({ token, endpoint });
    return this.#send(to, 'NewEndpoint', signature, body) && (await this.#there(app));
  }

  /**
   * Tells an app that an endpoint is no more.
   * @param asked whether the app wanted it so: version 1 then names no token
   */
  async unregistered(to: Connector, asked: boolean): Promise<void> {
    if (!(await this.#reach(to, 'Unregistered'))) return;
    if (to.version === 1) this.#send(to, 'Unregistered', 's', [asked ? '' : to.token]);
    else {
      const args = variantMap({ token: to.token });
      this.#send(to, 'Unregistered', args.signature, args.body);
    }
  }

  /** Whether the app runs, after it was started if need be. */
  async #awake(app: string): Promise<boolean> {
    try {
      if ((await this.#bus.ownerOf(app, this.#callMs)) !== undefined) return true;
      return await this.#start(app);
    } catch (error) {
      const because = error instanceof BusError ? error.code : reason(error);
      this.#log.warn('app can not be reached', { app, because });
      return false;
    }
  }

  /** @returns false if too many wait for it already. @throws BusError if it can not be started */
  async #start(app: string): Promise<boolean> {
    const before = this.#starting.get(app) ?? 0;
    if (before >= WAITING_PER_APP) return false;
    this.#starting.set(app, before + 1);
    try {
      await this.#bus.start(app, this.#callMs);
      return true;
    } finally {
      const left = (this.#starting.get(app) ?? 1) - 1;
      if (left > 0) this.#starting.set(app, left);
      else this.#starting.delete(app);
    }
  }

  /** Whether the app is on the bus, after all that it was sent. */
  async #there(app: string): Promise<boolean> {
    try {
      if ((await this.#bus.ownerOf(app, this.#callMs)) !== undefined) return true;
      this.#log.warn('app has left before it was called', { app });
    } catch (error) {
      this.#log.warn('app can not be reached', { app, because: reason(error) });
    }
    return false;
  }

  async #reach({ app }: Connector, what: string): Promise<boolean> {
    const awake = await this.#awake(app);
    if (!awake) this.#log.warn('app was not told', { app, what });
    return awake;
  }

  #send({ app, version }: Connector, member: string, signature: string, body: readonly unknown[]): boolean {
    const { path, v1, v2 } = names.connector;
    return this.#bus.send(app, { path, interface: version === 1 ? v1 : v2, member, signature, body });
  }
}
