import type { Timer } from '../lib/clock.ts';
import type { Attachment, Outlet } from './attachment.ts';
import type { SessionsDeps } from './mailboxes.ts';
import type { Notice } from './message.ts';
import type { Acked } from './ports.ts';
import { Post, type SessionRules } from './post.ts';

/** Everything that waits for backends: who is connected, what goes to whom, and whether a session may submit more. */
export class Sessions {
  readonly #posts = new Map<string, Post>();
  /** The sessions by the apps whose upstream messages are theirs. */
  readonly #homes = new Map<string, string>();

  constructor(rules: readonly SessionRules[], deps: SessionsDeps) {
    for (const rule of rules) {
      this.#posts.set(rule.id, new Post(rule, deps));
      for (const app of rule.apps ?? [rule.id]) this.#homes.set(app, rule.id);
    }
  }

  /** The session that gets what this app's devices send; undefined if none does. */
  homeOf(app: string): string | undefined {
    return this.#homes.get(app);
  }

  /** Connects a backend: frames begin to flow to `outlet`, oldest first. */
  async attach(session: string, outlet: Outlet): Promise<Attachment> {
    return this.#post(session).attach(outlet);
  }

  /** There is something in this mailbox. */
  wake(session: string, mailbox: number): void {
    this.#posts.get(session)?.wake(mailbox);
  }

  /** The outcome of a message without an inbox, for the connection that has this mailbox. */
  answered(session: string, mailbox: number, notice: Notice): void {
    this.#posts.get(session)?.answered(mailbox, notice);
  }

  /** The backend has these frames for good. Answers after the commit, in the order asked. */
  acknowledge(session: string, sequences: readonly number[]): Promise<Acked[]> {
    return this.#post(session).acknowledge(sequences);
  }

  /** Backends that are connected to the session. */
  connectionsOf(session: string): number {
    return this.#post(session).connections;
  }

  /** Called when a backend has connected to the session. One listener for each. */
  onAttach(session: string, listener: () => void): void {
    this.#post(session).onAttach(listener);
  }

  /** Calls `listener` once, when the frame is acknowledged; the timer that it gives back calls that off. */
  whenAcknowledged(session: string, sequence: number, listener: () => void): Timer {
    return this.#post(session).whenAcknowledged(sequence, listener);
  }

  /** The frame is wanted again: it leaves the connection that it is in flight on and goes out anew. */
  repeat(session: string, sequence: number): void {
    this.#posts.get(session)?.repeat(sequence);
  }

  /** How many more messages the session may submit now; zero or less means: pause. */
  room(session: string): number {
    return this.#post(session).room;
  }

  /** Whether the session's inbox is full: it takes nothing more until it acknowledges. */
  inboxFull(session: string): boolean {
    return this.#post(session).inboxFull;
  }

  /** Counts submissions on their way into the store against the session's limit until released. */
  reserve(session: string, count: number): { release(): void } {
    return this.#post(session).reserve(count);
  }

  /** Calls `listener` once, as soon as the session may submit again; the timer that it gives back calls that off. */
  whenRoom(session: string, listener: () => void): Timer {
    return this.#post(session).whenRoom(listener);
  }

  /** Pending messages or frames of these sessions (without a list: of any) became fewer. */
  eased(sessions: Iterable<string> = this.#posts.keys()): void {
    for (const session of sessions) this.#posts.get(session)?.eased();
  }

  /** Frames handed to backends and not acknowledged, by session. */
  *windowsUsed(): Iterable<readonly [string, number]> {
    for (const [session, post] of this.#posts) if (!post.unattended) yield [session, post.inFlight];
  }

  /** Whether a connected backend has frames in its inbox: not sent, or sent and not acknowledged. */
  owesConnected(): boolean {
    return this.#posts.values().some((post) => post.connections > 0 && post.waiting > 0);
  }

  /** Connections by session. */
  *connections(): Iterable<readonly [string, number]> {
    for (const [session, post] of this.#posts) if (!post.unattended) yield [session, post.connections];
  }

  #post(session: string): Post {
    const post = this.#posts.get(session);
    if (!post) throw new Error(`no such session: ${session}`);
    return post;
  }
}
