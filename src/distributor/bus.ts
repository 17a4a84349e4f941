import { createConnection, type DBusConnection, type Message, messageType, Variant } from 'dbus-native';
import type { Clock } from '../lib/clock.ts';
import { deadline } from '../lib/deadline.ts';

/** A method call, ours or somebody's. */
export interface BusCall {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** D-Bus types of `body`, one complete type after the other. */
  readonly signature: string;
  readonly body: readonly unknown[];
}

/** A call that came in. */
export interface IncomingCall extends BusCall {
  /** The caller's unique name, which the bus vouches for. */
  readonly sender: string;
}

/** What a call is answered with. */
export type BusAnswer =
  | { readonly signature: string; readonly body: readonly unknown[] }
  /** A D-Bus error by its name. */
  | { readonly error: string; readonly message: string };

/** Somebody answered with an error. */
export class BusError extends Error {
  /** Such as `org.freedesktop.DBus.Error.ServiceUnknown`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message || code);
    this.name = 'BusError';
    this.code = code;
  }
}

export const busErrors = {
  invalidArgs: 'org.freedesktop.DBus.Error.InvalidArgs',
  unknownMethod: 'org.freedesktop.DBus.Error.UnknownMethod',
  unknownInterface: 'org.freedesktop.DBus.Error.UnknownInterface',
  unknownObject: 'org.freedesktop.DBus.Error.UnknownObject',
  limitsExceeded: 'org.freedesktop.DBus.Error.LimitsExceeded',
  failed: 'org.freedesktop.DBus.Error.Failed',
} as const;

export interface BusHandler {
  /** Answers a call; a rejection is answered with an error that says nothing. */
  onCall(call: IncomingCall): BusAnswer | Promise<BusAnswer>;
  /** The answer to what came in has been written: what is sent now arrives after it. */
  onAnswered?(call: IncomingCall): void;
  /** A name has got another owner; undefined if it has none now. Only after {@link Bus.watchNames}. */
  onOwner?(name: string, owner: string | undefined): void;
  /** A fault of ours while a call was handled; its caller has been told no more than that. */
  onFault(error: unknown): void;
}

/** The bus itself. */
const BUS = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' };
/**
 * A message larger than this ends the connection, in bytes: what the bus itself lets through, so that nobody can end it
 * for all the others. [D-Bus specification, Message Format]
 */
const MESSAGE_MAX = 128 * 1024 * 1024;
/** Calls of others that are worked on at once; who comes later is told so. */
const CALLS_MAX = 256;
/** Those of one caller among them: it leaves room for others. */
const CALLS_PER_SENDER = 64;
/** [D-Bus specification, Message Format] */
const NO_REPLY_EXPECTED = 1;
const NO_AUTO_START = 2;
/** [D-Bus specification, RequestName] DBUS_NAME_FLAG_DO_NOT_QUEUE, and the reply that says it is ours. */
const DO_NOT_QUEUE = 4;
const PRIMARY_OWNER = 1;

/**
 * A connection to a message bus. The library authenticates, marshals and frames; calls and their answers are matched
 * here, so that one method may be called with several signatures.
 */
export class Bus {
  readonly #clock: Clock;
  readonly #handler: BusHandler;
  readonly #connection: DBusConnection;
  readonly #waiting = new Map<number, { resolve(body: readonly unknown[]): void; reject(error: Error): void }>();
  readonly #gone = Promise.withResolvers<Error>();
  #open = true;
  #serial = 0;
  #working = 0;
  /** Calls that are worked on, by caller. */
  readonly #workingFor = new Map<string, number>();
  /** Resolves with the reason when the connection is no more. */
  readonly gone: Promise<Error> = this.#gone.promise;

