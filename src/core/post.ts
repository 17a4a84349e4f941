import type { Timer } from '../lib/clock.ts';
import { Attachment, type Outlet } from './attachment.ts';
import { Mailboxes, type SessionsDeps } from './mailboxes.ts';
import type { InboxFrame, Notice } from './message.ts';
import { type Acked, CLAIM_BYTES, isClosed, STORE_RETRY_MS } from './ports.ts';
import { tellRefusal } from './refusal.ts';

/** A configured session, as far as the core minds. */
export interface SessionRules {
  readonly id: string;
  /** The apps (`category`) whose upstream messages it gets; the one that is named like the session if absent. */
  readonly apps?: readonly string[];
  /** Nobody connects to it: it does not count as one of the backends'. */
  readonly unattended?: true;
  /** Messages without an outcome before the door pauses. */
  readonly maxPending: number;
  /** Frames in the inbox before the door pauses. */
  readonly maxInbox: number;
}

/** Frames claimed in one go: bounds the memory of a claim. */
const CLAIM_MAX = 512;

/**
 * The post office of one session: frames come out of the store and go to connections with room in their window. Answers
 * lie in the mailbox of the connection that asked; mailbox 0 belongs to whoever has room, in turn.
 */
export class Post {
  readonly #rules: SessionRules;
  readonly #deps: SessionsDeps;
  readonly #attachments: Attachment[] = [];
  /** By their own mailbox. */
  readonly #byMailbox = new Map<number, Attachment>();
  readonly #holders = new Map<number, Attachment>();
  readonly #mailboxes: Mailboxes;
  readonly #waiters = new Set<() => void>();
  /** Who waits for the acknowledgement of a frame, by its number. */
  readonly #watchers = new Map<number, () => void>();
  #onAttach: () => void = () => {};
  #reserved = 0;
  #turn = 0;
  /** There may be frames in mailbox 0. */
  #dirty = true;
  #pumping = false;
  #again = false;
  #retry: Timer | undefined;

  constructor(rules: SessionRules, deps: SessionsDeps) {
    this.#rules = rules;
    this.#deps = deps;
    this.#mailboxes = new Mailboxes(rules.id, deps);
  }

  get unattended(): boolean {
    return this.#rules.unattended === true;
  }

  get inFlight(): number {
    return this.#holders.size;
  }

  get connections(): number {
    return this.#attachments.length;
  }

  /** Frames in the inbox. */
  get waiting(): number {
    return this.#deps.store.waiting(this.#rules.id);
  }

  get inboxFull(): boolean {
    return this.waiting >= this.#rules.maxInbox;
  }

  get room(): number {
    const { store } = this.#deps;
    const { id, maxPending } = this.#rules;
    if (this.inboxFull) return 0;
    return maxPending - store.pending(id) - this.#reserved;
  }

  async attach(outlet: Outlet): Promise<Attachment> {
    const [own, ...adopted] = await this.#mailboxes.take(outlet.client, this.#attachments);
    const attachment = new Attachment(this, outlet, own);
    attachment.adopted.push(...adopted);
    this.#attachments.push(attachment);
    this.#byMailbox.set(own, attachment);
    this.#dirty = true;
    this.#onAttach();
    return attachment;
  }

