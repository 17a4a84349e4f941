import type { Random } from '../../src/lib/backoff.ts';
import { seeded } from '../../test/protocols/bal/helpers.ts';

/** A number from `low` up to `high`. */
export const between = (random: Random, low: number, high: number): number => low + random() * (high - low);

/** Chance of its own for a part of a trial: what others draw meanwhile does not change it. */
export const fork = (random: Random): Random => seeded(Math.floor(random() * 2 ** 32));

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
