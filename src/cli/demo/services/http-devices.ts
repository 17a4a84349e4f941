import { randomBytes } from 'node:crypto';
import { RECEIPT_KEY } from '../../../protocols/fcm/index.ts';
import { BACKENDS, sessionOf } from '../plan.ts';
import type { Devices } from './service.ts';

/** Posts that are under way at once, at most. */
const AT_ONCE = 10;
/** Devices that upstream messages come from: each may post only so often. */
const SPEAKERS = 10;

/** The devices of services that carry nothing upstream: they speak to the bridge itself, over HTTP. */
export class HttpDevices implements Devices {
  readonly #key = randomBytes(16).toString('hex');
  readonly #queue: (readonly [path: string, body: object])[] = [];
  #port = 0;
  #working = 0;
  /** Posts that the bridge did not take. */
  refused = 0;

  /** The sections of the bridge's configuration that let them in. */
  get config(): Readonly<Record<string, unknown>> {
    const applications = BACKENDS.map((backend) => ({ id: sessionOf(backend), key: this.#key }));
    return { http: { port: 0 }, doors: { app: { applications } } };
  }

  /** @param port where the bridge listens for them */
  connect(port: number): this {
    this.#port = port;
    return this;
  }

  speak(backend: string, count: number): void {
    for (let n = 0; n < count; n++) {
      const from = `device-${n % SPEAKERS}-of-${backend}`;
      const message = { from, category: sessionOf(backend), message_id: `${backend}-up-${n}`, data: { n: `${n}` } };
      this.#post('/v1/upstream', message);
    }
  }

  /** A message has come to a device: if its sender wants a receipt, the device posts it. */
  received(device: string, data: Readonly<Record<string, unknown>>): void {
    const { [RECEIPT_KEY]: receipt, text } = data;
    const backend = BACKENDS.find((name) => String(text).endsWith(` of ${name}`));
    if (receipt === undefined || !backend) return;
    this.#post('/v1/receipts', { from: device, category: sessionOf(backend), receipt });
  }

  #post(path: string, body: object): void {
    this.#queue.push([path, body]);
    if (this.#working < AT_ONCE) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working++;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const [path, body] = next;
      const headers = { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json' };
      const answer = await fetch(`http://127.0.0.1:${this.#port}${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      }).catch(() => undefined);
      await answer?.arrayBuffer();
      if (!answer?.ok) this.refused++;
    }
    this.#working--;
  }
}
