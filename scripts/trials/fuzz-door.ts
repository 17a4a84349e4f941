/** Fuzzes the BAL door: a whole bridge with a SQLite store, and backends that send rubbish among honest ones. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmulator } from '../../src/emulator/index.ts';
import { Backend, type Json } from '../../test/doors/bal/backend.ts';
import { HostileBackend } from './fuzz-backend.ts';
import { Chance } from './fuzz-chance.ts';
import { Target, within } from './fuzz-target.ts';
import { FuzzFailure, Tally, type TrialOptions, type TrialResult } from './fuzz-trial.ts';

/** Hostile connections at once. */
const CONNECTIONS = 8;
/** One honest message for so many hostile connections. */
const HONEST_EVERY = 200;

export async function fuzzDoor(options: TrialOptions): Promise<TrialResult> {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-fuzz-'));
  const ca_file = join(folder, 'ca.pem');
  const emulator = createEmulator({ port: 0, track: false, ca_file });
  await emulator.start();
  const target = await Target.start({ kind: 'bridge', config: config(folder, ca_file, emulator.port) });
  const tally = new Tally('door', options);
  try {
    await new Assault(target, tally).run();
    await target.stop();
  } finally {
    target.kill();
    await emulator.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return tally.result();
}

function config(folder: string, ca: string, port: number): Json {
  return {
    store: { url: `sqlite:${join(folder, 'fuzz.db')}` },
    bal: { port: 0, owner_grace: 0, failed_logon_delay: '1ms', max_connections: 10_000 },
    admin: { port: 0 },
    sessions: [{ id: 'fuzz' }, { id: 'honest', secret: 'a secret' }],
    // Bounds that fill up during the warm-up.
    limits: { dedupe_max: 1_000, dead_letters_max: 1_000, receipts_max: 1_000 },
    providers: { ccs: { host: '127.0.0.1', port, sender_id: '1', server_key: 'key', ca } },
  };
}

class Assault {
  readonly #target: Target;
  readonly #tally: Tally;
  #number = 0;

  constructor(target: Target, tally: Tally) {
    this.#target = target;
    this.#tally = tally;
  }

  async run(): Promise<void> {
    const honest = await this.#backend('honest', { secret: 'a secret' });
    const collector = await this.#backend('fuzz', { window: 1_000 });
    const collecting = acknowledgeAll(collector);
    while (!this.#tally.done) {
      const rounds = Array.from({ length: CONNECTIONS }, () => this.#rounds());
      await this.#target.alive(Promise.all(rounds));
      await this.#honest(honest);
      await this.#tally.measure(this.#target);
    }
    for (const backend of [honest, collector]) backend.destroy();
    await collecting;
  }

  async #backend(session: string, fields: Json): Promise<Backend> {
    const backend = await Backend.connect(this.#target.port('bal'));
    backend.send({ message_type: 'LOGON', session_id: session, ...fields });
    const { status } = await within(backend.next(), `${session} logs on`);
    if (status !== 'SUCCESS') throw new Error(`${session} can not log on`);
    return backend;
  }

  /** One connection after the other until the next measure is due. */
  async #rounds(): Promise<void> {
    const honest = await this.#backend('honest', { secret: 'a secret' });
    while (!this.#tally.due) {
      const number = this.#number++;
      const client = new HostileBackend(Chance.of(this.#tally.options.seed, number), this.#target.port('bal'));
      try {
        await within(client.run(this.#tally), 'the door neither answers nor closes');
      } catch (cause) {
        const reason = (await this.#target.lastWords()) ?? (cause as Error).message;
        throw new FuzzFailure(`connection ${number}: ${reason}`, client.sent, { cause });
      } finally {
        client.leave();
      }
      if (number % HONEST_EVERY === 0) await this.#honest(honest);
    }
    honest.destroy();
  }

  /** A message among the noise, and its outcome. */
  async #honest(backend: Backend): Promise<void> {
    const id = `honest ${this.#tally.honest++}`;
    backend.send({ message_type: 'DOWNSTREAM', message_id: id, fcm_data: { to: 'token', data: { id } } });
    const frame = await this.#target.alive(within(backend.next(), 'an honest message has no outcome'));
    if (frame.message_type !== 'DOWNSTREAM_ACK' || frame.message_id !== id) {
      throw new Error(`an honest message got ${JSON.stringify(frame)}`);
    }
    backend.ack(frame.sequence_id);
  }
}

/** Takes whatever comes for the session, so that its inbox does not fill up. */
async function acknowledgeAll(backend: Backend): Promise<void> {
  try {
    for (;;) {
      const { sequence_id } = await backend.next();
      if (sequence_id !== undefined) backend.ack(sequence_id);
    }
  } catch {
    // closed: the run is over
  }
}
