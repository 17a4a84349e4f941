/** What the scenarios have in common: their setting, a bridge with an emulator, runs and what they cost. */
import type { LoadResult } from './load.ts';
import { MIB, usage } from './measure.ts';
import { Rig, type RigOptions } from './processes.ts';
import type { Measured, Section } from './table.ts';

export interface Setting {
  /** Where stores lie. */
  readonly folder: string;
  readonly messages: number;
  readonly runs: number;
  /** Bytes of `data` in a message. */
  readonly payload: number;
  /** Connections on either side of the bridge. */
  readonly connections: number;
  /** Messages per second of the scenarios that show latency. */
  readonly rate: number;
  readonly backlog: number;
  readonly idle: number;
  readonly nodeArgs: readonly string[];
  /** The program of the bridge. */
  readonly program: string;
}

/** What later scenarios compare themselves with, in messages per second. */
export interface Known {
  raw?: number;
  downstream?: number;
}

export type Scenario = (setting: Setting, known: Known) => Promise<Section>;

export const APP = 'com.example.app';
export const WINDOW = 100;
/** Milliseconds, where a service is emulated that is far away. */
export const ROUND_TRIP_MS = 60;
export const OUTSTANDING = 400;

export async function withRig<T>(
  setting: Setting,
  options: Omit<RigOptions, 'program'>,
  use: (rig: Rig) => Promise<T>,
): Promise<T> {
  const rig = await Rig.start(setting.folder, { nodeArgs: setting.nodeArgs, program: setting.program, ...options });
  try {
    return await use(rig);
  } finally {
    await rig.stop();
  }
}

/** A warm-up and the runs. */
export async function measure(runs: number, rig: Rig, load: (run: number) => Promise<LoadResult>): Promise<Measured> {
  const results: LoadResult[] = [];
  const cpuMicros: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const before = usage(rig.bridgePid).cpuSeconds;
    const result = await load(run);
    if (run === 0) continue;
    results.push(result);
    cpuMicros.push(((usage(rig.bridgePid).cpuSeconds - before) / result.messages) * 1e6);
  }
  return { runs: results, cpuMicros, residentMiB: usage(rig.bridgePid).residentBytes / MIB };
}

export const common = (setting: Setting, rig: Rig) => ({
  port: rig.balPort,
  sessions: [APP],
  connections: setting.connections,
  messages: setting.messages,
  outstanding: OUTSTANDING,
  payload: setting.payload,
});
