/** Load for the BAL door: messages downstream until every one has its outcome, or upstream until every one has come. */
import { type Encoding, encodeBackendFrame, type ReceivedFrame } from '../../src/protocols/bal/index.ts';
import { Backend } from './backend.ts';
import { type Quantiles, quantiles, wallMs } from './measure.ts';

export interface LoadOptions {
  readonly port: number;
  /** The connections go round these. */
  readonly sessions: readonly string[];
  readonly connections: number;
  readonly encoding?: Encoding;
  /** Messages in all. */
  readonly messages: number;
  /** Messages without an outcome on one connection, at most. */
  readonly outstanding: number;
  /** Bytes of `data` in a message. */
  readonly payload: number;
  /** Contents by turns, with {@link DIGITS_HERE} where the number of the message is to be; absent: one with `payload`. */
  readonly contents?: readonly Readonly<Record<string, unknown>>[];
  /** Messages per second over all connections; absent: as fast as it goes. */
  readonly rate?: number;
  /** `taken`: a message is done when it is stored, not when it has its outcome. */
  readonly until?: 'outcome' | 'taken';
  /** Makes message ids unique between runs; of the same length in all. */
  readonly prefix: string;
}

export interface LoadResult extends Quantiles {
  readonly seconds: number;
  readonly messages: number;
  readonly perSecond: number;
}

/** Digits of the number in a message id. */
const DIGITS = 8;
/** Stands for the number of the message. */
export const DIGITS_HERE = '7'.repeat(DIGITS);

/** Sends `messages` and waits for the outcome of every one: times are from the frame's write to its DOWNSTREAM_ACK. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const share = Math.floor(options.messages / options.connections);
  const times = new Float64Array(share * options.connections);
  const senders = await Promise.all(
    Array.from({ length: options.connections }, (_, index) => Sender.open(options, index, share, times)),
  );
  const started = performance.now();
  await Promise.all(senders.map((sender) => sender.run()));
  const seconds = (performance.now() - started) / 1000;
  for (const sender of senders) sender.close();
  return { seconds, messages: times.length, perSecond: times.length / seconds, ...quantiles(times) };
}

/** Waits for `messages` upstream messages; times are from the emulator's write to our read, if it stamps them. */
export async function runSink(
  options: Pick<LoadOptions, 'port' | 'sessions' | 'connections' | 'messages'>,
  begin: () => void,
): Promise<LoadResult> {
  const { port, sessions, connections, messages } = options;
  const times = new Float64Array(messages);
  let done = 0;
  const finished = Promise.withResolvers<void>();
  const take = (frames: readonly ReceivedFrame[]) => {
    const now = wallMs();
    for (const frame of frames) {
      if (frame.message_type !== 'UPSTREAM') continue;
      const { data } = frame.fcm_data as { data: { sent_at?: number } };
      times[done++] = now - (data.sent_at ?? Number.NaN);
    }
    if (done >= messages) finished.resolve();
  };
  const backends = await Promise.all(
    Array.from({ length: connections }, (_, i) =>
      Backend.logOn({ port, session: sessions[i % sessions.length] ?? '' }),
    ),
  );
  for (const backend of backends) backend.listen(take, finished.reject);
  const started = performance.now();
  begin();
  await finished.promise;
  const seconds = (performance.now() - started) / 1000;
  for (const backend of backends) backend.close();
  return { seconds, messages, perSecond: messages / seconds, ...quantiles(times) };
}

/** @param payload bytes of `data` */
export const contentOf = (payload: number) => ({
  to: `token-${DIGITS_HERE}`,
  data: { text: 'x'.repeat(Math.max(0, payload - 10)) },
});

/** A DOWNSTREAM as bytes, in which only the digits of the id and of the token change. */
export class Template {
  readonly #bytes: Buffer;
  readonly #places: readonly number[];

