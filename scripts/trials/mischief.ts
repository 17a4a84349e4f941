import type { FaultPatchInput } from '../../src/emulator/index.ts';
import type { Random } from '../../src/lib/backoff.ts';
import { between, pause } from './chance.ts';
import type { Stage } from './stage.ts';

type Last = (low: number, high: number) => Promise<void>;

/** A fault: begins, lasts, and is over when it resolves. */
interface Fault {
  readonly name: string;
  /** How often, compared with the others. */
  readonly weight: number;
  /** `last(low, high)` waits so many seconds, as the pace of the trial has it. */
  run(stage: Stage, random: Random, last: Last): Promise<void>;
}

const pick = <T>(items: readonly T[], random: Random): T | undefined => items[Math.floor(random() * items.length)];
const oneOrAll = (random: Random): 'one' | 'all' => (random() < 0.7 ? 'one' : 'all');

/** Faults of every connection for a while. */
function spell(name: string, weight: number, high: number, faults: (random: Random) => FaultPatchInput): Fault {
  return {
    name,
    weight,
    async run(stage, random, last) {
      await stage.setFaults(faults(random));
      await last(0.5, high);
      await stage.calm();
    },
  };
}

/** Something that happens to a connection in a moment. */
function blow(name: string, weight: number, path: string, body: (random: Random) => object): Fault {
  return {
    name,
    weight,
    run: async (stage, random) => void (await stage.service(path, 'POST', body(random))),
  };
}

const ofService: readonly Fault[] = [
  blow('drain', 4, '/drain', (random) => ({ connection: oneOrAll(random) })),
  blow('drop (fin)', 3, '/drop', (random) => ({ connection: oneOrAll(random), how: 'fin' })),
  blow('drop (rst)', 3, '/drop', (random) => ({ connection: oneOrAll(random), how: 'rst' })),
  blow('close', 2, '/close', (random) => ({ connection: oneOrAll(random) })),
  blow('stream error', 1, '/fail', () => ({ connection: 'one' })),
  spell('black hole', 1, 6, () => ({ black_hole: true })),
  {
    name: 'black hole, one connection',
    weight: 2,
    async run(stage, random, last) {
      const connections = (await stage.service('/connections')) as { connection: number }[] | undefined;
      const one = pick(connections ?? [], random);
      if (one) await stage.service(`/connections/${one.connection}/faults`, 'PATCH', { black_hole: true });
      await last(1, 8);
      await stage.calm();
    },
  },
  spell('slow answers', 3, 6, (random) => ({
    latency: `${Math.floor(between(random, 20, 800))}ms`,
    latency_spread: '500ms',
  })),
  spell('nacks', 3, 5, (random) => ({
    nack_rate: between(random, 0.05, 0.6),
    nack_code: random() < 0.5 ? 'SERVICE_UNAVAILABLE' : 'INTERNAL_SERVER_ERROR',
  })),
  spell('held answers', 2, 6, () => ({ hold_acks: true })),
  spell('doubled and stray acks', 3, 6, () => ({ double_acks: true, stray_acks: true, unknown_types: true })),
  spell('other forms', 1, 4, () => ({ swap_forms: true })),
  {
    name: 'refused logins',
    weight: 1,
    async run(stage, random, last) {
      await stage.setFaults({ refuse_login: random() < 0.7 ? 'close' : 'failure' });
      await stage.service('/drop', 'POST', { connection: 'all', how: 'rst' });
      await last(0.5, 3);
      await stage.calm();
    },
  },
];

const ofBackends: readonly Fault[] = [
  {
    name: 'slow backend',
    weight: 3,
    async run({ load }, random, last) {
      const writer = pick(load.writers, random);
      if (!writer) return;
      writer.slow = true;
      await last(1, 6);
      writer.slow = false;
    },
  },
  {
    name: 'backend leaves',
    weight: 3,
    async run({ load }, random, last) {
      const writer = pick(load.writers, random);
      if (!writer) return;
      writer.leave();
      await last(0, 6);
      writer.away = false;
    },
  },
];

const ofBridge: readonly Fault[] = [
  {
    name: 'bridge restarted by SIGTERM',
    weight: 1,
    async run(stage) {
      const code = await stage.bridge.signal('SIGTERM');
      stage.books.findings.check('conduct', code === 0, () => `SIGTERM ended with ${code}`);
      await stage.startBridge();
    },
  },
  {
    name: 'bridge killed',
    weight: 1,
    async run(stage) {
      await stage.bridge.kill();
      await stage.startBridge();
    },
  },
];

export const kinds = { service: ofService, backends: ofBackends, bridge: ofBridge } as const;

/** Pauses between two faults, at most. */
const PAUSES_MS = { service: 3_000, backends: 2_000, bridge: 12_000 } as const;

/** Lets faults of one kind happen, one after the other, until it is told to stop. */
export class Mischief {
  readonly #stage: Stage;
  readonly #random: Random;
  readonly #faults: readonly Fault[];
  readonly #pauseMs: number;
  readonly #pace: number;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();
  /** How often each happened. */
  readonly counts = new Map<string, number>();
  /** What is happening just now. */
  now: string | undefined;

  /** @param pace how long faults and the pauses between them last, compared with the usual */
  constructor(stage: Stage, random: Random, kind: keyof typeof kinds, pace: number) {
    this.#stage = stage;
    this.#random = random;
    this.#faults = kinds[kind];
    this.#pauseMs = PAUSES_MS[kind] * pace;
    this.#pace = pace;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when the fault of the moment is over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    for (;;) {
      await pause(this.#random() * this.#pauseMs);
      if (this.#stopped) return;
      const fault = this.#choose();
      this.now = fault.name;
      this.counts.set(fault.name, (this.counts.get(fault.name) ?? 0) + 1);
      await fault.run(this.#stage, this.#random, (low, high) =>
        pause(between(this.#random, low, high) * 1000 * this.#pace),
      );
      this.now = undefined;
    }
  }

  #choose(): Fault {
    let at = this.#random() * this.#faults.reduce((sum, { weight }) => sum + weight, 0);
    for (const fault of this.#faults) {
      at -= fault.weight;
      if (at < 0) return fault;
    }
    throw new Error('there are no faults to choose from');
  }
}
