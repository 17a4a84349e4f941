import {
  bareReply,
  type Health,
  type Message,
  type Outcome,
  type Payload,
  type Provider,
  type Receiver,
  type Refusal,
  type Telemetry,
} from '../../core/index.ts';
import type { Random } from '../../lib/backoff.ts';
import { type Clock, every, type Timer } from '../../lib/clock.ts';
import { DeadlineError, deadline } from '../../lib/deadline.ts';
import { type Log, reason } from '../../lib/log.ts';
import { inSection } from '../../lib/option-problem.ts';
import { logIn, type ClientStreamEnd as StreamEnd, XmlError } from '../../protocols/xmpp/index.ts';
import type { Flight } from './flights.ts';
import { LoginGate } from './gate.ts';
import { inspectPayload } from './inspect.ts';
import { Lane, type LaneEvents } from './lane.ts';
import { authorityOf, type CcsOptions } from './options.ts';
import { LanePool, type PoolSize } from './pool.ts';
import { Preferred } from './preferred.ts';
import { isBlame, Probe } from './probe.ts';
import { addGauges, healthOf } from './report.ts';

export interface CcsDeps {
  readonly name: string;
  readonly options: CcsOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly telemetry: Telemetry;
}

/** The pool as it is. */
export interface PoolState extends PoolSize {
  readonly open: number;
  readonly connecting: number;
  readonly draining: number;
  /** Messages in the windows of open connections. */
  readonly used: number;
  /** Suspects that wait for their turn on the probe connection. */
  readonly probing: number;
}

export interface CcsProvider extends Provider {
  pool(): PoolState;
  /**
   * Changes the pool while it runs. Connections beyond a smaller `max` go when their messages are answered.
   * @throws RangeError for what the options would not allow either
   */
  resize(size: Partial<PoolSize>): void;
}

/** A way to devices over CCS, the XMPP protocol of FCM. Nothing happens before `start`. */
export function createCcsProvider(deps: CcsDeps): CcsProvider {
  return new Ccs(deps);
}

class Ccs implements CcsProvider {
  readonly name: string;
  readonly #deps: CcsDeps;
  readonly #log: Log;
  readonly #gate: LoginGate;
  readonly #pool: LanePool;
  readonly #probe: Probe;
  readonly #preferred = new Preferred();
  #receiver: Receiver | undefined;
  #ca: string | undefined;
  #listener: () => void = () => {};
  #sweep: Timer | undefined;
  #sweptAt = 0;
  #laneIds = 0;
  /** Messages that the service has answered. */
  #answers = 0;
  #state: 'new' | 'running' | 'stopping' = 'new';
  #stopped: Promise<void> | undefined;
  #atRest: (() => void) | undefined;