  constructor(encoding: Encoding, prefix: string, fcm_data: Readonly<Record<string, unknown>>) {
    const message_id = `${prefix}-${DIGITS_HERE}`;
    this.#bytes = encodeBackendFrame({ message_type: 'DOWNSTREAM', message_id, fcm_data }, encoding);
    this.#places = [...this.#bytes.toString('latin1').matchAll(new RegExp(DIGITS_HERE, 'g'))].map(({ index }) => index);
  }

  frame(n: number): Buffer {
    const bytes = Buffer.from(this.#bytes);
    const digits = String(n).padStart(DIGITS, '0');
    for (const place of this.#places) bytes.write(digits, place, 'latin1');
    return bytes;
  }
}

/** One connection that sends its share. */
class Sender {
  readonly #options: LoadOptions;
  readonly #backend: Backend;
  readonly #offset: number;
  readonly #share: number;
  readonly #times: Float64Array;
  readonly #sentAt: Float64Array;
  readonly #templates: readonly Template[];
  #sent = 0;
  #done = 0;
  readonly #finished = Promise.withResolvers<void>();

  private constructor(options: LoadOptions, backend: Backend, offset: number, share: number, times: Float64Array) {
    this.#options = options;
    this.#backend = backend;
    this.#offset = offset;
    this.#share = share;
    this.#times = times;
    this.#sentAt = new Float64Array(share);
    const { prefix, payload, contents = [contentOf(payload)] } = options;
    this.#templates = contents.map((content) => new Template(backend.encoding, prefix, content));
  }

  static async open(options: LoadOptions, index: number, share: number, times: Float64Array): Promise<Sender> {
    const { port, sessions, encoding, until } = options;
    const backend = await Backend.logOn({
      port,
      session: sessions[index % sessions.length] ?? '',
      confirm: until === 'taken',
      ...(encoding && { encoding }),
    });
    return new Sender(options, backend, index * share, share, times);
  }

  async run(): Promise<void> {
    const { rate, connections } = this.#options;
    this.#backend.listen((frames) => this.#take(frames), this.#finished.reject);
    if (rate === undefined) this.#fill();
    else this.#pace(rate / connections / 1000);
    await this.#finished.promise;
  }

  close(): void {
    this.#backend.close();
  }

  /** Closed loop: as many as may be outstanding. */
  #fill(): void {
    const room = Math.min(this.#options.outstanding - (this.#sent - this.#done), this.#share - this.#sent);
    if (room > 0) this.#backend.socket.write(Buffer.concat(Array.from({ length: room }, () => this.#message())));
  }

  /** Open loop: so many a millisecond, whatever comes back. */
  #pace(perMs: number): void {
    const began = performance.now();
    const timer = setInterval(() => {
      const due = Math.min(this.#share, Math.floor((performance.now() - began) * perMs));
      while (this.#sent < due) this.#backend.socket.write(this.#message());
      if (this.#sent === this.#share) clearInterval(timer);
    }, 1);
  }

  #message(): Buffer {
    const n = this.#sent++;
    this.#sentAt[n] = performance.now();
    const template = this.#templates[n % this.#templates.length];
    if (!template) throw new Error('no content');
    return template.frame(this.#offset + n);
  }

  #take(frames: readonly ReceivedFrame[]): void {
    for (const frame of frames) {
      if (frame.message_type === 'DOWNSTREAM_REJECT')
        this.#finished.reject(new Error(`rejected: ${frame.error_string}`));
      if (frame.message_type === 'DOWNSTREAM_ACK' && this.#options.until !== 'taken') this.#settle(frame.message_id);
      if (frame.message_type === 'DOWNSTREAM_TAKEN') for (const id of frame.message_ids) this.#settle(id);
    }
    if (this.#done === this.#share) this.#finished.resolve();
    else if (this.#options.rate === undefined) this.#fill();
  }

  #settle(id: string): void {
    const n = Number(id.slice(-DIGITS)) - this.#offset;
    this.#times[this.#offset + n] = performance.now() - (this.#sentAt[n] ?? 0);
    this.#done++;
  }
}
