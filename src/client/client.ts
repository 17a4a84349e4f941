import type { Timer } from '../lib/clock.ts';
import { DeadlineError, deadline } from '../lib/deadline.ts';
import { reason } from '../lib/log.ts';
import type { ReceivedFrame } from '../protocols/bal/index.ts';
import { Acks } from './acks.ts';
import { EndpointDesk, type EndpointRequest, type RegisteredEndpoint } from './endpoints.ts';
import { BalClientError } from './errors.ts';
import { type Answer, Inbox, type Lane, type Receipt, type Upstream } from './inbox.ts';
import { Link } from './link.ts';
import { frameOf, type OutgoingMessage } from './message.ts';
import { type BalClientOptions, type Settings, settingsOf } from './options.ts';
import { Outbox, type Sent } from './outbox.ts';
import { Reception } from './reception.ts';
import { Retry } from './retry.ts';
import { type ClientState, type StateListener, States } from './states.ts';

/** The bridge closes a connection that logs off after 10 s at the latest [BAL §Frames]. */
const LOGOFF_MS = 11_000;

/** How to leave. */
export interface LogoffOptions {
  /** Wait until every message has its outcome, or until all are taken (the default), or for nothing. */
  readonly wait?: 'outcomes' | 'taken' | 'nothing';
  /** Milliseconds to wait for that; 30 s by default. */
  readonly timeoutMs?: number;
}

/**
 * A backend's connection to the bridge. It comes back by itself after a drop and sends again, under the same ids and in
 * the same order, whatever has no outcome yet: the bridge knows repeats.
 *
 * Take what comes: the bridge stops sending, outcomes included, when `window` frames of `upstream()`, `receipts()` and
 * `answers()` are not acknowledged.
 */
export class BalClient {
  readonly #settings: Settings;
  readonly #reception: Reception;
  readonly #outbox: Outbox;
  readonly #acks: Acks;
  readonly #endpoints: EndpointDesk;
  readonly #retry: Retry;
  readonly #states = new States();
  #link: Link | undefined;
  #lane: Lane | undefined;
  #timer: Timer | undefined;
  #upSince = 0;
  #connected: PromiseWithResolvers<void> | undefined;
  #leaving: Promise<void> | undefined;
  /** LOGOFF was sent: the next end of the connection is the last one. */
  #loggedOff = false;
  #progress: (() => void) | undefined;
  /** Clock timers do not keep the process alive; a client that waits to connect again must. */
  #alive: NodeJS.Timeout | undefined;

  /**
   * @param options where the bridge is, who this backend is, and limits
   * @param reception what the connections of a pool share
   * @throws {RangeError} for an option out of bounds
   */
  constructor(options: BalClientOptions, reception?: Reception) {
    const settings = settingsOf(options);
    this.#settings = settings;
    this.#outbox = new Outbox(settings, () => this.#pump());
    this.#reception = reception ?? new Reception(new Inbox(settings.window, settings.log));
    this.#reception.join(this.#outbox);
    this.#acks = new Acks((sequences) => this.#sendAck(sequences));
    this.#endpoints = new EndpointDesk(settings.encoding, (frame) => this.#lane && this.#link?.write(frame));
    this.#retry = new Retry(settings.backoff, settings.refusedLogonMs, settings.random);
  }

  /** Messages without an outcome, those that wait for room included. */
  get unsettled(): number {
    return this.#outbox.size;
  }

  get state(): ClientState {
    return this.#states.current.state;
  }

  /** Calls `listener` at every change of state, with the error that led to it. Returns the way to stop that. */
  onState(listener: StateListener): () => void {
    return this.#states.listen(listener);
  }

  /**
   * Connects, and keeps connecting after failures. Resolves when logged on; rejects with LOGON_FAILED if the bridge
   * refuses (the client goes on trying, slowly, until `close`) and with CLOSED.
   */
  connect(): Promise<void> {
    if (this.state === 'closed') return Promise.reject(closed());
    if (this.state === 'online') return Promise.resolve();
    if (!this.#connected) {
      this.#connected = Promise.withResolvers();
      this.#connected.promise.catch(() => {}); // nobody has to listen: onState tells it, too
    }
    if (this.state === 'idle') this.#dial();
    return this.#connected.promise;
  }

