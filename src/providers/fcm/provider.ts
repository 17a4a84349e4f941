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
import type { Random } from '../../lib/backoff.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { inSection } from '../../lib/option-problem.ts';
import { type LegacyMessage, receiptOf, withReceipt } from '../../protocols/fcm/index.ts';
import { H2Client, type H2Request } from '../../protocols/http2/index.ts';
import { createTokenSource, type FreshToken } from './auth.ts';
import { type Attempt, Guard } from './guard.ts';
import { readPayload } from './inspect.ts';
import { requestOf } from './mapping.ts';
import type { FcmOptions } from './options.ts';
import { Quota } from './quota.ts';
import { addGauges, healthOf } from './report.ts';
import { readSettings } from './settings.ts';
import { AccessTokens } from './tokens.ts';

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

class Fcm implements Provider {
  readonly name: string;
  readonly #deps: FcmDeps;
  readonly #log: Log;
  readonly #quota: Quota;
  readonly #guard: Guard;
  #running: Running | undefined;
  #listener: () => void = () => {};
  /** Wakes whoever waits for quota. */
  #refill: Timer | undefined;
  /** What stands in the log. */
  #toldToken: string | undefined;
  #toldReceipts = false;
  #stopped: Promise<void> | undefined;

  constructor(deps: FcmDeps) {
    const { name, options, clock, random, log, telemetry } = deps;
    this.name = name;
    this.#deps = deps;
    this.#log = log.child({ provider: name });
    this.#quota = new Quota({ perMinute: options.quota.per_minute, rampUpMs: options.quota.ramp_up }, clock);
    this.#guard = new Guard({
      clock,
      random,
      log: this.#log,
      count: (event) => this.#count(event),
      onChange: () => this.#listener(),
      onResume: () => this.#resume(),
    });
    addGauges(telemetry, name, () => this.#running?.client.report ?? nothing);
  }

  inspect(payload: Payload): Refusal | undefined {
    const reading = readPayload(payload, this.#deps.options);
    return 'refusal' in reading ? reading.refusal : undefined;
  }

  room(): number {
    if (!this.#running?.tokens.current || this.#stopped) return 0;
    const { left } = this.#quota;
    if (left === 0) this.#awaitRefill(); // a rest makes messages dearer: what was enough may be so no more
    return Math.min(this.#running.client.room, this.#guard.allowance, left);
  }

  onRoom(listener: () => void): void {
    this.#listener = listener;
  }

  /** @throws OptionProblem if a file that the options name can not be read or is not what it should be */
  async start(_receiver: Receiver): Promise<void> {
    const { options, clock, random } = this.#deps;
    if (this.#running || this.#stopped) return;
    const { project, account, ca } = inSection(`providers.${this.name}`, () => readSettings(options));
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
      burstLeft: this.#quota.left,
      tokenExpiresInMs: tokens?.expiresInMs ?? 0,
      tokenTrouble: tokens?.trouble,
      trouble: this.#guard.trouble,
      errors: this.#guard.errors,
      held: this.#guard.held,
    });
  }

  async deliver(message: Message, now: number): Promise<Outcome> {
    const reading = readPayload(message.payload, this.#deps.options);
    if ('refusal' in reading) return { kind: 'refused', ...reading.refusal, reply: bareReply(message) };
    const token = this.#running?.tokens.current;
    if (!this.#running || !token || this.room() <= 0 || !this.#take()) return noRoom;
    const body = JSON.stringify(
      requestOf(this.#withReceipt(reading.message, message), {
        ttl: remainingTtl(message, now),
        expiresAt: message.expiresAt,
      }),
    );
    return this.#send(this.#guard.enter(message), body, this.#running, token);
  }

  /** One request, and a second one if it was the token's fault. [fcm.md §3.3] */
  async #send(attempt: Attempt, body: string, { client, tokens, path }: Running, token: FreshToken): Promise<Outcome> {
    const first = await client.post(requestWith(token, path, body));
    if (!this.#guard.isUnauthenticated(first, attempt)) return this.#guard.conclude(attempt, first);
    this.#count('unauthenticated');
    const renewed = await tokens.renew(token);
    if (!renewed || !this.#take()) {
      this.#guard.abandon(attempt);
      return { kind: 'unsent', because: 'the access token is not taken any more' };
    }
    return this.#guard.conclude(attempt, await client.post(requestWith(renewed, path, body)));
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

  #withReceipt(message: LegacyMessage, { wireId }: Message): LegacyMessage {
    const { delivery_receipts: way } = this.#deps.options;
    if (!message.deliveryReceiptRequested) return message;
    if (way === 'app') return withReceipt(message, receiptOf(this.name, wireId));
    this.#count('receipt_ignored');
    if (!this.#toldReceipts) this.#log.warn('delivery_receipt_requested is ignored: HTTP v1 has no receipts');
    this.#toldReceipts = true;
    return message;
  }

  /** The pause of the project is over: the rate grows from its beginning. */
  #resume(): void {
    this.#quota.restart();
    this.#awaitRefill();
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
    this.#guard.stop();
    this.#refill?.cancel();
    await this.#running?.client.stop(ms);
  }

  #count(event: string): void {
    this.#deps.telemetry.add('pushbridge_provider_events_total', { provider: this.name, event });
  }
}

const noRoom: Outcome = { kind: 'unsent', because: 'no connection has room' };
const nothing = { open: 0, connecting: 0, draining: 0, used: 0, size: 0, trouble: undefined };

function requestWith({ headers }: FreshToken, path: string, body: string): H2Request {
  return { path, headers: { ...headers, 'content-type': 'application/json' }, body };
}
