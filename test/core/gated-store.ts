import type { Store, StoreError } from '../../src/core/index.ts';

type Name = keyof Store;

/** A store whose calls can be held back or refused by name, and which tells the core of trouble when the test says so. */
export class GatedStore {
  readonly store: Store;
  /** The store behind the gates. */
  readonly inner: Store;
  readonly #gates = new Map<string, PromiseWithResolvers<void>>();
  readonly #failures = new Map<string, Error>();
  readonly #calls = new Map<string, number>();
  readonly #watchers: { name: string; count: number; resolve: () => void }[] = [];
  #onTrouble: (error: StoreError | undefined) => void = () => {};

  constructor(inner: Store) {
    this.inner = inner;
    this.store = new Proxy(inner, {
      get: (target, key) => {
        const name = String(key);
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        if (name === 'onTrouble') return (listener: typeof this.trouble) => (this.#onTrouble = listener);
        return (...args: unknown[]) => this.#call(name, () => Reflect.apply(value, target, args));
      },
    });
  }

  /** Calls of this name wait from here on, until the returned function is called. */
  hold(name: Name): () => void {
    const gate = Promise.withResolvers<void>();
    this.#gates.set(name, gate);
    return () => {
      this.#gates.delete(name);
      gate.resolve();
    };
  }

  /** Calls of this name are refused from here on, until the returned function is called. */
  refuse(name: Name, error = new Error('the disk is gone')): () => void {
    this.#failures.set(name, error);
    return () => void this.#failures.delete(name);
  }

  /** How often this was called. */
  calls(name: Name): number {
    return this.#calls.get(name) ?? 0;
  }

  /** Resolves when this was called at least `count` times. */
  async called(name: Name, count: number): Promise<void> {
    if (this.calls(name) >= count) return;
    await new Promise<void>((resolve) => this.#watchers.push({ name, count, resolve }));
  }

  /** Tells the core of trouble, or of its end. */
  trouble(error: StoreError | undefined): void {
    this.#onTrouble(error);
  }

  #call(name: string, run: () => unknown): unknown {
    const count = (this.#calls.get(name) ?? 0) + 1;
    this.#calls.set(name, count);
    for (const watcher of this.#watchers) if (watcher.name === name && count >= watcher.count) watcher.resolve();
    const failure = this.#failures.get(name);
    if (failure) return Promise.reject(failure);
    const gate = this.#gates.get(name);
    return gate ? gate.promise.then(run) : run();
  }
}