  /**
   * Sends a message, now or as soon as there is a connection. Resolves when it is in the client's hands, which is at once
   * unless `maxUnsettled` messages have no outcome yet: awaiting each call is all the flow control that a sender needs.
   * @throws {BalClientError} INVALID_MESSAGE, MESSAGE_TOO_LARGE, DUPLICATE_MESSAGE_ID, CLOSED
   */
  async send(message: OutgoingMessage): Promise<Sent> {
    if (this.state === 'closed' || this.#leaving) throw closed();
    const { id, frame } = frameOf(message, this.#settings.encoding, this.#settings.maxFrameBytes);
    return this.#outbox.submit(id, frame);
  }

  /**
   * Registers an endpoint (`doors.webpush` of the bridge), now or as soon as there is a connection: what is posted there
   * comes by {@link upstream}, with `push` in its data. It stays registered when the client leaves.
   * @throws {BalClientError} INVALID_MESSAGE, ENDPOINT_REFUSED, CLOSED
   */
  async registerEndpoint(request: EndpointRequest): Promise<RegisteredEndpoint> {
    if (this.state === 'closed' || this.#leaving) throw closed();
    return this.#endpoints.register(request);
  }

  /**
   * Ends an endpoint for good; senders get 410. It is no error if there is none.
   * @throws {BalClientError} INVALID_MESSAGE, CLOSED
   */
  async unregisterEndpoint(token: string): Promise<void> {
    if (this.state === 'closed' || this.#leaving) throw closed();
    return this.#endpoints.unregister(token);
  }

  /** Messages of devices. Several iterators share them; all end when the client closes. */
  upstream(): AsyncIterableIterator<Upstream, undefined, undefined> {
    return this.#reception.inbox.upstream.iterate();
  }

  /** Delivery receipts. */
  receipts(): AsyncIterableIterator<Receipt, undefined, undefined> {
    return this.#reception.inbox.receipts.iterate();
  }

  /** Outcomes of messages that this process did not send, from before a restart. */
  answers(): AsyncIterableIterator<Answer, undefined, undefined> {
    return this.#reception.inbox.answers.iterate();
  }

  /**
   * Leaves in order: takes no more messages, waits as asked, logs off, closes. Safe to call twice.
   * @throws {BalClientError} TIMEOUT if the wait was in vain; the client is closed all the same
   */
  logoff(options: LogoffOptions = {}): Promise<void> {
    this.#leaving ??= this.#leave(options).finally(() => this.close());
    return this.#leaving;
  }

  /** Leaves at once: promises of messages without an outcome reject with CLOSED. Safe to call twice. */
  close(): void {
    if (this.state === 'closed') return;
    const error = closed();
    this.#states.change({ state: 'closed' });
    this.#timer?.cancel();
    clearInterval(this.#alive);
    this.#link?.end(error);
    this.#outbox.close(error);
    this.#endpoints.close(error);
    this.#reception.leave(this.#outbox);
    this.#connected?.reject(error);
    this.#progress?.();
  }

  #dial(): void {
    this.#alive ??= setInterval(() => {}, 2 ** 30);
    this.#states.change({ state: 'connecting' });
    if (this.#states.current.state === 'closed') return; // a listener did that
    try {
      this.#link = new Link(this.#settings, {
        up: () => this.#up(),
        frame: (frame) => this.#take(frame),
        down: (error, loggedOn) => this.#down(error, loggedOn),
      });
    } catch (cause) {
      // Options of node:tls that it does not take.
      this.#down(new BalClientError('CONNECTION_LOST', reason(cause), { cause }), false);
    }
  }

  #up(): void {
    const ack = (sequence: number): void => this.#acks.add(sequence);
    this.#lane = this.#reception.inbox.lane(this.#settings.encoding === 'qt', ack);
    this.#upSince = this.#settings.clock.monotonic();
    this.#acks.flush();
    this.#outbox.restart();
    this.#endpoints.restart();
    this.#pump();
    this.#states.change({ state: 'online' }); // last: a listener may send or close
    this.#connected?.resolve();
    this.#connected = undefined;
  }

  #take(frame: ReceivedFrame): void {
    if (frame.message_type === 'ENDPOINT_REGISTERED' || frame.message_type === 'ENDPOINT_UNREGISTERED') {
      this.#endpoints.take(frame);
    } else if (this.#lane) this.#reception.take(frame, this.#lane, this.#outbox);
  }

  #down(error: BalClientError, loggedOn: boolean): void {
    const { clock, log } = this.#settings;
    if (this.#lane) this.#reception.inbox.forget(this.#lane);
    this.#lane = undefined;
    this.#link = undefined;
    if (this.#settings.encoding === 'qt') this.#acks.clear();
    this.#progress?.();
    if (this.state === 'closed') return;
    if (this.#loggedOff) {
      this.close();
      return;
    }
    if (error.code === 'LOGON_FAILED') {
      this.#connected?.reject(error);
      this.#connected = undefined;
    }
    const retryInMs = this.#retry.delayMs(error, loggedOn ? clock.monotonic() - this.#upSince : undefined);
    log.warn('no connection to the bridge', { error, code: error.bridgeCode ?? error.code, retryInMs });
    this.#timer = clock.after(retryInMs, () => this.#dial());
    this.#states.change({ state: 'waiting', error, retryInMs });
  }

  #pump(): void {
    const link = this.#link;
    if (link && this.#lane && !this.#loggedOff) this.#outbox.pump((frame) => link.write(frame));
    this.#progress?.();
  }

  #sendAck(sequences: readonly number[]): boolean {
    if (!this.#lane) return false;
    this.#link?.send({ message_type: 'ACK', sequence_ids: sequences });
    return true;
  }

  async #leave({ wait = 'taken', timeoutMs = 30_000 }: LogoffOptions): Promise<void> {
    if (this.state === 'idle') return;
    const { clock } = this.#settings;
    const waits = {
      outcomes: () => this.#outbox.size === 0,
      taken: () => this.#outbox.untaken === 0,
      nothing: () => true,
    };
    try {
      await deadline(clock, this.#until(waits[wait]), timeoutMs, 'logoff');
    } catch (cause) {
      if (!(cause instanceof DeadlineError)) throw cause;
      throw new BalClientError('TIMEOUT', `messages are not settled after ${timeoutMs} ms`, { cause });
    } finally {
      await this.#sayGoodbye();
    }
  }

  async #sayGoodbye(): Promise<void> {
    if (!this.#link || !this.#lane) return;
    this.#acks.flush();
    this.#link.send({ message_type: 'LOGOFF' });
    this.#loggedOff = true;
    const gone = this.#until(() => !this.#link);
    await deadline(this.#settings.clock, gone, LOGOFF_MS, 'LOGOFF').catch(() => {});
  }

  /** Resolves when `done` or when the client is closed. */
  #until(done: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#progress = () => {
        if (this.state === 'closed' || done()) resolve();
      };
      this.#progress();
    });
  }
}

function closed(): BalClientError {
  return new BalClientError('CLOSED', 'the client is closed');
}
