import type { BalClient, Receipt, Upstream } from '../client/index.ts';
import { balFlags, leave, logOn } from './bal-flags.ts';
import { type Command, exitCodes, type Io } from './command.ts';
import { writeLine } from './output.ts';
import { outcomeLine } from './send.ts';
import { firstSignal } from './signals.ts';
import { countOf } from './values.ts';

export const listen: Command = {
  name: 'listen',
  summary: 'print upstream messages and receipts, and acknowledge them',
  details: [
    'Prints one JSON line each; "type" is upstream or receipt, or ack and reject for messages that were sent before and whose outcome nobody was there to take. Each is acknowledged after its line was written: what was not printed comes again.',
    'Goes on until SIGTERM or SIGINT, until --count lines are written, or until nobody reads them any more.',
  ],
  options: {
    ...balFlags,
    count: { type: 'string', short: 'n', value: 'NUMBER', help: 'stop after so many lines' },
  },
  examples: [
    { line: 'pushbridge listen --session com.example.app', meaning: 'everything that devices send' },
    {
      line: `pushbridge listen --session com.example.app | jq 'select(.type == "upstream") | .data.data'`,
      meaning: 'the payloads of upstream messages',
    },
    { line: 'pushbridge listen --session com.example.app --count 1', meaning: 'wait for one' },
  ],
  async run(args, io) {
    const count = countOf(args, 'count') ?? Number.POSITIVE_INFINITY;
    const client = await logOn(args, io.env);
    const signal = firstSignal(io);
    try {
      await Promise.race([signal.came, new Listening(client, io, count).done()]);
      return exitCodes.ok;
    } finally {
      signal.forget();
      // Says goodbye behind the last ACK, so that nothing comes again that was printed.
      await leave(client);
    }
  },
};

/** Prints what comes until there were enough lines or nobody reads them. */
class Listening {
  readonly #client: BalClient;
  readonly #io: Io;
  /** Lines that may still be begun, and lines that are not yet finished. */
  #toBegin: number;
  #toFinish: number;
  readonly #done = Promise.withResolvers<void>();

  constructor(client: BalClient, io: Io, count: number) {
    this.#client = client;
    this.#io = io;
    this.#toBegin = count;
    this.#toFinish = count;
  }

  /** Resolves when enough was printed; rejects if it can't be. */
  done(): Promise<void> {
    const client = this.#client;
    const loops = [
      this.#each(client.upstream(), upstreamLine),
      this.#each(client.receipts(), receiptLine),
      this.#each(client.answers(), ({ messageId, outcome }) => outcomeLine(messageId, outcome)),
    ];
    Promise.all(loops).then(() => this.#done.resolve(), this.#done.reject);
    return this.#done.promise;
  }

  async #each<T extends { ack(): void }>(items: AsyncIterable<T>, print: (item: T) => object): Promise<void> {
    for await (const item of items) {
      if (this.#toBegin <= 0) return;
      this.#toBegin -= 1;
      const written = await writeLine(this.#io.stdout, print(item));
      if (!written) return this.#done.resolve();
      item.ack();
      this.#toFinish -= 1;
      if (this.#toFinish === 0) return this.#done.resolve();
    }
  }
}

const upstreamLine = ({ messageId, data }: Upstream) => ({ type: 'upstream', message_id: messageId, data });

const receiptLine = ({ messageId, groupId, data }: Receipt) => ({
  type: 'receipt',
  message_id: messageId,
  ...(groupId !== undefined && { group_id: groupId }),
  data,
});
