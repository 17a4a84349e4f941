/** What the emulator writes, in the usual forms of CCS or with them swapped. */
import {
  ackJson,
  answerStanza,
  CCS_DOMAIN,
  DRAINING_JSON,
  nackJson,
  type PayloadForm,
  upstreamStanza,
} from '../../protocols/ccs/index.ts';

const answer = (json: string, swap: boolean): string => answerStanza(json, swap ? 'gcm' : 'data:gcm');

/** @param from the `to` of the message that is answered */
export function ack(from: string, id: string, canonical: string | undefined, swap: boolean): string {
  return answer(ackJson(from, id, canonical), swap);
}

export function nack(from: string, id: string, error: string, description: string, swap: boolean): string {
  return answer(nackJson(from, id, error, description), swap);
}

/** @param broken without the comma, as the documentation has it */
export function draining(broken: boolean, swap: boolean): string {
  return answer(broken ? DRAINING_JSON.replace(',', '') : DRAINING_JSON, swap);
}

/** A message of a type that nobody knows: the app server may ignore it. [fcm.md §1.3] */
export function unknownType(id: string, swap: boolean): string {
  return answer(JSON.stringify({ message_type: 'x-emulated', from: CCS_DOMAIN, message_id: id }), swap);
}

/** An upstream message or a receipt. */
export function upstream(sender: string, json: string, swap: boolean): string {
  const form: PayloadForm = swap ? 'data:gcm' : 'gcm';
  return upstreamStanza(`${sender}@${CCS_DOMAIN}`, json, form);
}
