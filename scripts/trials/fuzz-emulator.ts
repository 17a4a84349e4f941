/** Fuzzes the CCS emulator: app servers that send rubbish, and honest ones among them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppServer } from './fuzz-app-server.ts';
import { Chance } from './fuzz-chance.ts';
import { Target, within } from './fuzz-target.ts';
import { FuzzFailure, Tally, type TrialOptions, type TrialResult } from './fuzz-trial.ts';

/** Hostile connections at once. */
const CONNECTIONS = 6;
/** One honest message for so many hostile connections. */
const HONEST_EVERY = 50;

export async function fuzzEmulator(options: TrialOptions): Promise<TrialResult> {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-fuzz-'));
  const ca_file = join(folder, 'ca.pem');
  // Bounds that fill up during the warm-up; anybody may log in.
  const config = { ca_file, track_limit: 1_000, keepalive: '50ms', control_port: 0 };
  const target = await Target.start({ kind: 'emulator', config });
  const tally = new Tally('emulator', options);
  try {
    await new Assault(target, tally, readFileSync(ca_file, 'utf8')).run();
    await target.stop();
  } finally {
    target.kill();
    rmSync(folder, { recursive: true, force: true });
  }
  return tally.result();
}

class Assault {
  readonly #target: Target;
  readonly #tally: Tally;
  readonly #ca: string;
  #number = 0;

  constructor(target: Target, tally: Tally, ca: string) {
    this.#target = target;
    this.#tally = tally;
    this.#ca = ca;
  }

  async run(): Promise<void> {
    while (!this.#tally.done) {
      const rounds = Array.from({ length: CONNECTIONS }, () => this.#rounds());
      await this.#target.alive(Promise.all(rounds));
      await this.#honest();
      await this.#tally.measure(this.#target);
    }
  }

  /** One connection after the other until the next measure is due. */
  async #rounds(): Promise<void> {
    while (!this.#tally.due) {
      const number = this.#number++;
      const chance = Chance.of(this.#tally.options.seed, number);
      const client = this.#open(chance);
      try {
        await within(this.#converse(client, chance), 'the emulator neither answers nor closes');
      } catch (cause) {
        const reason = (await this.#target.lastWords()) ?? (cause as Error).message;
        throw new FuzzFailure(`connection ${number}: ${reason}`, client.sent, { cause });
      } finally {
        client.leave();
      }
      if (number % HONEST_EVERY === 0) await this.#honest();
    }
  }

  async #converse(client: AppServer, chance: Chance): Promise<void> {
    if (chance.odds(0.1)) return client.spoiltLogin();
    const user = chance.odds(0.5) ? '123' : `u${chance.int(1e6)}`;
    if (!(await client.logIn(`${user}@gcm.googleapis.com`))) throw new Error('a good login was refused');
    await client.rave();
  }

  /** An app server that does everything right must not notice the others. */
  async #honest(): Promise<void> {
    const client = this.#open(Chance.of(this.#tally.options.seed, -1));
    const id = `honest ${this.#tally.honest++}`;
    const talk = client.logIn('123@gcm.googleapis.com').then((isIn) => isIn && client.honest(id));
    if (!(await within(talk, 'an honest message has no ack'))) throw new Error('an honest app server was cut off');
    client.leave();
  }

  #open(chance: Chance): AppServer {
    return new AppServer(this.#target.port('ccs'), this.#ca, chance, this.#tally);
  }
}
