import { hash } from 'node:crypto';
import type { Random } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { DelayLine } from '../delay-line.ts';
import type { Grimoire, Magic, Spells } from '../magic.ts';
import type { Http2Counters, Memory } from './counters.ts';
import type { Http2Faults, Http2Options } from './options.ts';
import type { RequestFault } from './service.ts';

/**
 * Told of the messages on the wire, for those who keep books of their own. Called before the emulator goes on. Must not throw.
 * There are no message ids in these services: the body tells messages apart.
 */
export interface Http2Watch {
  /** A message has come. Called again for every repeat. */
  received?(target: string, body: string): void;
  /** Its answer is about to be written: a success, or an error with this code. */
  answered?(target: string, body: string, code: string | undefined): void;
}

/** What all connections of one emulator share. */
export interface World<Faults extends Http2Faults = Http2Faults> {
  readonly options: Http2Options;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly watch: Http2Watch;
  readonly delays: DelayLine;
  /** Answers that are kept back, in the order in which they would have gone out. */
  readonly held: (() => void)[];
  counters: Http2Counters;
  faults: Faults;
  readonly memory: Memory;
  readonly spells: Spells;
  /** Targets that get an error, by code. */
  readonly tokens: Map<string, string>;
}

/**
 * A message has been read and may be sent: counts it, tells the watcher, and looks for magic in its target.
 * @param content asked for what is the same of the body in every attempt
 */
export function arrived(
  world: World,
  target: string,
  body: string,
  book: Grimoire<RequestFault>,
  content = (): string => body,
): Magic<RequestFault> | undefined {
  const { counters, watch, memory, spells } = world;
  counters.messages++;
  watch.received?.(target, body);
  const digest = (): string => hash('sha1', `${target}\n${content()}`, 'base64');
  if (memory.again(digest)) counters.repeated++;
  return spells.cast(target, book, digest);
}

/** The code of the error that a message gets although nothing is wrong with it. */
export function misfortune({ tokens, faults, random }: World, target: string): string | undefined {
  const known = tokens.size > 0 ? tokens.get(target) : undefined;
  if (known !== undefined) return known;
  return faults.error_rate > 0 && random() < faults.error_rate ? faults.error_code : undefined;
}
