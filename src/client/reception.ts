import type { ReceivedFrame } from '../protocols/bal/index.ts';
import { BalClientError } from './errors.ts';
import type { Inbox, Lane } from './inbox.ts';
import { outcomeOf } from './message.ts';
import type { Outbox } from './outbox.ts';
import { readPush } from './push.ts';

type AnswerFrame = Extract<ReceivedFrame, { message_type: 'DOWNSTREAM_ACK' | 'DOWNSTREAM_REJECT' }>;

/** Where frames go: the queues, and the messages that wait for outcomes. The connections of a pool share one. */
export class Reception {
  readonly inbox: Inbox;
  readonly #outboxes = new Set<Outbox>();

  constructor(inbox: Inbox) {
    this.inbox = inbox;
  }

  join(outbox: Outbox): void {
    this.#outboxes.add(outbox);
  }

  /** The last to leave ends the queues. */
  leave(outbox: Outbox): void {
    this.#outboxes.delete(outbox);
    if (this.#outboxes.size === 0) this.inbox.end();
  }

  /** Whether a message of this id waits for its outcome. */
  has(id: string): boolean {
    return [...this.#outboxes].some((outbox) => outbox.has(id));
  }

  /**
   * Takes a frame that came by `lane` for the sender `own`.
   * @throws {BalClientError} PROTOCOL if the bridge sent more than the window allows
   */
  take(frame: ReceivedFrame, lane: Lane, own: Outbox): void {
    switch (frame.message_type) {
      case 'DOWNSTREAM_TAKEN':
        own.taken(frame.message_ids);
        break;
      case 'DOWNSTREAM_ACK':
      case 'DOWNSTREAM_REJECT':
        this.#answer(frame as AnswerFrame, lane);
        break;
      case 'UPSTREAM':
      case 'DOWNSTREAM_RECEIPT': {
        const { sequence_id, message_id: messageId, group_id: groupId, fcm_data: data } = frame;
        const fields = { messageId, data, ...(groupId !== undefined && { groupId }) };
        if (frame.message_type === 'UPSTREAM') {
          const push = readPush(data);
          inWindow(this.inbox.take(lane, sequence_id, this.inbox.upstream, { ...fields, ...(push && { push }) }));
        } else inWindow(this.inbox.take(lane, sequence_id, this.inbox.receipts, fields));
      }
    }
  }

  /** An answer belongs to whoever waits for it; after a drop it may come by another connection of the pool. */
  #answer(frame: AnswerFrame, lane: Lane): void {
    const { sequence_id, message_id: messageId, group_id: groupId } = frame;
    const outcome = outcomeOf(frame);
    const outboxes = [...this.#outboxes];
    const known =
      outboxes.some((outbox) => outbox.settle(messageId, outcome)) ||
      outboxes.some((outbox) => outbox.wasSettled(messageId));
    if (sequence_id === undefined) return; // a refusal at the door needs no ACK
    if (known) {
      lane.ack(sequence_id);
    } else {
      const fields = { messageId, outcome, ...(groupId !== undefined && { groupId }) };
      inWindow(this.inbox.take(lane, sequence_id, this.inbox.answers, fields));
    }
  }
}

function inWindow(taken: boolean): void {
  if (!taken) throw new BalClientError('PROTOCOL', 'more frames than the window allows');
}
