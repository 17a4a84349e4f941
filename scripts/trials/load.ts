import type { Random } from '../../src/lib/backoff.ts';
import type { Books } from './books.ts';
import { fork } from './chance.ts';
import { Writer } from './writer.ts';

export interface LoadOptions {
  readonly port: number;
  readonly sessions: readonly string[];
  /** Backends of each session, with one connection each; every second one asks for DOWNSTREAM_TAKEN. */
  readonly backends: number;
  /** Messages that a backend writes in 20 ms, at most. */
  readonly burst: number;
  readonly books: Books;
  readonly random: Random;
}

/** All the backends of a trial. */
export class Load {
  readonly writers: readonly Writer[];

  constructor({ sessions, backends, random, ...options }: LoadOptions) {
    const byClient = new Map<string, Writer>();
    const onOutcome = (_: string, id: string): void => byClient.get(id.slice(0, id.lastIndexOf('-')))?.settled(id);
    for (const session of sessions) {
      for (let n = 0; n < backends; n++) {
        const client = `${session}-b${n}`;
        byClient.set(
          client,
          new Writer({ ...options, random: fork(random), session, client, confirm: n % 2 === 0, onOutcome }),
        );
      }
    }
    this.writers = [...byClient.values()];
  }

  start(): void {
    for (const writer of this.writers) writer.start();
  }

  /** Makes no new messages; everybody is there and acknowledges everything. */
  finish(): void {
    for (const writer of this.writers) {
      writer.producing = false;
      writer.away = false;
      writer.comply();
    }
  }

  /** Messages made, connections logged on, messages without an outcome. */
  get made(): number {
    return this.writers.reduce((sum, { made }) => sum + made, 0);
  }

  get logons(): number {
    return this.writers.reduce((sum, { logons }) => sum + logons, 0);
  }

  get unsettled(): number {
    return this.writers.reduce((sum, { unsettled }) => sum + unsettled, 0);
  }

  async stop(): Promise<void> {
    await Promise.all(this.writers.map((writer) => writer.stop()));
  }
}
