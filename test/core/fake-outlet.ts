import type { InboxFrame, Notice, Outlet } from '../../src/core/index.ts';

/** A connection that remembers what it was sent. */
export class FakeOutlet implements Outlet {
  readonly window: number;
  readonly client?: string;
  readonly frames: InboxFrame[] = [];
  /** Outcomes that went into no inbox. */
  readonly answers: Notice[] = [];
  /** The socket takes nothing at the moment. */
  clogged = false;

  constructor(window = 100, client?: string) {
    this.window = window;
    if (client !== undefined) this.client = client;
  }

  ready(): boolean {
    return !this.clogged;
  }

  send(frames: readonly InboxFrame[]): void {
    this.frames.push(...frames);
  }

  answered(notice: Notice): void {
    this.answers.push(notice);
  }

  get ids(): string[] {
    return this.frames.map((frame) => frame.messageId);
  }

  get sequences(): number[] {
    return this.frames.map((frame) => frame.sequence);
  }
}
