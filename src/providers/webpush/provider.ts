import {
  bareReply,
  type Health,
  type Message,
  type Outcome,
  type Payload,
  type Provider,
  type Receiver,
  type Refusal,
  remainingTtl,
  type Telemetry,
  TTL_MAX,
} from '../../core/index.ts';
import type { Random } from '../../lib/backoff.ts';
import { type Clock, pause } from '../../lib/clock.ts';
import { type Log, reason } from '../../lib/log.ts';
import { inSection } from '../../lib/option-problem.ts';
import { ForbiddenUrl, Outgoing, type OutgoingResult, type Resolve } from '../../protocols/http/index.ts';
import { Encryptor } from './encryption.ts';
import { readMessage, type WebPushMessage } from './message.ts';
import type { WebPushOptions } from './options.ts';
import { Origins, type Place } from './origins.ts';
import { invalid, judge, putOff, unavailable } from './outcomes.ts';
import { addGauges, healthOf } from './report.ts';
import { readSettings } from './settings.ts';
import { Vapid } from './vapid.ts';

export interface WebPushDeps {
  readonly name: string;
  readonly options: WebPushOptions;
  readonly clock: Clock;
  /** The wall clock as it is, even if it goes back: push services compare times with theirs. */
  readonly wall: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly log: Log;
  readonly telemetry: Telemetry;
  /** Where names lead; default: as the name servers of the system say. */
  readonly resolve?: Resolve;
}

/** A way to endpoints of Web Push and UnifiedPush, wherever they are. Nothing happens before `start`. */
export function createWebPushProvider(deps: WebPushDeps): Provider {
  return new WebPush(deps);
}

class WebPush implements Provider {
  readonly name: string;
  readonly #deps: WebPushDeps;
  readonly #origins: Origins;
  readonly #encryptor: Encryptor;
  #outgoing: Outgoing;
  #vapid: Vapid | undefined;
  #listener: () => void = () => {};
  /** The listener is about to be called. */
  #telling = false;
  #state: 'new' | 'running' | 'stopping' = 'new';
  #stopped: Promise<void> | undefined;
  /** Somebody waits for the last message to come home. */
  #atRest: (() => void) | undefined;

