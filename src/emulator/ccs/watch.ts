/**
 * Told of what happens on the wire, for those who keep books of their own. Called before the emulator goes on: what was told
 * is known even if the process is killed right afterwards. Must not throw.
 */
export interface Watch {
  /** A downstream message has come; `json` is the text of its `<gcm>` element. Called again for every repeat. */
  received?(id: string, json: string): void;
  /** Its answer is about to be written: an ack, or a nack with this code. */
  answered?(id: string, code: string | undefined): void;
  /** An upstream message or receipt is about to be written. Called again for every repeat. */
  upstreamSent?(from: string, id: string): void;
  /** The app server has acked it, for the first time on its connection. */
  upstreamAcked?(from: string, id: string): void;
}
