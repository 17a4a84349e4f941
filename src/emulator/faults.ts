import { z } from '../lib/schema.ts';

/** Faults by name; each has a default, which is that nothing is wrong. */
export type FaultShape = Readonly<Record<string, z.ZodDefault<z.ZodType>>>;
/** The faults in effect. */
export type FaultsOf<S extends FaultShape> = { readonly [K in keyof S]: z.output<S[K]> };

/** Some of the faults, as written; what is left out stays as it is. */
export function patchOf<S extends FaultShape>(shape: S) {
  return z.strictObject(
    Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, field.unwrap().optional()])) as {
      [K in keyof S]: z.ZodOptional<ReturnType<S[K]['unwrap']>>;
    },
  );
}

/** The faults among the options. */
export function faultsOf<S extends FaultShape>(shape: S, options: FaultsOf<S>): FaultsOf<S> {
  const faults = Object.entries(options).filter(([name]) => Object.hasOwn(shape, name));
  return Object.fromEntries(faults) as FaultsOf<S>;
}

/** A patch without what it leaves out. */
export function withoutGaps<T extends object>(patch: T): Partial<T> {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as Partial<T>;
}