  private constructor(connection: DBusConnection, clock: Clock, handler: BusHandler) {
    this.#clock = clock;
    this.#handler = handler;
    this.#connection = connection;
    connection.on('message', (message) => this.#received(message));
    connection.on('error', (error: Error) => this.#ended(error));
    connection.on('handlerError', (error: Error) => handler.onFault(error));
    connection.on('close', () => this.#ended(new Error('the bus closed the connection')));
  }

  /**
   * Connects and says hello.
   * @param address such as `unix:path=/run/user/1000/bus`
   * @throws Error if there is no bus, or it does not answer within `timeoutMs`
   */
  static async connect(address: string, clock: Clock, handler: BusHandler, timeoutMs: number): Promise<Bus> {
    const connection = createConnection({
      busAddress: address,
      authMethods: ['EXTERNAL'],
      // A dictionary comes as pairs: as an object its key `__proto__` would be more than a key.
      plainValues: false,
      variants: 'wrap',
      maxMessageSize: MESSAGE_MAX,
    });
    const bus = new Bus(connection, clock, handler);
    try {
      await bus.#ask('Hello', '', [], timeoutMs);
      return bus;
    } catch (error) {
      bus.close();
      throw error;
    }
  }

  /**
   * Makes `name` lead to this connection.
   * @returns false if it belongs to somebody else
   */
  async own(name: string, timeoutMs: number): Promise<boolean> {
    const [reply] = await this.#ask('RequestName', 'su', [name, DO_NOT_QUEUE], timeoutMs);
    return reply === PRIMARY_OWNER;
  }

  /** From now on {@link BusHandler.onOwner} is told who comes and goes. */
  async watchNames(timeoutMs: number): Promise<void> {
    const rule = `type='signal',sender='${BUS.destination}',interface='${BUS.interface}',member='NameOwnerChanged'`;
    await this.#ask('AddMatch', 's', [rule], timeoutMs);
  }

  /** The unique name behind a name, undefined if nobody has it. */
  async ownerOf(name: string, timeoutMs: number): Promise<string | undefined> {
    try {
      return text(await this.#ask('GetNameOwner', 's', [name], timeoutMs));
    } catch (error) {
      if (error instanceof BusError) return undefined;
      throw error;
    }
  }

  /** The process behind a unique name. */
  async processOf(name: string, timeoutMs: number): Promise<number> {
    const [pid] = await this.#ask('GetConnectionUnixProcessID', 's', [name], timeoutMs);
    if (typeof pid !== 'number') throw new BusError(busErrors.failed, 'the bus does not know the process');
    return pid;
  }

  /** Names that the bus can start. */
  async activatable(timeoutMs: number): Promise<ReadonlySet<string>> {
    const [names] = await this.#ask('ListActivatableNames', '', [], timeoutMs);
    return new Set(Array.isArray(names) ? names.filter((name) => typeof name === 'string') : []);
  }

  /**
   * Starts whoever has `name`, if it does not run.
   * @throws BusError if nothing of that name can be started
   */
  async start(name: string, timeoutMs: number): Promise<void> {
    await this.#ask('StartServiceByName', 'su', [name, 0], timeoutMs);
  }

  /** Calls a method whose answer nobody wants. False if the connection is gone. */
  send(destination: string, call: BusCall): boolean {
    return this.#write({ ...outgoing(destination, call), flags: NO_REPLY_EXPECTED | NO_AUTO_START });
  }

  /**
   * Calls a method.
   * @returns the body of the answer
   * @throws BusError for an error that was answered, Error if there was none
   */
  call(destination: string, call: BusCall, timeoutMs: number): Promise<readonly unknown[]> {
    return this.#invoke({ ...outgoing(destination, call), flags: NO_AUTO_START }, timeoutMs);
  }

  close(): void {
    this.#ended(new Error('the connection to the bus is closed'));
    this.#connection.end();
  }

  #ask(member: string, signature: string, body: readonly unknown[], timeoutMs: number): Promise<readonly unknown[]> {
    const { destination, ...object } = BUS;
    return this.#invoke(outgoing(destination, { ...object, member, signature, body }), timeoutMs);
  }

  async #invoke(message: Message, timeoutMs: number): Promise<readonly unknown[]> {
    const answer = Promise.withResolvers<readonly unknown[]>();
    const serial = this.#nextSerial();
    this.#waiting.set(serial, answer);
    try {
      if (!this.#write({ ...message, serial })) throw new Error('the connection to the bus is closed');
      return await deadline(this.#clock, answer.promise, timeoutMs, `D-Bus call ${message.member}`);
    } finally {
      this.#waiting.delete(serial);
    }
  }

  #write(message: Message): boolean {
    if (!this.#open) return false;
    this.#connection.message({ serial: this.#nextSerial(), ...message });
    return true;
  }

  /** A serial is an unsigned number of 32 bits and never zero. */
  #nextSerial(): number {
    this.#serial = (this.#serial % 0xffff_ffff) + 1;
    return this.#serial;
  }

  #received(message: Message): void {
    if (message.type === messageType.methodCall) void this.#called(message);
    else if (message.type === messageType.signal) this.#signalled(message);
    else if (message.type === messageType.methodReturn) {
      this.#waiting.get(message.replySerial ?? 0)?.resolve(message.body ?? []);
    } else if (message.type === messageType.error) {
      const why = message.body?.[0];
      const error = new BusError(message.errorName ?? busErrors.failed, typeof why === 'string' ? why : '');
      this.#waiting.get(message.replySerial ?? 0)?.reject(error);
    }
  }

  #signalled({ sender, interface: face, member, body = [] }: Message): void {
    if (sender !== BUS.destination || face !== BUS.interface || member !== 'NameOwnerChanged') return;
    const [name, , owner] = body;
    if (typeof name !== 'string' || name.startsWith(':')) return;
    this.#handler.onOwner?.(name, typeof owner === 'string' && owner !== '' ? owner : undefined);
  }

  async #called(message: Message): Promise<void> {
    const { sender = '', path = '', member = '', signature = '', body = [] } = message;
    const call: IncomingCall = { sender, path, interface: message.interface ?? '', member, signature, body };
    const silent = ((message.flags ?? 0) & NO_REPLY_EXPECTED) !== 0;
    const answer = await this.#answer(call);
    if (!silent) this.#write(reply(message, answer));
    try {
      this.#handler.onAnswered?.(call);
    } catch (error) {
      this.#handler.onFault(error);
    }
  }

