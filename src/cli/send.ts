import type { BalClient, Outcome, Sent } from '../client/index.ts';
import { reason } from '../lib/log.ts';
import { balFlags, leave, logOn } from './bal-flags.ts';
import { type Command, exitCodes, type Io } from './command.ts';
import { type Item, type Messages, messageFlags, messagesOf } from './outgoing.ts';
import { writeLine } from './output.ts';
import { firstSignal } from './signals.ts';
import { durationOf } from './values.ts';

/** Messages on their way at once: enough to fill the bridge's pipe, little enough to be remembered by name. */
const AT_ONCE = 1_000;

export const send: Command = {
  name: 'send',
  summary: 'send messages and print their outcomes',
  arguments: '[-]',
  details: [
    'Prints one JSON line per message when its outcome is known: "type" is ack, reject, invalid (not sent at all) or unsettled (no outcome in time: the bridge may still deliver it; repeat it under the same id to learn).',
    'The exit code is 0 if all were acked, otherwise 1.',
  ],
  options: {
    ...balFlags,
    ...messageFlags,
    timeout: { type: 'string', value: 'TIME', help: 'give up when no outcome came for so long; 0 never (default: 1m)' },
  },
  examples: [
    {
      line: 'pushbridge send --session com.example.app --to TOKEN --data text=hello',
      meaning: 'one message to one device',
    },
    {
      line: `pushbridge send --session com.example.app --json '{"to":"/topics/news","data":{"a":"b"}}' --ttl 1h`,
      meaning: 'a message as FCM knows it',
    },
    {
      line: 'pushbridge send --session com.example.app --secret-file secret.txt --file messages.ndjson',
      meaning: 'many messages, one a line',
    },
    {
      line: 'produce | pushbridge send --session com.example.app -',
      meaning: 'messages as another program writes them',
    },
  ],
  async run(args, io) {
    const messages = messagesOf(args, io);
    const timeoutMs = durationOf(args, 'timeout', 60_000);
    const client = await logOn(args, io.env);
    const signal = firstSignal(io);
    try {
      const sending = new Sending(client, io, messages, timeoutMs);
      void signal.came.then(() => sending.giveUp());
      return (await sending.all()) ? exitCodes.ok : exitCodes.failed;
    } finally {
      signal.forget();
      await leave(client);
    }
  },
};

/** Sends items, so many at once, and prints what becomes of each. */
class Sending {
  readonly #client: BalClient;
  readonly #io: Io;
  readonly #timeoutMs: number;
  readonly #messages: Messages;
  /** Ends the wait of each message that is on its way. */
  readonly #underway = new Set<() => void>();
  #freed: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #gaveUp = false;
  #good = true;

  constructor(client: BalClient, io: Io, messages: Messages, timeoutMs: number) {
    this.#client = client;
    this.#io = io;
    this.#messages = messages;
    this.#timeoutMs = timeoutMs;
  }

  /** @returns true if every message was acked */
  async all(): Promise<boolean> {
    try {
      for await (const item of this.#messages.items) {
        if (this.#gaveUp) break;
        await this.#one(item);
        await this.#until(AT_ONCE - 1);
      }
    } catch (error) {
      // Giving up takes the input away from under the loop.
      if (!this.#gaveUp) throw error;
    } finally {
      await this.#until(0);
    }
    return this.#good && !this.#gaveUp;
  }

  /** Waits no longer: what has no outcome yet is printed as unsettled. */
  giveUp(): void {
    this.#gaveUp = true;
    this.#messages.stop();
    for (const end of this.#underway) end();
  }

  async #one(item: Item): Promise<void> {
    if ('problem' in item) return this.#invalid({ line: item.line }, item.problem);
    const { message } = item;
    try {
      void this.#settle(await this.#client.send(message));
    } catch (error) {
      await this.#invalid(message.messageId === undefined ? {} : { message_id: message.messageId }, reason(error));
    }
  }

  async #settle({ messageId, outcome }: Sent): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<Outcome | undefined>();
    const end = () => resolve(undefined);
    this.#underway.add(end);
    this.#watch();
    outcome.then(resolve, end);
    const result = await promise;
    if (result?.kind !== 'ack') this.#good = false;
    await writeLine(this.#io.stdout, outcomeLine(messageId, result)).catch(() => {
      this.#good = false;
    });
    this.#underway.delete(end);
    this.#watch();
    this.#freed?.();
  }

  async #invalid(which: object, why: string): Promise<void> {
    this.#good = false;
    await writeLine(this.#io.stdout, { type: 'invalid', ...which, error_string: why });
  }

  /** Resolves when at most `left` messages are on their way. */
  async #until(left: number): Promise<void> {
    while (this.#underway.size > left) {
      await new Promise<void>((resolve) => {
        this.#freed = resolve;
      });
    }
  }

  /** Begins the wait for the next outcome anew, if there is one to come. */
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#timeoutMs > 0 && this.#underway.size > 0) this.#timer = setTimeout(() => this.giveUp(), this.#timeoutMs);
  }
}

/** Frames that nobody acknowledges fill the window, and outcomes wait behind them. [BAL §Sessions and answers] */
const UNSETTLED = 'no outcome in time; if upstream messages wait for this session, take them first (pushbridge listen)';

/** What is printed of an outcome; field names are those of the protocol. */
export function outcomeLine(messageId: string, outcome: Outcome | undefined): Record<string, unknown> {
  if (!outcome) return { type: 'unsettled', message_id: messageId, error_string: UNSETTLED };
  if (outcome.kind === 'ack') {
    const { registrationId, data } = outcome;
    return { type: 'ack', message_id: messageId, ...(registrationId && { registration_id: registrationId }), data };
  }
  const { code, text, taken, data } = outcome;
  return { type: 'reject', message_id: messageId, error: code, error_string: text, taken, data };
}
