/**
 * The frames of the BAL protocol. Field names are those of the wire. `fcm_data` comes in as an object and goes out as JSON
 * text, so that the bridge never prints what it did not change.
 */

/** A JSON object as it came from the wire. Keys such as `__proto__` are plain own properties. */
export type JsonObject = { readonly [key: string]: unknown };

export const encodings = ['json', 'qt', 'protobuf'] as const;
export type Encoding = (typeof encodings)[number];

/** Frames of the backend. */
export type BackendFrame =
  | {
      readonly message_type: 'LOGON';
      readonly session_id: string;
      readonly secret?: string;
      readonly window?: number;
      readonly client?: string;
      readonly confirm?: boolean;
    }
  | {
      readonly message_type: 'DOWNSTREAM';
      readonly session_id?: string;
      /** From the root, its alias `fcm_message_id`, or `fcm_data`, which then agree. */
      readonly message_id: string;
      readonly group_id?: string;
      readonly provider?: string;
      readonly fcm_data: JsonObject;
      /** A problem that makes this one message unacceptable (INVALID_MESSAGE) and names the field. */
      readonly problem?: string;
    }
  | { readonly message_type: 'ACK'; readonly sequence_ids: readonly number[] }
  | {
      readonly message_type: 'ENDPOINT_REGISTER';
      /** The backend's own name for the endpoint. */
      readonly token: string;
      /** The only key whose signature senders may use. */
      readonly vapid?: string;
      /** An FCM token: what is pushed goes there, and not to the backend. */
      readonly to?: string;
      /** The provider that sends to `to`. */
      readonly provider?: string;
    }
  | { readonly message_type: 'ENDPOINT_UNREGISTER'; readonly token: string }
  | { readonly message_type: 'PING'; readonly data?: string }
  | { readonly message_type: 'LOGOFF' }
  /** A message type that is not in the contract: answered by NOT_SUPPORTED, the connection stays. */
  | { readonly message_type: 'UNKNOWN'; readonly name: string };

/** Frames of the bridge, ready to be encoded. */
export type BridgeFrame =
  | {
      readonly message_type: 'LOGON_RESPONSE';
      readonly session_id: string;
      readonly status: 'SUCCESS' | 'FAILURE';
      readonly error?: string;
      readonly error_string?: string;
      readonly window?: number;
      readonly server?: string;
    }
  | { readonly message_type: 'DOWNSTREAM_TAKEN'; readonly message_ids: readonly string[] }
  | {
      readonly message_type: 'UPSTREAM' | 'DOWNSTREAM_ACK' | 'DOWNSTREAM_RECEIPT';
      readonly sequence_id: number;
      readonly session_id: string;
      readonly message_id: string;
      readonly group_id?: string;
      /** A JSON object, as text. */
      readonly fcm_data: string;
    }
  | {
      readonly message_type: 'DOWNSTREAM_REJECT';
      /** Absent when refused at the door: such a frame needs no ACK. */
      readonly sequence_id?: number;
      readonly session_id: string;
      readonly message_id: string;
      readonly group_id?: string;
      readonly error: string;
      /** Sent as `error_description` too, which GIMMM's library reads. */
      readonly error_string: string;
      readonly taken: boolean;
      readonly fcm_data: string;
    }
  | {
      readonly message_type: 'ENDPOINT_REGISTERED';
      readonly token: string;
      /** Where to post. */
      readonly endpoint: string;
      /** Until when, in ISO 8601; absent: it does not end by itself. */
      readonly expiration?: string;
    }
  /** There is no such endpoint any more, or with an error: there will be none. */
  | {
      readonly message_type: 'ENDPOINT_UNREGISTERED';
      readonly token: string;
      readonly error?: string;
      readonly error_string?: string;
    }
  | { readonly message_type: 'PONG'; readonly data?: string }
  | { readonly message_type: 'ERROR'; readonly error: string; readonly error_string: string };

/** The frames that a backend sends on purpose. */
export type SentFrame = Exclude<BackendFrame, { message_type: 'UNKNOWN' }>;

type WithObject<F> = F extends { fcm_data: string } ? Omit<F, 'fcm_data'> & { readonly fcm_data: JsonObject } : F;

/** Frames of the bridge as a backend reads them: `fcm_data` is an object. */
export type ReceivedFrame =
  | WithObject<BridgeFrame>
  /** A message type that this version does not know: to be ignored. */
  | { readonly message_type: 'UNKNOWN'; readonly name: string };

/**
 * The error codes that the bridge itself gives. Codes of the provider are passed on beside these. `closes` says whether
 * the connection closes behind the frame; the README's table is held against this one by a test.
 */
export const errorCodes = {
  INVALID_MESSAGE: {
    frame: 'REJECT',
    closes: false,
    meaning: 'the message is not acceptable; the text names the field',
  },
  PAYLOAD_TOO_LARGE: { frame: 'REJECT', closes: false, meaning: 'more payload than the provider takes' },
  DUPLICATE_MESSAGE_ID: { frame: 'REJECT', closes: false, meaning: 'the id is taken by a message with other content' },
  NO_PROVIDER: { frame: 'REJECT', closes: false, meaning: 'the session may not use this provider, or there is none' },
  EXPIRED: { frame: 'REJECT', closes: false, meaning: 'the TTL ran out; the text gives the last reason for waiting' },
  INVALID_ENDPOINT: {
    frame: 'ENDPOINT_UNREGISTERED',
    closes: false,
    meaning: 'the endpoint can not be registered as asked for; the text names the field',
  },
  TOO_MANY_ENDPOINTS: {
    frame: 'ENDPOINT_UNREGISTERED',
    closes: false,
    meaning: 'the session has as many endpoints as it may have',
  },
  AUTHENTICATION_FAILED: { frame: 'LOGON_RESPONSE', closes: true, meaning: 'unknown session or wrong secret' },
  LOGON_TIMEOUT: { frame: 'ERROR', closes: true, meaning: 'no LOGON within logon_timeout' },
  LOGON_EXPECTED: { frame: 'ERROR', closes: true, meaning: 'the first frame must be LOGON' },
  ALREADY_LOGGED_ON: { frame: 'ERROR', closes: true, meaning: 'a second LOGON on one connection' },
  FRAME_TOO_LARGE: { frame: 'ERROR', closes: true, meaning: 'a frame of 0 bytes or of more than max_frame_bytes' },
  INVALID_FRAME: {
    frame: 'ERROR',
    closes: true,
    meaning: 'a frame that can not be read, or that is not complete after frame_timeout',
  },
  UNKNOWN_SEQUENCE: { frame: 'ERROR', closes: false, meaning: 'an ACK for a sequence_id that was never issued' },
  NOT_SUPPORTED: { frame: 'ERROR', closes: false, meaning: 'a message_type that the bridge does not know' },
  IDLE_TIMEOUT: { frame: 'ERROR', closes: true, meaning: 'nothing was received for idle_timeout' },
  SLOW_CONSUMER: {
    frame: 'ERROR',
    closes: true,
    meaning: 'frames not read within write_timeout, or a full window not acknowledged within ack_timeout',
  },
  SHUTTING_DOWN: { frame: 'ERROR', closes: true, meaning: 'the bridge stops, or has no room for another connection' },
} as const satisfies Record<
  string,
  { frame: 'REJECT' | 'LOGON_RESPONSE' | 'ENDPOINT_UNREGISTERED' | 'ERROR'; closes: boolean; meaning: string }
>;

export type ErrorCode = keyof typeof errorCodes;

/** A frame that ends the connection: the peer is told `code` and `message`. */
export class BalError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BalError';
    this.code = code;
  }
}