  detach(attachment: Attachment): void {
    const index = this.#attachments.indexOf(attachment);
    if (index < 0) return;
    this.#attachments.splice(index, 1);
    this.#byMailbox.delete(attachment.mailbox);
    const sequences = attachment.giveUp();
    for (const sequence of sequences) this.#holders.delete(sequence);
    if (this.#mailboxes.leave(attachment, this.#attachments)) void this.pump();
    if (sequences.length > 0) this.#giveBack(sequences);
  }

  wake(mailbox: number): void {
    if (mailbox === 0) this.#dirty = true;
    else for (const a of this.#attachments) if (a.mailbox === mailbox || a.adopted.includes(mailbox)) a.dirty = true;
    this.pump();
  }

  answered(mailbox: number, notice: Notice): void {
    this.#byMailbox.get(mailbox)?.outlet.answered?.(notice);
  }

  async acknowledge(sequences: readonly number[]): Promise<Acked[]> {
    const { store, clock } = this.#deps;
    const acked = await store.ackInbox(this.#rules.id, sequences, clock.now());
    for (const sequence of sequences) {
      this.#forget(sequence);
      this.#watchers.get(sequence)?.();
    }
    this.eased();
    this.pump();
    return acked;
  }

  /** Called when a backend has connected. One listener. */
  onAttach(listener: () => void): void {
    this.#onAttach = listener;
  }

  /** Calls `listener` once, when this frame is acknowledged; the timer that it gives back calls that off. */
  whenAcknowledged(sequence: number, listener: () => void): Timer {
    const cancel = () => void this.#watchers.delete(sequence);
    this.#watchers.set(sequence, () => {
      cancel();
      listener();
    });
    return { cancel };
  }

  repeat(sequence: number): void {
    if (this.#forget(sequence)) this.#giveBack([sequence]);
  }

  reserve(count: number): { release(): void } {
    this.#reserved += count;
    return {
      release: () => {
        this.#reserved -= count;
        count = 0;
        this.eased();
      },
    };
  }

  /** @returns what calls it off: a connection that closes while it waits must not be kept for its turn */
  whenRoom(listener: () => void): Timer {
    const waiter = () => listener();
    this.#waiters.add(waiter);
    this.eased();
    return { cancel: () => void this.#waiters.delete(waiter) };
  }

  eased(): void {
    for (const waiter of this.#waiters) {
      if (this.room <= 0) return;
      this.#waiters.delete(waiter);
      waiter();
    }
  }

  /** Hands out what can be handed out. Calls while it works make it look once more. */
  async pump(): Promise<void> {
    if (this.#pumping) {
      this.#again = true;
      return;
    }
    this.#pumping = true;
    try {
      do {
        this.#again = false;
        await this.#serveMailboxes();
        await this.#serveAnyone();
      } while (this.#again);
    } catch (error) {
      if (isClosed(error)) return;
      const { log, clock } = this.#deps;
      tellRefusal(log, 'store refused inbox frames, trying again', error, { session: this.#rules.id });
      this.#dirty = true;
      for (const attachment of this.#attachments) attachment.dirty = true;
      this.#retry?.cancel();
      this.#retry = clock.after(STORE_RETRY_MS, () => void this.pump());
    } finally {
      this.#pumping = false;
    }
  }

  async #serveMailboxes(): Promise<void> {
    await Promise.all(this.#attachments.filter((a) => a.dirty && a.room > 0).map((a) => this.#serve(a)));
  }

  async #serve(attachment: Attachment): Promise<void> {
    attachment.dirty = false;
    const mailboxes = [attachment.mailbox, ...attachment.adopted];
    // A connection alone takes everything in one order, oldest first.
    const alone = this.#attachments.length === 1;
    if (alone) this.#dirty = false;
    const room = Math.min(attachment.room, CLAIM_MAX);
    const frames = await this.#claim(alone ? [0, ...mailboxes] : mailboxes, room);
    this.#give(attachment, frames);
    if (!mayBeMore(frames, room)) return;
    attachment.dirty = true;
    if (alone) this.#dirty = true;
    if (attachment.room > 0) this.#again = true;
  }

  async #serveAnyone(): Promise<void> {
    const takers = this.#attachments.filter((a) => a.room > 0);
    if (!this.#dirty || takers.length === 0) return;
    this.#dirty = false;
    const room = Math.min(
      takers.reduce((sum, a) => sum + a.room, 0),
      CLAIM_MAX,
    );
    const frames = await this.#claim([0], room);
    if (mayBeMore(frames, room)) this.#dirty = this.#again = true;
    // [BAL §Sessions and answers] Upstream messages go round-robin to connections with room in their window.
    const shares = new Map<Attachment, InboxFrame[]>();
    const homeless: number[] = [];
    for (const frame of frames) {
      const taker = this.#nextTaker(shares);
      if (!taker) homeless.push(frame.sequence);
      else shares.set(taker, [...(shares.get(taker) ?? []), frame]);
    }
    for (const [attachment, share] of shares) this.#give(attachment, share);
    if (homeless.length > 0) this.#giveBack(homeless);
  }

  #nextTaker(shares: ReadonlyMap<Attachment, readonly InboxFrame[]>): Attachment | undefined {
    for (let i = 0; i < this.#attachments.length; i++) {
      const attachment = this.#attachments[this.#turn++ % this.#attachments.length];
      if (attachment && attachment.room > (shares.get(attachment)?.length ?? 0)) return attachment;
    }
    return undefined;
  }

  #claim(mailboxes: readonly number[], room: number): Promise<InboxFrame[]> {
    return this.#deps.store.claimInbox(this.#rules.id, mailboxes, room);
  }

  #give(attachment: Attachment, frames: readonly InboxFrame[]): void {
    if (frames.length === 0) return;
    if (attachment.quiet) {
      this.#giveBack(frames.map((frame) => frame.sequence)); // it closed or logged off while the store was asked
      return;
    }
    for (const frame of frames) {
      attachment.take(frame);
      this.#holders.set(frame.sequence, attachment);
    }
    attachment.outlet.send(frames);
  }

  #forget(sequence: number): boolean {
    const holder = this.#holders.get(sequence);
    if (!holder) return false;
    this.#holders.delete(sequence);
    holder.forget(sequence);
    return true;
  }

  #giveBack(sequences: readonly number[]): void {
    const { store, log, clock } = this.#deps;
    store.releaseInbox(this.#rules.id, sequences).catch((error) => {
      if (isClosed(error)) return;
      tellRefusal(log, 'store refused to take frames back, trying again', error, { session: this.#rules.id });
      clock.after(STORE_RETRY_MS, () => this.#giveBack(sequences));
    });
  }
}

/** Whether a claim ended for its size, not because nothing was left. */
function mayBeMore(frames: readonly InboxFrame[], room: number): boolean {
  if (frames.length >= room) return true;
  return frames.reduce((bytes, { data }) => bytes + Buffer.byteLength(data), 0) >= CLAIM_BYTES;
}
