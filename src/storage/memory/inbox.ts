import { type Acked, CLAIM_BYTES, type InboxFrame, type Notice } from '../../core/index.ts';

interface Frame {
  readonly notice: Notice;
  readonly at: number;
  mailbox: number;
  claimed: boolean;
}

/** The frames of one session, oldest first. */
export class Inbox {
  readonly #frames = new Map<number, Frame>();
  #last = 0;

  get size(): number {
    return this.#frames.size;
  }

  get oldestAt(): number | undefined {
    return this.#frames.values().next().value?.at;
  }

  add(notice: Notice, mailbox: number, at: number): number {
    this.#frames.set(++this.#last, { notice, at, mailbox, claimed: false });
    return this.#last;
  }

  /** Gives a waiting frame to another mailbox; a claim on it stays. False if it no longer waits. */
  move(sequence: number, mailbox: number): boolean {
    const frame = this.#frames.get(sequence);
    if (frame) frame.mailbox = mailbox;
    return frame !== undefined;
  }

  claim(mailboxes: readonly number[], room: number): InboxFrame[] {
    const claimed: InboxFrame[] = [];
    let bytes = 0;
    for (const [sequence, frame] of this.#frames) {
      if (claimed.length >= room || bytes >= CLAIM_BYTES) break;
      if (frame.claimed || !mailboxes.includes(frame.mailbox)) continue;
      frame.claimed = true;
      claimed.push({ ...frame.notice, sequence });
      bytes += Buffer.byteLength(frame.notice.data);
    }
    return claimed;
  }

  /** The mailbox in which the frame can be claimed again; undefined if it is not there or was not claimed. */
  release(sequence: number): number | undefined {
    const frame = this.#frames.get(sequence);
    if (!frame?.claimed) return undefined;
    frame.claimed = false;
    return frame.mailbox;
  }

  /** True if anything was in it. */
  releaseMailbox(mailbox: number): boolean {
    const frames = [...this.#frames.values()].filter((frame) => frame.mailbox === mailbox);
    for (const frame of frames) frame.mailbox = 0;
    return frames.length > 0;
  }

  ack(sequence: number): Acked {
    if (this.#frames.delete(sequence)) return 'settled';
    return Number.isInteger(sequence) && sequence >= 1 && sequence <= this.#last ? 'already' : 'unknown';
  }

  /** Takes out what came before `limit`, at most `most` frames. */
  expire(limit: number, most: number): Notice[] {
    const expired: Notice[] = [];
    for (const [sequence, frame] of this.#frames) {
      if (frame.at >= limit || expired.length >= most) break;
      this.#frames.delete(sequence);
      expired.push(frame.notice);
    }
    return expired;
  }
}
