import { CCS_DOMAIN } from '../../protocols/ccs/index.ts';
import type { StreamSocket } from '../../protocols/xmpp/index.ts';
import type { Faults } from './options.ts';
import type { Sender, Upstream } from './sender.ts';
import * as stanzas from './stanzas.ts';
import type { World } from './world.ts';

/** An answer on its way. */
interface Answer {
  readonly id: string;
  readonly xml: string;
  /** The code of a nack; undefined for an ack. */
  readonly code: string | undefined;
  /** Done when it is written. */
  readonly after: (() => void) | undefined;
}

/** The acks and nacks of one connection: counted, delayed, held back, doubled as the faults say. */
export class Answers {
  readonly #world: World;
  readonly #socket: StreamSocket;
  readonly #onSettled: () => void;
  #held: Answer[] = [];
  #stopped = false;
  /** Messages that wait for an answer. */
  unacked = 0;
  maxUnacked = 0;
  faults: Faults;

  constructor(world: World, socket: StreamSocket, onSettled: () => void) {
    this.#world = world;
    this.#socket = socket;
    this.#onSettled = onSettled;
    this.faults = world.faults;
  }

  get held(): number {
    return this.#held.length;
  }

  /** A message has come; how many now wait for an answer. */
  asked(): number {
    const now = ++this.unacked;
    if (now > this.maxUnacked) {
      this.maxUnacked = now;
      const { counters } = this.#world;
      if (now > counters.maxUnacked) counters.maxUnacked = now;
    }
    return now;
  }

  /** @param receiptTo who gets a receipt when the ack is out */
  ack(from: string, id: string, canonical: string | undefined, receiptTo: Sender | undefined): void {
    const xml = stanzas.ack(from, id, canonical, this.faults.swap_forms);
    const after = receiptTo && (() => this.#receipt(receiptTo, canonical ?? from, id));
    this.#give({ id, xml, code: undefined, after });
  }

  nack(from: string, id: string, code: string, description: string): void {
    const xml = stanzas.nack(from, id, code, description, this.faults.swap_forms);
    this.#give({ id, xml, code, after: undefined });
  }

  /** A nack for what was no message and is not counted as one. */
  nackNow(from: string, id: string, code: string, description: string): void {
    this.#count(code);
    this.#socket.post(stanzas.nack(from, id, code, description, this.faults.swap_forms));
  }

  /** Sends up to `count` of the answers that are held back; how many there were. */
  release(count: number): number {
    const released = this.#held.splice(0, count);
    for (const answer of released) this.#delay(answer);
    return released.length;
  }

  /** The connection is gone. */
  stop(): void {
    this.#stopped = true;
    this.#held = [];
  }

  #give(answer: Answer): void {
    if (this.faults.hold_acks) this.#held.push(answer);
    else this.#delay(answer);
  }

  #delay(answer: Answer): void {
    const { latency, latency_spread } = this.faults;
    if (latency === 0 && latency_spread === 0) this.#write(answer);
    else {
      const ms = latency + (latency_spread === 0 ? 0 : this.#world.random() * latency_spread);
      this.#world.delays.after(ms, () => this.#write(answer));
    }
  }

  #write({ id, xml, code, after }: Answer): void {
    // In a black hole the answer is lost; the message stays un-acked.
    if (this.#stopped || this.faults.black_hole) return;
    const { double_acks, stray_acks, unknown_types, swap_forms } = this.faults;
    this.unacked--;
    this.#count(code);
    this.#world.watch.answered?.(id, code);
    this.#world.downstream.answered(id, code === undefined ? 'acks' : 'nacks');
    this.#socket.post(xml);
    if (double_acks) this.#socket.post(xml);
    if (stray_acks) this.#socket.post(stanzas.ack('nobody', `stray-${id}`, undefined, swap_forms));
    if (unknown_types) this.#socket.post(stanzas.unknownType(id, swap_forms));
    after?.();
    this.#onSettled();
  }

  #count(code: string | undefined): void {
    const { counters } = this.#world;
    if (code === undefined) counters.acks++;
    else counters.nacks[code] = (counters.nacks[code] ?? 0) + 1;
  }

  /** [fcm.md §1.8] */
  #receipt(sender: Sender, device: string, original: string): void {
    const { clock, counters, delays, options } = this.#world;
    const offer = (): void => {
      counters.receipts++;
      const id = `dr2:${original}`;
      const json = JSON.stringify({
        category: options.category,
        data: {
          message_status: 'MESSAGE_SENT_TO_DEVICE',
          original_message_id: original,
          device_registration_id: device,
          message_sent_timestamp: String(clock.now()),
        },
        from: CCS_DOMAIN,
        message_id: id,
        message_type: 'receipt',
        time_to_live: 0,
      });
      const item: Upstream = { id, from: CCS_DOMAIN, json, expiresAt: undefined, sent: 0 };
      sender.offer(item);
    };
    if (options.receipt_delay === 0) offer();
    else delays.after(options.receipt_delay, offer);
  }
}