  async #answer(call: IncomingCall): Promise<BusAnswer> {
    const { sender } = call;
    const own = this.#workingFor.get(sender) ?? 0;
    if (this.#working >= CALLS_MAX || own >= CALLS_PER_SENDER) {
      return { error: busErrors.limitsExceeded, message: 'too many calls at once' };
    }
    this.#working++;
    this.#workingFor.set(sender, own + 1);
    try {
      return await this.#handler.onCall(call);
    } catch (error) {
      this.#handler.onFault(error);
      return { error: busErrors.failed, message: 'internal error' };
    } finally {
      this.#working--;
      const left = (this.#workingFor.get(sender) ?? 0) - 1;
      if (left > 0) this.#workingFor.set(sender, left);
      else this.#workingFor.delete(sender);
    }
  }

  #ended(error: Error): void {
    if (!this.#open) return;
    this.#open = false;
    this.#gone.resolve(error);
    for (const { reject } of this.#waiting.values()) reject(error);
  }
}

function outgoing(destination: string, { path, interface: face, member, signature, body }: BusCall): Message {
  const head = { type: messageType.methodCall, destination, path, interface: face, member };
  return signature ? { ...head, signature, body: [...body] } : head;
}

function reply({ serial = 0, sender = '' }: Message, answer: BusAnswer): Message {
  const head = { replySerial: serial, destination: sender, flags: NO_REPLY_EXPECTED };
  if ('error' in answer) {
    const { error: errorName, message } = answer;
    return { ...head, type: messageType.error, errorName, signature: 's', body: [message] };
  }
  const { signature, body } = answer;
  const done = { ...head, type: messageType.methodReturn };
  return signature ? { ...done, signature, body: [...body] } : done;
}

function text([value]: readonly unknown[]): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The body of a call or answer whose only argument is a map of names to values: texts as `s`, bytes as `ay`. */
export function variantMap(values: Readonly<Record<string, string | Uint8Array>>): {
  readonly signature: 'a{sv}';
  readonly body: readonly unknown[];
} {
  const pairs = Object.entries(values).map(([key, value]) => [
    key,
    typeof value === 'string' ? new Variant('s', value) : new Variant('ay', Buffer.from(value)),
  ]);
  return { signature: 'a{sv}', body: [pairs] };
}

/** The values of such a map; undefined if it is none. */
export function readMap({
  signature,
  body,
}: Pick<BusCall, 'signature' | 'body'>): ReadonlyMap<string, unknown> | undefined {
  const [pairs] = body;
  if (signature !== 'a{sv}' || !Array.isArray(pairs)) return undefined;
  return new Map((pairs as readonly (readonly [string, unknown])[]).map(([key, value]) => [key, plain(value)]));
}

const plain = (value: unknown): unknown => (value instanceof Variant ? value.value : value);
