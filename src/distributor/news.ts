import { type Log, reason } from '../lib/log.ts';
import type { Connectors } from './connectors.ts';
import type { Registration, Registrations } from './registrations.ts';

export interface NewsDeps {
  readonly log: Log;
  readonly registrations: Registrations;
  readonly connectors: Connectors;
}

/**
 * Tells apps their endpoints. Who could not be told, because the app is not there or we were stopped, is told when the
 * app is on the bus, or when we start: until then it goes on with an endpoint that may be worth nothing.
 */
export class News {
  readonly #deps: NewsDeps;
  /** Apps that are being told. */
  readonly #telling = new Set<string>();

  constructor(deps: NewsDeps) {
    this.#deps = deps;
  }

  /** Tells one endpoint. @returns false if the app is not there */
  async tell(one: Registration): Promise<boolean> {
    const { connectors, registrations } = this.#deps;
    const { url } = one.endpoint;
    if (!(await connectors.newEndpoint(one, url))) return false;
    registrations.told(one.token, url);
    return true;
  }

  /** Tells an app all that it has not been told; nobody waits for it. */
  spread(app: string): void {
    if (this.#telling.has(app)) return;
    this.#telling.add(app);
    this.#spread(app)
      .catch((error: unknown) => this.#deps.log.error('app not told', { app, error: reason(error) }))
      .finally(() => this.#telling.delete(app));
  }

  /** Tells every app. */
  spreadAll(): void {
    for (const app of this.#deps.registrations.appsUntold()) this.spread(app);
  }

  async #spread(app: string): Promise<void> {
    const next = () => this.#deps.registrations.untoldOf(app);
    for (let one = next(); one; one = next()) if (!(await this.tell(one))) return;
  }
}
