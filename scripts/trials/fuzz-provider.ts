/** Fuzzes the CCS provider: a whole bridge whose service is hostile, and a backend whose messages must all come to an end. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Backend, type Json } from '../../test/doors/bal/backend.ts';
import { goodCertificate } from '../../test/providers/ccs/scripted-server.ts';
import { type Service, startService } from './fuzz-service.ts';
import { Target, within } from './fuzz-target.ts';
import { Tally, type TrialOptions, type TrialResult } from './fuzz-trial.ts';

/** The bridge's time goes by so much faster: back-off between logins and retries does not rule the run. */
const HASTE = 20;
/** Messages that wait for their outcome at once. */
const OUTSTANDING = 50;

export async function fuzzProvider(options: TrialOptions): Promise<TrialResult> {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-fuzz-'));
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, goodCertificate.ca);
  const tally = new Tally('provider', options);
  const service = await startService(tally);
  const target = await Target.start({ kind: 'bridge', haste: HASTE, config: config(folder, ca, service.port) });
  try {
    const assault = new Assault(target, service, tally);
    await Promise.race([target.alive(assault.run()), service.failed]);
    await countEvents(target, tally);
    await target.stop();
  } finally {
    target.kill();
    service.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return tally.result();
}

function config(folder: string, ca: string, port: number): Json {
  const real = (seconds: number) => `${seconds * HASTE}s`;
  return {
    store: { url: `sqlite:${join(folder, 'fuzz.db')}` },
    bal: { port: 0, owner_grace: 0, write_timeout: real(60), ack_timeout: real(300), logon_timeout: real(60) },
    admin: { port: 0 },
    sessions: [{ id: 'victim' }],
    limits: { dedupe_max: 1_000, dead_letters_max: 1_000, receipts_max: 1_000 },
    providers: {
      ccs: {
        host: 'localhost',
        port,
        sender_id: '1',
        server_key: 'key',
        ca,
        pool: { min: 4, max: 4 },
        ack_timeout: real(1),
        ping_interval: real(60),
        login_timeout: real(10),
      },
    },
  };
}

class Assault {
  readonly #target: Target;
  readonly #service: Service;
  readonly #tally: Tally;
  readonly #waiting = new Map<string, () => void>();
  #number = 0;

  constructor(target: Target, service: Service, tally: Tally) {
    this.#target = target;
    this.#service = service;
    this.#tally = tally;
  }

  async run(): Promise<void> {
    const backend = await Backend.connect(this.#target.port('bal'));
    backend.send({ message_type: 'LOGON', session_id: 'victim', window: 1_000 });
    await within(backend.next(), 'the victim logs on');
    const reading = this.#read(backend);
    while (!this.#tally.done) {
      this.#service.peace = false;
      while (!this.#tally.due) {
        while (this.#waiting.size < OUTSTANDING) this.#submit(backend);
        await sleep(5);
      }
      this.#service.peace = true;
      await within(this.#outcomes(), () => `messages without an outcome: ${[...this.#waiting.keys()].join(', ')}`);
      const outcome = this.#submit(backend);
      await within(outcome, 'an honest message has no outcome in peace');
      await this.#tally.measure(this.#target);
    }
    backend.destroy();
    await reading;
  }

  /** Resolves when the message has its outcome. */
  #submit(backend: Backend): Promise<void> {
    const id = `v${this.#number++}`;
    backend.send({ message_type: 'DOWNSTREAM', message_id: id, fcm_data: { to: 'token', data: { id } } });
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  async #outcomes(): Promise<void> {
    while (this.#waiting.size > 0) await sleep(20);
  }

  async #read(backend: Backend): Promise<void> {
    for (;;) {
      const frame = await backend.next().catch(() => undefined);
      if (!frame) return;
      if (frame.sequence_id !== undefined) backend.ack(frame.sequence_id);
      const isReject = frame.message_type === 'DOWNSTREAM_REJECT';
      if (!isReject && frame.message_type !== 'DOWNSTREAM_ACK') continue;
      const id = String(frame.message_id);
      const done = this.#waiting.get(id);
      if (!done) throw new Error(`a second outcome for ${id}: ${JSON.stringify(frame)}`);
      this.#waiting.delete(id);
      if (isReject && typeof frame.error !== 'string')
        throw new Error(`a REJECT without a code: ${JSON.stringify(frame)}`);
      this.#tally.honest++;
      done();
    }
  }
}

/** What the provider has counted, by its own names. */
async function countEvents(target: Target, tally: Tally): Promise<void> {
  const text = await (await fetch(`http://127.0.0.1:${target.port('admin')}/metrics`)).text();
  for (const [, event = '', count] of text.matchAll(
    /^pushbridge_provider_events_total\{.*event="(\w+)".*\} (\d+)$/gm,
  )) {
    tally.refusals.set(event, Number(count));
  }
}
