import { z } from '../lib/schema.ts';

/** Connections to do something to: all, the oldest that is in use, or one by its number. */
export const targetSchema = z.union([z.literal('all'), z.literal('one'), z.int().min(1)]);
export type Target = z.infer<typeof targetSchema>;

/** A request that names something that is not there. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
}

/** What can be asked of every emulator and done to it. */
export interface CommonControl<Patch> {
  stats(): unknown;
  /** Counts from zero. */
  resetStats(): void;
  /** The open connections, oldest first. */
  connections(): unknown;
  faults(): unknown;
  /** Changes faults; what is left out stays. */
  setFaults(patch: Patch): unknown;
  /** Back to the faults of the options. */
  resetFaults(): void;
}
