import type { Random } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { DelayLine } from '../delay-line.ts';
import type { Spells } from '../magic.ts';
import type { Counters, Tracker } from './counters.ts';
import type { EmulatorOptions, Faults } from './options.ts';
import type { Sender } from './sender.ts';
import type { Watch } from './watch.ts';

/** What all connections share. */
export interface World {
  readonly options: EmulatorOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly watch: Watch;
  readonly delays: DelayLine;
  counters: Counters;
  /** The faults of every connection that has no others. */
  faults: Faults;
  readonly downstream: Tracker;
  readonly upstream: Tracker;
  /** Tokens that do not simply get an ack. */
  readonly tokens: Map<string, TokenAnswer>;
  /** How often a token's magic has been used on a message. */
  readonly spells: Spells;
  sender(id: string): Sender;
}

/** What a token gets instead of a simple ack. */
export type TokenAnswer = { readonly nack: string } | { readonly canonical: string };
