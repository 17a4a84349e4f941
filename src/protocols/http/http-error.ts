/** An answer that is a refusal: `{ "error": code, "message": … }`. */
export class HttpError extends Error {
  readonly status: number;
  /** Short and fixed, to be compared with. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** The header that says when to try again. Whole seconds, at least one. [RFC 9110 §10.2.3] */
export function retryAfter(ms: number): Readonly<Record<string, string>> {
  return { 'retry-after': String(Math.max(1, Math.ceil(ms / 1_000))) };
}
