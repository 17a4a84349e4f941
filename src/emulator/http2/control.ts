import type { CommonControl, Target } from '../control.ts';
import { ControlError } from '../control.ts';
import type { FaultShape, FaultsOf } from '../faults.ts';
import { faultsOf, withoutGaps } from '../faults.ts';
import type { Connection, Http2ConnectionInfo } from './connection.ts';
import type { Http2Counters, SeenRequest } from './counters.ts';
import { newCounters } from './counters.ts';
import type { Http2Faults } from './options.ts';
import type { World } from './world.ts';

/** What an emulator saw, and how it stands. */
export interface Http2Stats extends Http2Counters {
  /** Open connections. */
  readonly connections: number;
}

/** How the faults of a service are written, and what they are at first. */
export interface FaultBook<Faults, Patch> {
  readonly initial: Faults;
  /** @throws if the patch is not understood */
  read(patch: Patch): Partial<Faults>;
}

/** A {@link FaultBook} of the options. */
export function faultBook<S extends FaultShape, Patch>(
  shape: S,
  options: FaultsOf<S>,
  parse: (patch: Patch) => object,
): FaultBook<FaultsOf<S>, Patch> {
  return { initial: faultsOf(shape, options), read: (patch) => withoutGaps(parse(patch)) };
}

/** Everything that can be done to a running emulator over HTTP/2, whatever its service; the HTTP port does the same. */
export class Http2Control<Faults extends Http2Faults, Patch> implements CommonControl<Patch> {
  readonly #world: World<Faults>;
  readonly #connections: ReadonlySet<Connection>;
  readonly #book: FaultBook<Faults, Patch>;
  readonly #codes: readonly string[];

  constructor(
    world: World<Faults>,
    connections: ReadonlySet<Connection>,
    book: FaultBook<Faults, Patch>,
    codes: readonly string[],
  ) {
    this.#world = world;
    this.#connections = connections;
    this.#book = book;
    this.#codes = codes;
  }

  stats(): Http2Stats {
    const { counters } = this.#world;
    return { ...counters, errors: { ...counters.errors }, connections: this.#connections.size };
  }

  /** Counts from zero and forgets all requests. */
  resetStats(): void {
    this.#world.counters = newCounters();
    this.#world.memory.clear();
  }

  connections(): Http2ConnectionInfo[] {
    return [...this.#connections].map(({ info }) => info);
  }

  /** The last requests with their headers and bodies, oldest first; none if nothing is tracked. */
  requests(limit = 100): SeenRequest[] {
    return this.#world.memory.last(limit);
  }

  faults(): Faults {
    return this.#world.faults;
  }

  /**
   * Changes faults; what is left out stays. Durations are texts such as `20ms`.
   * @throws if the patch is not understood
   */
  setFaults(patch: Patch): Faults {
    this.#apply({ ...this.#world.faults, ...this.#book.read(patch) });
    return this.faults();
  }

  resetFaults(): void {
    this.#apply(this.#book.initial);
  }

  /**
   * What messages to this target get from now on: an error by its code, or undefined for a success again.
   * @throws ControlError if there is no such code
   */
  setToken(target: string, code: string | undefined): void {
    if (code !== undefined && !this.#codes.includes(code)) throw new ControlError(`there is no code ${code}`);
    if (code === undefined) this.#world.tokens.delete(target);
    else this.#world.tokens.set(target, code);
  }

  /** Sends GOAWAY; streams that have come are finished. How many connections it was sent on. */
  goaway(target: Target = 'one', debug = '', code = 0): number {
    return this.#each(target, (connection) => connection.goaway(debug, code));
  }

  /** Drops connections without a word. */
  drop(target: Target = 'one', how: 'fin' | 'rst' = 'fin'): number {
    return this.#each(target, (connection) => connection.drop(how));
  }

  #apply(faults: Faults): void {
    this.#world.faults = faults;
    for (const connection of this.#connections) connection.applyFaults();
    if (faults.hold_answers) return;
    for (const give of this.#world.held.splice(0)) give();
  }

  #each(target: Target, act: (connection: Connection) => void): number {
    const all = [...this.#connections];
    if (typeof target === 'number' && !all.some(({ number }) => number === target)) {
      throw new ControlError(`there is no connection ${target}`);
    }
    const chosen =
      typeof target === 'number'
        ? all.filter(({ number }) => number === target)
        : target === 'all'
          ? all
          : all.slice(0, 1);
    for (const connection of chosen) act(connection);
    return chosen.length;
  }
}
