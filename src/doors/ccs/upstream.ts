import type { InboxFrame } from '../../core/index.ts';
import { CCS_DOMAIN, type Fields, receiptJson } from '../../protocols/ccs/index.ts';

/** Acks that are remembered, to know a repeated ack from a foreign one. */
const REMEMBERED = 1_000;

/** What a frame is on the wire: its JSON, and the two names that its ack has to give. */
interface Upstream {
  readonly from: string;
  readonly id: string;
  readonly json: string;
}

/** What one connection has sent upstream and the app server has not acked. [fcm.md §1.8] */
export class UpstreamWindow {
  /** Sequences by name: usually one, but two providers may bring the same name. */
  readonly #unacked = new Map<string, readonly number[]>();
  readonly #acked = new Set<string>();

  /** Takes a frame on its way. @returns the JSON that goes out */
  sent(frame: InboxFrame): string {
    const { from, id, json } = toUpstream(frame);
    const key = keyOf(from, id);
    this.#unacked.set(key, [...(this.#unacked.get(key) ?? []), frame.sequence]);
    return json;
  }

  /** The sequences that an ack names: none for a repeated ack; undefined if nothing of that name was sent here. */
  acked(to: string, id: string): readonly number[] | undefined {
    const key = keyOf(to, id);
    const sequences = this.#unacked.get(key);
    if (!sequences) return this.#acked.has(key) ? [] : undefined;
    this.#unacked.delete(key);
    this.#acked.add(key);
    const [oldest] = this.#acked;
    if (this.#acked.size > REMEMBERED && oldest !== undefined) this.#acked.delete(oldest);
    return sequences;
  }
}

/** Devices choose their ids on their own: only both together name a message. */
const keyOf = (from: string, id: string): string => `${from}\n${id}`;

function toUpstream({ type, messageId, data }: InboxFrame): Upstream {
  const fields = JSON.parse(data) as Fields;
  if (type === 'receipt') return receipt(fields, messageId);
  const { from, message_id, message_type } = fields;
  const sender = String(from ?? '');
  const same = from === sender && message_id === messageId && message_type === undefined;
  return { from: sender, id: messageId, json: same ? data : withNames(fields, sender, messageId) };
}

/** [fcm.md §1.8] Whoever reported it: app servers look for this form, and ack it to this address. */
function receipt(fields: Fields, original: string): Upstream {
  const id = `dr2:${original}`;
  const data = { message_status: 'MESSAGE_SENT_TO_DEVICE', ...(fields.data as Fields | undefined) };
  const whole = { ...fields, message_type: 'receipt', from: CCS_DOMAIN, data };
  return { from: CCS_DOMAIN, id, json: receiptJson(whole, original) };
}

/** What its ack has to name, as texts; and no type, by which an app server would take it for something else. */
function withNames({ message_type: _, ...fields }: Fields, from: string, message_id: string): string {
  return JSON.stringify({ ...fields, from, message_id });
}
