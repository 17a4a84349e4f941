/** What can go wrong between a backend and the bridge. Match on the code, never on the text. */
export const clientErrors = {
  CLOSED: 'the client was closed or is logging off',
  CONNECTION_LOST: 'the connection ended, or could not be made; the client connects again',
  TIMEOUT: 'the bridge did not answer in time',
  LOGON_FAILED: 'the bridge refused the LOGON; see bridgeCode',
  BRIDGE_ERROR: 'the bridge ended the connection with an ERROR; see bridgeCode',
  PROTOCOL: 'the bridge sent what the protocol does not allow',
  INVALID_MESSAGE: 'this message can not be sent; the text names the field',
  MESSAGE_TOO_LARGE: 'this message is larger than maxFrameBytes',
  DUPLICATE_MESSAGE_ID: 'a message with this id still waits for its outcome in this process',
  ENDPOINT_REFUSED: 'the endpoint is not registered; see bridgeCode',
  REJECTED: 'the bridge refused the message without storing it; see bridgeCode and the outcome',
} as const satisfies Record<string, string>;

export type ClientErrorCode = keyof typeof clientErrors;

/** Every error that the client gives. */
export class BalClientError extends Error {
  readonly code: ClientErrorCode;
  /** The code that the bridge gave, such as AUTHENTICATION_FAILED or SHUTTING_DOWN. */
  readonly bridgeCode: string | undefined;

  constructor(code: ClientErrorCode, message: string, options: ErrorOptions & { bridgeCode?: string } = {}) {
    super(message, options);
    this.name = 'BalClientError';
    this.code = code;
    this.bridgeCode = options.bridgeCode;
  }
}
