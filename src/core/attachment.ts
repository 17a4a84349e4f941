import type { InboxFrame, Notice } from './message.ts';

/** The door's side of a connection that receives frames. */
export interface Outlet {
  /** How many unacknowledged frames it takes. */
  readonly window: number;
  /** The backend instance; answers find their way back to a connection of the same one. */
  readonly client?: string;
  /** Whether it takes frames right now: a socket that is clogged says no and calls `attachment.resume` later. */
  ready(): boolean;
  /** Takes frames within the window. Must not throw. */
  send(frames: readonly InboxFrame[]): void;
  /** Everything that was sent is acknowledged, on whatever connection. */
  emptied?(): void;
  /**
   * The outcome of a message that was last submitted under this connection's mailbox with `answer: 'connection'`. Told once,
   * after the commit, and perhaps before the submission itself has resolved. Nobody keeps it for a connection that is gone:
   * who submits the same id again gets it then. Must not throw.
   */
  answered?(notice: Notice): void;
}

/** One connection of a backend to its session. */
export class Attachment {
  readonly outlet: Outlet;
  /** Its right to the answers of what it submits. */
  readonly mailbox: number;
  /** Mailboxes that it serves besides: those of earlier connections of the same client. */
  readonly adopted: number[] = [];
  /** Frames sent and not yet acknowledged. */
  readonly #inFlight = new Set<number>();
  /** There may be frames for it in the store. */
  dirty = true;
  /** Takes nothing new: it logs off. */
  quiet = false;
  readonly #post: AttachmentHost;

  constructor(post: AttachmentHost, outlet: Outlet, mailbox: number) {
    this.#post = post;
    this.outlet = outlet;
    this.mailbox = mailbox;
  }

  /** Frames sent and not yet acknowledged. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** How many more frames it takes. */
  get room(): number {
    if (this.quiet || !this.outlet.ready()) return 0;
    return this.outlet.window - this.#inFlight.size;
  }

  get full(): boolean {
    return this.#inFlight.size >= this.outlet.window;
  }

  /** The frame is on its way. */
  take({ sequence }: InboxFrame): void {
    this.#inFlight.add(sequence);
  }

  /** The frame is acknowledged, or goes elsewhere. */
  forget(sequence: number): void {
    this.dirty = true;
    if (this.#inFlight.delete(sequence) && this.#inFlight.size === 0) this.outlet.emptied?.();
  }

  /** Everything in flight, which is no longer its own. */
  giveUp(): number[] {
    const sequences = [...this.#inFlight];
    this.#inFlight.clear();
    return sequences;
  }

  /** The outlet is ready again. */
  resume(): void {
    this.dirty = true;
    this.#post.pump();
  }

  /** Sends nothing new from here on. */
  hush(): void {
    this.quiet = true;
  }

  /** The connection is gone: what it had not acknowledged goes elsewhere. Safe to call twice. */
  detach(): void {
    this.quiet = true;
    this.#post.detach(this);
  }
}

/** What an attachment needs of its session. */
export interface AttachmentHost {
  pump(): void;
  detach(attachment: Attachment): void;
}
