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
} from '../../core/index.ts';
import type { Backoff, Random } from '../../lib/backoff.ts';
import { Breaker, type Ticket } from '../../lib/breaker.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { Strikes } from '../../lib/strikes.ts';
import type { LegacyMessage } from '../../protocols/fcm/index.ts';
import { H2Client, type H2Request, type H2Response, type H2Result } from '../../protocols/http/index.ts';
import { createTokenSource, type FreshToken } from './auth.ts';
import { Hold } from './hold.ts';
import { RECEIPT_KEY, readPayload } from './inspect.ts';
import { requestOf } from './mapping.ts';
import type { FcmOptions } from './options.ts';
import { judge, unavailable } from './outcomes.ts';
import { Quota } from './quota.ts';
import { addGauges, healthOf } from './report.ts';
import { RETRY_AFTER_MIN_MS } from './retry-after.ts';
import { readSettings } from './settings.ts';
import { AccessTokens } from './tokens.ts';

/** Between tries while the service takes nothing at all. */
export const TROUBLE_BACKOFF: Backoff = { baseMs: 1_000, capMs: 60_000 };
/** So many requests in a row without an answer, and the service counts as gone. */
const MISSES_MAX = 3;
/** Answers are small: a name, or an error with its details. A larger one is cut off. */
const RESPONSE_MAX_BYTES = 65_536;

export interface FcmDeps {
  readonly name: string;
  readonly options: FcmOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly telemetry: Telemetry;
}

/** A way to devices over FCM HTTP v1, for one project. Nothing happens before `start`. */
export function createFcmProvider(deps: FcmDeps): Provider {
  return new Fcm(deps);
}

/** What there is between `start` and `stop`. */
interface Running {
  readonly project: string;
  readonly path: string;
  readonly client: H2Client;
  readonly tokens: AccessTokens;
}

/** One message on its way. */
interface Attempt {
  readonly message: Message;
  readonly body: string;
  readonly ticket: Ticket;
  /** Monotonic. */
  readonly startedAt: number;
}

class Fcm implements Provider {
  readonly name: string;
  readonly #deps: FcmDeps;
  readonly #log: Log;
  readonly #quota: Quota;
  readonly #hold: Hold;
  readonly #breaker: Breaker;
  /** Requests that got no answer. */
  readonly #misses = new Strikes(MISSES_MAX);
  #running: Running | undefined;
  #listener: () => void = () => {};
  /** Wakes whoever waits for quota. */
  #refill: Timer | undefined;
  /** Troubles that stand in the log. */
  #told: string | undefined;
  #toldToken: string | undefined;
  #toldReceipts = false;
  #stopped: Promise<void> | undefined;