  constructor(deps: CcsDeps) {
    const { name, options, clock, random, log, telemetry } = deps;
    this.name = name;
    this.#deps = deps;
    this.#log = log.child({ provider: name });
    this.#gate = new LoginGate(clock, random, this.#log);
    const count = (event: string) => this.#count(event);
    this.#pool = new LanePool(
      {
        clock,
        log: this.#log,
        gate: this.#gate,
        idleMs: options.pool.idle,
        drainTimeoutMs: options.drain_timeout,
        drainingMax: options.draining_max,
        make: () => this.#make(),
        logIn: (lane) => this.#logIn(lane),
        onRoom: () => this.#listener(),
        count,
      },
      { min: options.pool.min, max: options.pool.max, window: options.pool.window },
    );
    this.#probe = new Probe({
      clock,
      log: this.#log,
      patienceMs: options.ack_timeout,
      borrow: () => this.#pool.borrow(),
      giveBack: (lane) => this.#pool.giveBack(lane),
      answers: () => this.#answers,
      count,
    });
    addGauges(telemetry, name, this.#pool);
  }

  inspect(payload: Payload): Refusal | undefined {
    return inspectPayload(payload, this.#deps.options.max_data_bytes);
  }

  room(): number {
    return this.#pool.room;
  }

  onRoom(listener: () => void): void {
    this.#listener = listener;
  }

  pool(): PoolState {
    const { size, open, connecting, draining, used } = this.#pool;
    return { ...size, open, connecting, draining, used, probing: this.#probe.waiting };
  }

  resize(size: Partial<PoolSize>): void {
    const next = { ...this.#pool.size, ...size };
    for (const [key, value] of Object.entries(next)) {
      if (!Number.isInteger(value) || value < 1 || value > 1_000) throw new RangeError(`${key} must be 1 to 1000`);
    }
    if (next.min > next.max) throw new RangeError('min must not be more than max');
    this.#log.info('pool resized', next);
    this.#pool.resize(next);
  }

  deliver(message: Message, now: number): Promise<Outcome> {
    return new Promise((resolve) => this.#deliver({ message, resolve }, now));
  }

  /** @throws OptionProblem if the file `ca` holds no certificate */
  async start(receiver: Receiver): Promise<void> {
    const { options, clock } = this.#deps;
    this.#ca = inSection(`providers.${this.name}`, () => authorityOf(options));
    this.#receiver = receiver;
    if (this.#state !== 'new') return;
    this.#state = 'running';
    const shortest = Math.min(options.ack_timeout, options.ping_interval, options.pool.idle, options.drain_timeout);
    const pause = Math.min(1_000, Math.max(5, Math.round(shortest / 5)));
    this.#sweptAt = clock.monotonic();
    this.#sweep = every(
      clock,
      pause,
      () => this.#onSweep(clock.monotonic(), pause),
      (error) => this.#log.error('sweep failed', { error: reason(error) }),
    );
    this.#pool.start();
  }

  stop(ms: number): Promise<void> {
    this.#stopped ??= this.#stop(ms);
    return this.#stopped;
  }

  health(): Health {
    return healthOf(this.#pool, this.#state === 'running', this.#gate.trouble, this.#deps.clock.monotonic());
  }

  #deliver(flight: Flight, now: number): void {
    const { wireId, payload } = flight.message;
    const refusal = payload.kind === 'fcm' ? undefined : this.inspect(payload);
    if (refusal) {
      flight.resolve({ kind: 'refused', ...refusal, reply: bareReply(flight.message) });
      return;
    }
    if (this.#state === 'running' && this.#probe.suspects(wireId)) {
      this.#probe.add(flight);
      return;
    }
    const lane = this.#state === 'running' ? this.#pool.pick(this.#preferred.recall(wireId)) : undefined;
    if (lane?.send(this.#preferred.heeding(flight, lane.id), now)) this.#pool.taken(lane);
    else flight.resolve({ kind: 'unsent', because: 'no connection has room' });
  }

  #make(): Lane {
    const { options, clock } = this.#deps;
    const receiver = this.#receiver;
    if (!receiver) throw new TypeError('a lane before start');
    const settings = {
      clock,
      receiver,
      ackTimeoutMs: options.ack_timeout,
      pingIntervalMs: options.ping_interval,
      maxStanzaBytes: options.max_stanza_bytes,
    };
    return new Lane(++this.#laneIds, settings, this.#events);
  }

  async #logIn(lane: Lane): Promise<void> {
    const { options, clock } = this.#deps;
    const { host, port, domain } = options;
    await logIn(lane.stream, {
      clock,
      host,
      port,
      domain,
      username: `${options.sender_id}@${domain}`,
      password: options.server_key,
      timeoutMs: options.login_timeout,
      ...(this.#ca !== undefined && { ca: this.#ca }),
    });
  }

  readonly #events: LaneEvents = {
    onFreed: (lane) => {
      this.#answers++;
      this.#pool.freed(lane);
    },
    onDraining: (lane) => this.#pool.drain(lane),
    onOverdue: (lane, count) => {
      this.#count('ack_timeout');
      this.#log.warn('messages without an ack, connection retires', { lane: lane.id, count });
      this.#pool.freed(lane, count);
      this.#pool.retire(lane);
    },
    onEnded: (lane, end, left) => this.#ended(lane, end, left),
    onQuiet: () => this.#checkRest(),
    onBadAck: (lane, description) => this.#log.warn('the service did not like an ack', { lane: lane.id, description }),
    onFault: (error) => this.#log.error('stanza not handled', { error: reason(error) }),
    count: (event) => this.#count(event),
  };

  #ended(lane: Lane, end: StreamEnd, left: readonly Flight[]): void {
    const known = this.#pool.all.has(lane);
    const leaving = lane.formerly !== 'open';
    const condition = end.kind === 'stream-error' ? end.condition : undefined;
    const because = condition
      ? `stream error ${condition}`
      : end.kind === 'failed'
        ? reason(end.error)
        : 'connection closed';
    if (end.kind === 'stream-error') this.#count('stream_error');
    if (end.kind === 'failed' && end.error instanceof XmlError) this.#count('unreadable');
    if (known && !leaving && end.kind !== 'local') {
      this.#count('drop');
      this.#log.warn('connection lost', { lane: lane.id, because, inFlight: left.length });
      this.#gate.dropped(lane);
    } else if (known) this.#log.info('connection closed', { lane: lane.id, because, inFlight: left.length });
    this.#pool.ended(lane, left.length);
    const blame = condition !== undefined && isBlame(condition);
    for (const flight of left) {
      if (blame && flight.killed) flight.killed(condition);
      else if (blame) this.#probe.add(flight);
      else flight.resolve({ kind: 'unanswered', because });
    }
    this.#checkRest();
  }

  #onSweep(now: number, pause: number): void {
    // After a standstill of the process nobody is to blame: what came meanwhile is read before the next sweep.
    const stalled = now - this.#sweptAt > 5 * pause + 1_000;
    this.#sweptAt = now;
    if (stalled) return;
    for (const lane of this.#pool.all) lane.sweep(now);
    this.#pool.sweep(now);
    this.#probe.sweep(now);
  }

  async #stop(ms: number): Promise<void> {
    const { clock } = this.#deps;
    const started = this.#state === 'running';
    this.#state = 'stopping';
    this.#pool.stop();
    this.#probe.stop();
    if (!started) return;
    const rest = new Promise<void>((resolve) => (this.#atRest = resolve));
    this.#checkRest();
    await deadline(clock, rest, ms, 'messages in flight').catch((error) => {
      if (!(error instanceof DeadlineError)) throw error;
      this.#log.warn('stopping with messages in flight', {
        inFlight: [...this.#pool.all].reduce((n, l) => n + l.inFlight, 0),
      });
    });
    await this.#pool.close();
    this.#sweep?.cancel();
  }

  #checkRest(): void {
    if (!this.#atRest) return;
    for (const lane of this.#pool.all) if (!lane.quiet) return;
    this.#atRest();
  }

  #count(event: string): void {
    this.#deps.telemetry.add('pushbridge_provider_events_total', { provider: this.name, event });
  }
}
