import type { Random } from '../../src/lib/backoff.ts';
import { pause } from './chance.ts';
import type { Findings } from './findings.ts';
import type { Stage, Traffic } from './stage.ts';

/** What a trial is given. */
export interface TrialOptions {
  readonly random: Random;
  readonly findings: Findings;
  /** Sessions, backends and messages, if not as many as usual. */
  readonly traffic?: Traffic;
  /** How often to kill or to tear; what that means is the trial's. */
  readonly times: number;
  /** Tells a line about how it goes. */
  readonly say: (line: string) => void;
}

export type Trial = (options: TrialOptions) => Promise<void>;

/** A calm end: how long everything that is on its way may take to arrive. */
export const SETTLE_MS = 60_000;

/** So many messages have an outcome, and so many upstream messages were offered, before a trial may end. */
const TRAFFIC_MIN = { settled: 50, offered: 5 };

/** Waits for traffic: on a slow machine, lives that end at random may all have been too short for any. */
export async function sawTraffic({ load, uplink }: Stage, { findings }: Pick<TrialOptions, 'findings'>): Promise<void> {
  const enough = () => load.made - load.unsettled >= TRAFFIC_MIN.settled && uplink.offered >= TRAFFIC_MIN.offered;
  for (const end = performance.now() + SETTLE_MS; !enough() && performance.now() < end; ) await pause(20);
  findings.check('conduct', enough(), () => `hardly any traffic in ${SETTLE_MS / 1000} s`);
}

/** Lets everything come home, stops the bridge in order, closes the books. */
export async function finish(stage: Stage, { findings, say }: Pick<TrialOptions, 'findings' | 'say'>): Promise<void> {
  const { load, uplink } = stage;
  const open = await stage.settle(SETTLE_MS);
  findings.check('conduct', open === undefined, () => `not settled after ${SETTLE_MS / 1000} s: ${open}`);
  const code = await stage.bridge.signal('SIGTERM');
  findings.check('conduct', code === 0, () => `the last stop ended with ${code}:\n${tail(stage.bridge.log)}`);
  await stage.end();
  say(`${load.made} messages, ${uplink.offered} upstream messages, ${load.logons} logons`);
}

/** The end of a log. */
export const tail = (log: readonly string[], lines = 5): string => log.slice(-lines).join('\n');

/** Whether a log holds a stack trace: the bridge ends with words, never with one. */
export const hasStackTrace = (log: readonly string[]): boolean => log.some((line) => /^\s+at .*[:)]\d*/.test(line));
