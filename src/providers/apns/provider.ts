import {
  bareReply,
  type Health,
  type Message,
  type Outcome,
  type Payload,
  type Provider,
  type Refusal,
  type Telemetry,
} from '../../core/index.ts';
import type { Random } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { inSection } from '../../lib/option-problem.ts';
import { H2Client } from '../../protocols/http2/index.ts';
import { ProviderToken } from './auth.ts';
import { authorityOf, readCredentials } from './credentials.ts';
import { apnsId, type Notification } from './mapping.ts';
import { type ApnsOptions, ORIGINS } from './options.ts';
import { outcomeOf, readAnswer, unavailable } from './outcomes.ts';
import { type PrepareRules, prepare } from './prepare.ts';
import { addGauges, healthOf } from './report.ts';
import { type Leave, Watch } from './watch.ts';

/** An answer is a line of JSON; this is room for the page of a proxy. */
const MAX_RESPONSE_BYTES = 65_536;

export interface ApnsDeps {
  readonly name: string;
  readonly options: ApnsOptions;
  readonly clock: Clock;
  /** The wall clock as it is, even if it goes back: Apple compares times with its own. */
  readonly wall: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly log: Log;
  readonly telemetry: Telemetry;
}

/** A way to Apple's devices. Nothing happens before `start`. */
export function createApnsProvider(deps: ApnsDeps): Provider {
  return new Apns(deps);
}

/** One attempt to deliver a message. */
interface Attempt {
  readonly message: Message;
  readonly notification: Notification;
  readonly headers: Readonly<Record<string, string>>;
}

class Apns implements Provider {
  readonly name: string;
  readonly #deps: ApnsDeps;
  readonly #log: Log;
  readonly #rules: PrepareRules;
  readonly #watch: Watch;
  #client: H2Client | undefined;
  #token: ProviderToken | undefined;
  /** When the certificate ends, in milliseconds since the epoch. */
  #validTo: number | undefined;
  #listener: () => void = () => {};
  #state: 'new' | 'running' | 'stopping' = 'new';
  /** Messages in flight, those among them whose answer has come and not been heeded yet: their places stay taken. */
  #attempts = 0;
  #receiptsTold = false;
  #stopped: Promise<void> | undefined;

