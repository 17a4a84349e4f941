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