  constructor(deps: WebPushDeps) {
    const { name, options, clock, random, log, telemetry } = deps;
    const { per_origin: perOrigin, max } = options.connections;
    const own = log.child({ provider: name });
    this.name = name;
    this.#deps = deps;
    this.#encryptor = new Encryptor(options.encryption_threads, own);
    this.#outgoing = this.#wayOut();
    const count = (event: string) => this.#count(event);
    this.#origins = new Origins({ clock, random, log: own, max, perOrigin, count, onRoom: () => this.#onRoom() });
    const used = () => this.#origins.inFlight;
    addGauges(telemetry, name, { size: max, used, connections: () => this.#outgoing.report });
  }

  inspect(payload: Payload): Refusal | undefined {
    const reading = readMessage(payload, this.#deps.options);
    if ('refusal' in reading) return reading.refusal;
    const url = this.#urlOf(reading.message);
    return typeof url === 'string' ? { code: 'INVALID_MESSAGE', because: url } : undefined;
  }

  room(): number {
    return this.#state === 'running' ? this.#origins.room : 0;
  }

  onRoom(listener: () => void): void {
    this.#listener = listener;
  }

  /** @throws OptionProblem if a file that the options name can not be read or is not what it should be */
  async start(_receiver: Receiver): Promise<void> {
    if (this.#state !== 'new') return;
    const { options, wall } = this.#deps;
    const { vapid, ca } = inSection(`providers.${this.name}`, () => readSettings(options));
    if (vapid) this.#vapid = new Vapid({ wall, ...vapid });
    if (ca) this.#outgoing = this.#wayOut(ca);
    this.#state = 'running';
    this.#listener();
  }

  stop(ms: number): Promise<void> {
    this.#state = 'stopping';
    this.#stopped ??= this.#stop(ms);
    return this.#stopped;
  }

  health(): Health {
    return healthOf({
      running: this.#state === 'running',
      used: this.#origins.inFlight,
      connections: this.#outgoing.report,
      origins: this.#origins.report,
    });
  }

  async deliver(message: Message, now: number): Promise<Outcome> {
    const reading = readMessage(message.payload, this.#deps.options);
    if ('refusal' in reading) return { kind: 'refused', ...reading.refusal, reply: bareReply(message) };
    const url = this.#urlOf(reading.message);
    if (typeof url === 'string') return invalid(message, url);
    if (this.#state !== 'running') return { kind: 'unsent', because: 'not running' };
    if (this.#origins.inFlight >= this.#deps.options.connections.max) return { kind: 'unsent', because: 'no room' };
    const entry = this.#origins.enter(url.origin);
    if (entry.kind === 'full') return putOff(message, entry.because, this.#deps.random);
    if (entry.kind === 'down') return unavailable(message, entry.because);
    return this.#push(message, reading.message, url, entry.place, now);
  }

  async #push(message: Message, content: WebPushMessage, url: URL, place: Place, now: number): Promise<Outcome> {
    const encryption = content.keys && (await this.#encryptor.encrypt(content.keys, content.body));
    if (encryption && !('body' in encryption)) {
      this.#origins.abandoned(place);
      if ('because' in encryption) return invalid(message, `keys: ${encryption.because}`);
      this.#count('encryption_failed');
      return unavailable(message, encryption.failed);
    }
    const encoding = encryption ? 'aes128gcm' : content.encoding;
    const result = await this.#outgoing.request({
      method: 'POST',
      url,
      headers: {
        ttl: String(remainingTtl(message, now) ?? Math.min(TTL_MAX, secondsLeft(message, now))),
        'content-type': 'application/octet-stream',
        ...(encoding && { 'content-encoding': encoding }),
        ...(content.urgency && { urgency: content.urgency }),
        ...(content.topic !== undefined && { topic: content.topic }),
        ...(this.#vapid && { authorization: this.#vapid.header(url.origin) }),
      },
      body: encryption ? encryption.body : content.body,
    });
    return this.#conclude(message, url, place, result);
  }

  #conclude(message: Message, url: URL, place: Place, result: OutgoingResult): Outcome {
    switch (result.kind) {
      case 'response': {
        const { clock, random } = this.#deps;
        const { outcome, error, unauthorized } = judge(result, message, clock.now(), random);
        if (unauthorized) {
          this.#count('unauthorized');
          this.#vapid?.forget(url.origin);
        }
        if (error) this.#origins.erred(place, error.because, error.retryAfterMs);
        else this.#origins.answered(place);
        return outcome;
      }
      case 'forbidden':
        this.#count('forbidden');
        this.#origins.abandoned(place);
        return invalid(message, `to: ${result.because}`);
      case 'broken':
      case 'late':
        this.#count(result.kind);
        this.#origins.silent(place, result.because);
        return unavailable(message, result.because);
    }
  }

  /** Where a message goes, or why it does not: what can be seen in the URL alone. */
  #urlOf({ endpoint }: WebPushMessage): URL | string {
    try {
      return this.#outgoing.read(endpoint);
    } catch (error) {
      if (error instanceof ForbiddenUrl) return `to: ${reason(error)}`;
      throw error;
    }
  }

  #wayOut(ca?: Buffer): Outgoing {
    const { options, clock, resolve } = this.#deps;
    return new Outgoing({
      clock,
      allow: options.allow,
      allowHttp: options.allow_http,
      ...(resolve && { resolve }),
      ...(ca && { ca }),
      perOrigin: options.connections.per_origin,
      maxConnections: options.connections.max,
      connectTimeoutMs: options.connect_timeout,
      deadlineMs: options.deadline,
      idleMs: options.connections.idle,
      count: (event) => this.#count(event),
    });
  }

  /** Told when whoever waits for the outcome has heeded it: an endpoint that is held back is not sent to before that. */
  #onRoom(): void {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() =>
      queueMicrotask(() => {
        this.#telling = false;
        if (this.#origins.inFlight === 0) this.#atRest?.();
        this.#listener();
      }),
    );
  }

  async #stop(ms: number): Promise<void> {
    this.#origins.stop();
    if (this.#origins.inFlight > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#atRest = resolve;
      const enough = new AbortController();
      await Promise.race([promise, pause(this.#deps.clock, ms, enough.signal)]);
      enough.abort();
    }
    this.#outgoing.close();
    await this.#encryptor.close();
  }

  #count(event: string): void {
    this.#deps.telemetry.add('pushbridge_provider_events_total', { provider: this.name, event });
  }
}

/** Senders who say nothing mean the longest life; the header has to be there. [RFC 8030 §5.2] */
function secondsLeft({ expiresAt }: Message, now: number): number {
  return Math.max(0, Math.ceil((expiresAt - now) / 1_000));
}
