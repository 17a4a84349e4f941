import type { BalClientError } from './errors.ts';

/** `waiting` is the pause before the next attempt to connect. */
export type ClientState = 'idle' | 'connecting' | 'online' | 'waiting' | 'closed';

export interface StateChange {
  readonly state: ClientState;
  /** Why the last connection ended, with `waiting`. */
  readonly error?: BalClientError;
  /** Milliseconds until the next attempt, with `waiting`. */
  readonly retryInMs?: number;
}

/** Called at every change. It must not throw. */
export type StateListener = (change: StateChange) => void;

/** The present state, and who wants to know of changes. */
export class States {
  #current: StateChange = { state: 'idle' };
  readonly #listeners = new Set<StateListener>();

  get current(): StateChange {
    return this.#current;
  }

  listen(listener: StateListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  change(to: StateChange): void {
    this.#current = to;
    for (const listener of [...this.#listeners]) listener(to);
  }
}