  constructor(deps: ApnsDeps) {
    const { name, options, clock, random, log, telemetry } = deps;
    this.name = name;
    this.#deps = deps;
    this.#log = log.child({ provider: name });
    this.#rules = { ...options, name, topic: options.topic };
    this.#watch = new Watch({
      clock,
      random,
      log: this.#log,
      count: (event) => this.#count(event),
      onChange: () => this.#listener(),
      retire: (connection, because) => this.#client?.retire(connection, because),
    });
    addGauges(telemetry, name, () => this.#client?.report);
  }

  inspect(payload: Payload): Refusal | undefined {
    const prepared = prepare(payload, this.#rules);
    return prepared.kind === 'refusal' ? { code: prepared.code, because: prepared.because } : undefined;
  }

  room(): number {
    if (this.#state !== 'running' || !this.#client) return 0;
    const heeding = this.#attempts - this.#client.used;
    return Math.max(0, Math.min(this.#client.room - heeding, this.#watch.allowance));
  }

  onRoom(listener: () => void): void {
    this.#listener = listener;
  }

  async deliver(message: Message, now: number): Promise<Outcome> {
    const prepared = prepare(message.payload, this.#rules, message.wireId);
    if (prepared.kind === 'refusal') {
      const { code, because } = prepared;
      return { kind: 'refused', code, because, reply: bareReply(message) };
    }
    if (this.room() <= 0) return { kind: 'unsent', because: 'no connection has room' };
    if (prepared.receiptRequested) this.#receiptRequested();
    const { notification } = prepared;
    const headers = {
      'apns-id': apnsId(message.wireId),
      'apns-expiration': this.#expiration(message, now),
      ...notification.headers,
    };
    this.#attempts++;
    try {
      return await this.#send({ message, notification, headers }, this.#watch.begin());
    } finally {
      this.#attempts--;
      // Told when whoever waits for this outcome has heeded it: a token that is held back is not sent to before that.
      queueMicrotask(() => queueMicrotask(() => this.room() > 0 && this.#listener()));
    }
  }

  /** @throws OptionProblem if a file that the options name can not be read or does not fit */
  async start(): Promise<void> {
    if (this.#state !== 'new') return;
    const { options, clock, wall, random } = this.#deps;
    const { credentials, ca } = inSection(`providers.${this.name}`, () => ({
      credentials: readCredentials(options),
      ca: authorityOf(options),
    }));
    if (credentials.kind === 'certificate') this.#validTo = credentials.validTo;
    else this.#token = new ProviderToken({ ...credentials, clock, wall, ageMs: options.token_age });
    const { connections } = options;
    this.#client = new H2Client({
      clock,
      random,
      log: this.#log,
      origin: options.url ?? ORIGINS[options.environment],
      tls: { ...(ca && { ca }), ...(credentials.kind === 'certificate' && credentials.tls) },
      min: connections.min,
      max: connections.max,
      maxStreams: connections.streams,
      // Apple answers many requests at once only to whom it knows. [fcm.md §4]
      cautious: credentials.kind === 'token',
      connectTimeoutMs: options.connect_timeout,
      requestTimeoutMs: options.deadline,
      maxResponseBytes: MAX_RESPONSE_BYTES,
      idleMs: connections.idle,
      maxAgeMs: connections.max_age,
      pingIntervalMs: options.ping_interval,
      count: (event) => this.#count(event),
    });
    this.#client.onRoom(() => this.#listener());
    this.#state = 'running';
    this.#client.start();
  }

  stop(ms: number): Promise<void> {
    this.#state = 'stopping';
    this.#watch.stop();
    this.#stopped ??= this.#client?.stop(ms) ?? Promise.resolve();
    return this.#stopped;
  }

  health(): Health {
    return healthOf({
      running: this.#state === 'running',
      connections: this.#client?.report,
      trouble: this.#watch.trouble,
      errors: this.#watch.errors,
      tokenAgeMs: this.#token?.ageMs,
      certificateMs: this.#validTo === undefined ? undefined : this.#validTo - this.#deps.wall.now(),
    });
  }

  /** @param again a token that was refused as expired has been replaced: the second refusal is trouble */
  async #send(attempt: Attempt, leave: Leave, again = false): Promise<Outcome> {
    const { message, notification, headers } = attempt;
    if (!this.#client) return { kind: 'unsent', because: 'not started' };
    const token = this.#token?.current();
    const result = await this.#client.post({
      path: notification.path,
      headers: { ...headers, ...(token !== undefined && { authorization: `bearer ${token}` }) },
      body: notification.body,
    });
    if (result.kind !== 'response') {
      const { because } = result;
      const again = this.#watch.silent(result, leave, message.wireId);
      return again ? { kind: 'unsent', because } : unavailable(message, because);
    }
    const chosen = notification.headers['apns-topic'] !== this.#rules.topic;
    const answer = readAnswer(result.response, this.#deps.wall.now(), this.#deps.random, chosen);
    if (answer.rule === 'expired' && token !== undefined && !again && this.#token?.refused(token)) {
      this.#count('token_expired');
      return this.#send(attempt, leave, true);
    }
    this.#watch.answered(answer, leave, result.connection);
    return outcomeOf(answer, message);
  }

  /**
   * The rest of its life on the wall clock, which is the one that Apple sees. Senders who say nothing mean the longest
   * life: without the header Apple would try only once.
   */
  #expiration(message: Message, now: number): string {
    if (message.ttl === 0) return '0';
    const left = Math.max(0, message.expiresAt - now);
    return String(Math.ceil((this.#deps.wall.now() + left) / 1_000));
  }

  #receiptRequested(): void {
    if (this.#rules.delivery_receipts !== 'ignore') return;
    this.#count('receipt_ignored');
    if (!this.#receiptsTold) this.#log.warn('delivery receipts are asked for, APNs has none; see delivery_receipts');
    this.#receiptsTold = true;
  }

  #count(event: string): void {
    this.#deps.telemetry.add('pushbridge_provider_events_total', { provider: this.name, event });
  }
}
