import { createReadStream, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { OutgoingMessage } from '../client/index.ts';
import { reason } from '../lib/log.ts';
import { type Args, type Io, type Options, UsageError } from './command.ts';
import { readLines } from './lines.ts';
import { durationOf, pairOf } from './values.ts';

/** The flags that describe one message, or where many are. */
export const messageFlags: Options = {
  to: { type: 'string', value: 'TOKEN', help: 'device token, or topic as /topics/NAME' },
  data: { type: 'string', short: 'd', multiple: true, value: 'KEY=TEXT', help: 'a pair of the payload' },
  json: { type: 'string', value: 'OBJECT', help: 'the whole FCM message as JSON; the other flags win over its fields' },
  file: {
    type: 'string',
    short: 'f',
    value: 'FILE',
    help: 'many messages, one JSON object a line: FCM messages, or { message_id, group_id, provider, fcm_data }; - is standard input',
  },
  id: { type: 'string', value: 'ID', help: 'message id (default: a random one)' },
  group: { type: 'string', value: 'ID', help: 'group id: messages of a group are delivered in order' },
  provider: { type: 'string', value: 'NAME', help: 'a provider of the session (default: its first one)' },
  ttl: { type: 'string', value: 'TIME', help: 'time to live, such as 1h; 0 is now or never' },
  priority: { type: 'string', value: 'LEVEL', help: 'normal or high' },
  receipt: { type: 'boolean', help: 'ask for a delivery receipt' },
};

/** One thing to send, or why it can't be. */
export type Item = { readonly message: OutgoingMessage } | { readonly line: number; readonly problem: string };

type Json = Record<string, unknown>;

/** What the flags say to send. */
export interface Messages {
  readonly items: AsyncIterable<Item> | Iterable<Item>;
  /** Takes the input away, so that nobody waits for its next line. */
  stop(): void;
}

/** @throws UsageError for flags that do not go together, and for a file that can't be opened */
export function messagesOf(args: Args, io: Pick<Io, 'stdin'>): Messages {
  const file = fileOf(args);
  if (file === undefined) return { items: [{ message: messageOf(args) }], stop() {} };
  const single = Object.keys(messageFlags).find((name) => name !== 'file' && args.flag(name));
  if (single) throw new UsageError(`--${single} is for one message and does not go with a file`);
  const stream = file === '-' ? io.stdin : openFile(file);
  return { items: fromLines(stream), stop: () => void stream.destroy() };
}

function openFile(file: string): Readable {
  try {
    return createReadStream(file, { fd: openSync(file, 'r') });
  } catch (cause) {
    throw new UsageError(`--file: ${reason(cause)}`, { cause });
  }
}

function fileOf(args: Args): string | undefined {
  const [first, ...more] = args.positionals;
  if (more.length > 0 || (first !== undefined && first !== '-')) {
    throw new UsageError(`unexpected argument "${first === '-' ? more[0] : first}"`);
  }
  const file = args.text('file');
  if (first !== undefined && file !== undefined) throw new UsageError('give --file or -, not both');
  return file ?? first;
}

function messageOf(args: Args): OutgoingMessage {
  const json = args.text('json');
  const base = json === undefined ? {} : parse(json);
  if (typeof base === 'string') throw new UsageError(`--json ${base}`);
  const ttl = args.text('ttl') === undefined ? undefined : Math.ceil(durationOf(args, 'ttl', 0) / 1_000);
  const data = Object.fromEntries(args.list('data').map((text) => pairOf('--data', text, 'KEY=TEXT')));
  const fcmData: Json = {
    ...base,
    ...given('to', args.text('to')),
    ...given('priority', args.text('priority')),
    ...given('time_to_live', ttl),
    ...(args.list('data').length > 0 && { data: { ...(base.data as Json | undefined), ...data } }),
    ...(args.flag('receipt') && { delivery_receipt_requested: true }),
  };
  if (fcmData.to === undefined && fcmData.condition === undefined) {
    throw new UsageError('nowhere to send to: give --to, --json or --file');
  }
  const messageId = args.text('id') ?? ownId(fcmData);
  return {
    fcmData,
    ...given('messageId', messageId),
    ...given('groupId', args.text('group')),
    ...given('provider', args.text('provider')),
  };
}

async function* fromLines(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<Item> {
  for await (const { number, text } of readLines(stream)) {
    if (text?.trim() === '') continue;
    const value = text === undefined ? 'is too long' : parse(text);
    const item = typeof value === 'string' ? value : fromObject(value);
    yield typeof item === 'string' ? { line: number, problem: item } : { message: item };
  }
}

/** A line: an FCM message by itself, or in an envelope. */
function fromObject(value: Json): OutgoingMessage | string {
  if (!('fcm_data' in value)) return { fcmData: value, ...given('messageId', ownId(value)) };
  const { fcm_data: fcmData, ...header } = value;
  if (!isObject(fcmData)) return 'fcm_data is no JSON object';
  for (const [name, field] of Object.entries(header)) {
    if (!['message_id', 'group_id', 'provider'].includes(name)) return `unknown field ${JSON.stringify(name)}`;
    if (typeof field !== 'string' || field === '') return `${name} is no text`;
  }
  return {
    fcmData,
    ...given('messageId', (header.message_id as string | undefined) ?? ownId(fcmData)),
    ...given('groupId', header.group_id as string | undefined),
    ...given('provider', header.provider as string | undefined),
  };
}

/** GIMMM's way: the id stands inside the message. The protocol wants it to agree with the one outside. */
function ownId(fcmData: Json): string | undefined {
  const id = fcmData.message_id;
  return typeof id === 'string' && id !== '' ? id : undefined;
}

function parse(text: string): Json | string {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : 'is no JSON object';
  } catch (error) {
    return `is no JSON: ${reason(error)}`;
  }
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A field that is left out when there is nothing to put into it. */
function given<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [P in K]?: V };
}
