import type { BridgeFrame, JsonObject, SentFrame } from '../../../src/protocols/bal/index.ts';
import { type Arbitrary, fc, jsonObject, wholeText } from '../../properties.ts';

const name = wholeText().filter((text) => text !== '');
const sequence = fc.oneof(fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.constantFrom(1, 2 ** 31 - 1));

const token = name.filter((text) => Buffer.byteLength(text) <= 100);

/** Fields of which any may be absent. */
const optional = <T extends object>(fields: { [K in keyof T]: Arbitrary<T[K]> }) =>
  fc.record(fields, { requiredKeys: [] }) as Arbitrary<Partial<T>>;

/** What a backend may send: no field that the bridge keeps for itself. */
const data: Arbitrary<JsonObject> = jsonObject(4).map((object) => {
  for (const field of ['message_type', 'from', 'registration_ids', 'message_id']) delete object[field];
  return object;
});

/** Frames of a backend as they come out of the decoder: what is absent is absent. */
export const sentFrame: Arbitrary<SentFrame> = fc.oneof(
  fc
    .tuple(
      name,
      optional({ secret: name, client: name, window: fc.integer({ min: 1, max: 1_000 }), confirm: fc.constant(true) }),
    )
    .map(([session_id, more]) => ({ message_type: 'LOGON' as const, session_id, ...more })),
  fc
    .tuple(name, data, optional({ session_id: name, group_id: name, provider: name }))
    .map(([message_id, fcm_data, more]) => ({ message_type: 'DOWNSTREAM' as const, message_id, fcm_data, ...more })),
  fc
    .array(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { minLength: 1, maxLength: 50 })
    .map((sequence_ids) => ({ message_type: 'ACK' as const, sequence_ids })),
  optional({ data: name }).map((more) => ({ message_type: 'PING' as const, ...more })),
  fc.constant({ message_type: 'LOGOFF' as const }),
  fc
    .tuple(token, optional({ vapid: name, to: name, provider: name }))
    .map(([own, more]) => ({ message_type: 'ENDPOINT_REGISTER' as const, token: own, ...more })),
  token.map((own) => ({ message_type: 'ENDPOINT_UNREGISTER' as const, token: own })),
);

/** Frames of the bridge; `fcm_data` is the text of an object. */
export const bridgeFrame: Arbitrary<BridgeFrame> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('UPSTREAM' as const, 'DOWNSTREAM_ACK' as const, 'DOWNSTREAM_RECEIPT' as const),
      sequence,
      name,
      name,
      jsonObject(4),
      optional({ group_id: name }),
    )
    .map(([message_type, sequence_id, session_id, message_id, object, more]) => {
      return { message_type, sequence_id, session_id, message_id, fcm_data: JSON.stringify(object), ...more };
    }),
  fc
    .tuple(
      name,
      name,
      name,
      wholeText(),
      fc.boolean(),
      jsonObject(4),
      optional({ group_id: name, sequence_id: sequence }),
    )
    .map(([session_id, message_id, error, error_string, taken, object, more]) => {
      const fcm_data = JSON.stringify(object);
      return {
        message_type: 'DOWNSTREAM_REJECT' as const,
        session_id,
        message_id,
        error,
        error_string,
        taken,
        fcm_data,
        ...more,
      };
    }),
  fc.array(name, { maxLength: 20 }).map((message_ids) => ({ message_type: 'DOWNSTREAM_TAKEN' as const, message_ids })),
  fc
    .tuple(
      name,
      fc.constantFrom('SUCCESS' as const, 'FAILURE' as const),
      optional({ error: name, error_string: name, window: sequence, server: name }),
    )
    .map(([session_id, status, more]) => ({ message_type: 'LOGON_RESPONSE' as const, session_id, status, ...more })),
  optional({ data: name }).map((more) => ({ message_type: 'PONG' as const, ...more })),
  fc
    .tuple(token, name, optional({ expiration: name }))
    .map(([own, endpoint, more]) => ({ message_type: 'ENDPOINT_REGISTERED' as const, token: own, endpoint, ...more })),
  fc
    .tuple(token, optional({ error: name, error_string: name }))
    .map(([own, more]) => ({ message_type: 'ENDPOINT_UNREGISTERED' as const, token: own, ...more })),
  fc.tuple(name, wholeText()).map(([error, error_string]) => ({ message_type: 'ERROR' as const, error, error_string })),
);