  constructor(deps: FcmDeps) {
    const { name, options, clock, random, log, telemetry } = deps;
    this.name = name;
    this.#deps = deps;
    this.#log = log.child({ provider: name });
    this.#quota = new Quota({ perMinute: options.quota.per_minute, rampUpMs: options.quota.ramp_up }, clock);
    this.#hold = new Hold(clock, random, () => this.#resume());
    this.#breaker = new Breaker({ clock, random, backoff: TROUBLE_BACKOFF, onChange: () => this.#onBreaker() });
    addGauges(telemetry, name, () => this.#running?.client.report ?? nothing);
  }

  inspect(payload: Payload): Refusal | undefined {
    const reading = readPayload(payload, this.#deps.options);
    return 'refusal' in reading ? reading.refusal : undefined;
  }

  room(): number {
    if (!this.#running || this.#stopped || this.#hold.because !== undefined || !this.#running.tokens.current) return 0;
    return Math.min(this.#running.client.room, this.#breaker.allowance, this.#quota.left);
  }

  onRoom(listener: () => void): void {
    this.#listener = listener;
  }

  /** @throws Error if a file that the options name can not be read or is not what it should be */
  async start(_receiver: Receiver): Promise<void> {
    const { options, clock, random } = this.#deps;
    const { project, account, ca } = await readSettings(options);
    if (this.#running || this.#stopped) return;
    const count = (event: string) => this.#count(event);
    const client = new H2Client({
      clock,
      random,
      log: this.#log,
      origin: options.url,
      tls: ca === undefined ? {} : { ca },
      min: options.connections.min,
      max: options.connections.max,
      maxStreams: options.connections.streams,
      cautious: false,
      connectTimeoutMs: options.connect_timeout,
      requestTimeoutMs: options.deadline,
      maxResponseBytes: RESPONSE_MAX_BYTES,
      idleMs: options.connections.idle,
      maxAgeMs: options.connections.max_age,
      pingIntervalMs: options.ping_interval,
      count,
    });
    const source = createTokenSource({ clock, account, ca, timeoutMs: options.deadline });
    const tokens = new AccessTokens({ clock, random, source, count, onChange: () => this.#onToken() });
    this.#running = { project, path: `/v1/projects/${project}/messages:send`, client, tokens };
    client.onRoom(() => this.#listener());
    client.start();
    tokens.start();
  }

  stop(ms: number): Promise<void> {
    this.#stopped ??= this.#stop(ms);
    return this.#stopped;
  }

  health(): Health {
    const { tokens, client, project = this.#deps.options.project ?? '' } = this.#running ?? {};
    return healthOf({
      running: this.#running !== undefined && !this.#stopped,
      project,
      connections: client?.report ?? nothing,
      min: this.#deps.options.connections.min,
      quotaLeft: this.#quota.left,
      tokenExpiresInMs: tokens?.expiresInMs ?? 0,
      tokenTrouble: tokens?.trouble,
      trouble: this.#breaker.trouble,
      held: this.#hold.because,
    });
  }

  async deliver(message: Message, now: number): Promise<Outcome> {
    const reading = readPayload(message.payload, this.#deps.options);
    if ('refusal' in reading) return { kind: 'refused', ...reading.refusal, reply: bareReply(message) };
    const token = this.#running?.tokens.current;
    if (!this.#running || !token || this.room() <= 0 || !this.#take()) return noRoom;
    const body = JSON.stringify(
      requestOf(reading.message, {
        ttl: remainingTtl(message, now),
        expiresAt: message.expiresAt,
        extra: this.#receipt(reading.message, message),
      }),
    );
    const startedAt = this.#deps.clock.monotonic();
    return this.#send({ message, body, ticket: this.#breaker.enter(), startedAt }, this.#running, token);
  }

  /** One request, and a second one if it was the token's fault. [fcm.md §3.3] */
  async #send(attempt: Attempt, running: Running, token: FreshToken): Promise<Outcome> {
    const first = await running.client.post(this.#request(attempt, running, token));
    if (!this.#isUnauthenticated(first, attempt.message)) return this.#conclude(attempt, first);
    this.#count('unauthenticated');
    const renewed = await running.tokens.renew(token);
    if (!renewed || !this.#take()) {
      this.#breaker.abandoned(attempt.ticket);
      return { kind: 'unsent', because: 'the access token is not taken any more' };
    }
    return this.#conclude(attempt, await running.client.post(this.#request(attempt, running, renewed)));
  }

  #request({ body }: Attempt, { path }: Running, { headers }: FreshToken): H2Request {
    return { path, headers: { ...headers, 'content-type': 'application/json' }, body };
  }

  #isUnauthenticated(result: H2Result, message: Message): boolean {
    if (result.kind !== 'response' || result.response.status !== 401) return false;
    return this.#judge(result.response, message).kind === 'unauthenticated';
  }

  #judge(response: H2Response, message: Message) {
    const { clock, random } = this.#deps;
    return judge(response, message, clock.now(), random);
  }

  /** What follows from a result for its message and for all others. */
  #conclude(attempt: Attempt, result: H2Result): Outcome {
    const { message, ticket, startedAt } = attempt;
    if (result.kind !== 'response') return this.#missed(attempt, result);
    this.#misses.clear();
    const judgement = this.#judge(result.response, message);
    if (judgement.kind !== 'quota') this.#hold.passed(startedAt);
    switch (judgement.kind) {
      case 'outcome':
        if (judgement.healthy) this.#breaker.succeeded();
        else if (this.#breaker.trouble !== undefined) this.#breaker.failed(ticket, because(judgement.outcome));
        return judgement.outcome;
      case 'quota':
        return this.#overQuota(attempt, judgement.because, judgement.retryAfterMs);
      case 'unauthenticated':
        return this.#trouble(ticket, 'unauthorized', judgement.because);
      case 'trouble':
        return this.#trouble(ticket, judgement.event, judgement.because);
    }
  }

  /** No answer. That is a trouble of the whole service if it is the rule. */
  #missed({ message, ticket, startedAt }: Attempt, result: Exclude<H2Result, { kind: 'response' }>): Outcome {
    // What a dying connection takes along is one miss; what waited for the whole deadline is one by itself.
    const gone = this.#misses.add(startedAt, result.kind === 'late' ? startedAt : this.#deps.clock.monotonic());
    if (gone || this.#breaker.trouble !== undefined) this.#breaker.failed(ticket, `no answers: ${result.because}`);
    if (result.kind === 'refused') return { kind: 'unsent', because: result.because };
    return unavailable(message, result.because);
  }

  /** Nothing was delivered, and nothing would be: the messages wait until somebody has mended it. */
  #trouble(ticket: Ticket, event: string, because: string): Outcome {
    this.#count(event);
    this.#breaker.failed(ticket, because);
    return { kind: 'unsent', because };
  }

  #overQuota({ message, ticket, startedAt }: Attempt, because: string, askedMs: number | undefined): Outcome {
    this.#count('quota');
    this.#breaker.abandoned(ticket);
    const held = this.#hold.because !== undefined;
    const delayMs = Math.max(RETRY_AFTER_MIN_MS, this.#hold.begin(startedAt, because, askedMs));
    if (!held) this.#log.warn('project is over its quota, pausing', { because, ms: delayMs });
    return unavailable(message, because, delayMs);
  }

  #take(): boolean {
    const taken = this.#quota.take();
    this.#awaitRefill();
    return taken;
  }

  /** One timer for everybody who waits for quota. */
  #awaitRefill(): void {
    if (this.#refill || this.#stopped) return;
    const ms = this.#quota.waitMs;
    if (ms === 0) return;
    this.#refill = this.#deps.clock.after(ms, () => {
      this.#refill = undefined;
      this.#awaitRefill();
      this.#listener();
    });
  }

  #receipt({ deliveryReceiptRequested }: LegacyMessage, { wireId }: Message): Record<string, string> {
    const { delivery_receipts: way } = this.#deps.options;
    if (!deliveryReceiptRequested) return {};
    if (way === 'app') return { [RECEIPT_KEY]: `${this.name}/${wireId}` };
    this.#count('receipt_ignored');
    if (!this.#toldReceipts) this.#log.warn('delivery_receipt_requested is ignored: HTTP v1 has no receipts');
    this.#toldReceipts = true;
    return {};
  }

  /** The pause of the project is over: the rate grows from its beginning. */
  #resume(): void {
    this.#quota.restart();
    this.#awaitRefill();
    this.#listener();
  }

  #onBreaker(): void {
    const { trouble } = this.#breaker;
    if (trouble !== undefined && trouble !== this.#told)
      this.#log.error('service takes nothing, queue held', { trouble });
    if (trouble === undefined && this.#told !== undefined) this.#log.info('delivers again', { after: this.#told });
    this.#told = trouble;
    this.#listener();
  }

  #onToken(): void {
    const trouble = this.#running?.tokens.trouble;
    if (trouble !== undefined && trouble !== this.#toldToken) this.#log.error('no access token', { trouble });
    if (trouble === undefined && this.#toldToken !== undefined) this.#log.info('access token again');
    this.#toldToken = trouble;
    this.#listener();
  }

  async #stop(ms: number): Promise<void> {
    this.#running?.tokens.stop();
    this.#breaker.stop();
    this.#hold.stop();
    this.#refill?.cancel();
    await this.#running?.client.stop(ms);
  }

  #count(event: string): void {
    this.#deps.telemetry.add('pushbridge_provider_events_total', { provider: this.name, event });
  }
}

const noRoom: Outcome = { kind: 'unsent', because: 'no connection has room' };
const nothing = { open: 0, connecting: 0, draining: 0, used: 0, size: 0, trouble: undefined };
const because = (outcome: Outcome): string => ('because' in outcome ? outcome.because : outcome.kind);
