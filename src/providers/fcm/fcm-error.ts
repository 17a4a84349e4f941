type JsonObject = Readonly<Record<string, unknown>>;

/** What an answer other than 200 says, as far as it can be read. [fcm.md §3.3] */
export interface FcmError {
  /** The code of FCM itself; undefined if the error is not FCM's but that of something before it. */
  readonly code: string | undefined;
  readonly message: string;
  /** Fields of the request that something is wrong with. */
  readonly fields: readonly { readonly field: string; readonly description: string }[];
  /** Quotas that are used up: whose they are, as `device:…`, and in words. */
  readonly quotas: readonly QuotaViolation[];
}

export interface QuotaViolation {
  readonly subject: string;
  readonly description: string;
}

/** Words of a service that are kept, in UTF-16 code units. */
const MESSAGE_MAX_CHARS = 300;

/** Reads the body of an answer. What is no JSON, such as the page of a proxy, says nothing. */
export function readFcmError(body: string): FcmError {
  const error = objectIn(parse(body), 'error') ?? {};
  const details = listIn(error, 'details');
  const of = (type: string) => details.filter((detail) => textIn(detail, '@type').endsWith(type));
  const code = of('google.firebase.fcm.v1.FcmError').map((detail) => textIn(detail, 'errorCode'))[0];
  return {
    code: code === '' ? undefined : code,
    message: textIn(error, 'message').slice(0, MESSAGE_MAX_CHARS),
    fields: of('google.rpc.BadRequest')
      .flatMap((detail) => listIn(detail, 'fieldViolations'))
      .map((violation) => ({
        field: textIn(violation, 'field'),
        description: textIn(violation, 'description').slice(0, MESSAGE_MAX_CHARS),
      })),
    quotas: of('google.rpc.QuotaFailure')
      .flatMap((detail) => listIn(detail, 'violations'))
      .map((violation) => ({
        subject: textIn(violation, 'subject').slice(0, MESSAGE_MAX_CHARS),
        description: textIn(violation, 'description').slice(0, MESSAGE_MAX_CHARS),
      })),
  };
}

/** `name` of an accepted message; undefined if the answer can not be read. */
export function readName(body: string): string | undefined {
  const name = textIn(parse(body) ?? {}, 'name');
  return name === '' ? undefined : name;
}

function parse(body: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function objectIn(object: JsonObject | undefined, name: string): JsonObject | undefined {
  const value = object?.[name];
  return isObject(value) ? value : undefined;
}

function listIn(object: JsonObject, name: string): readonly JsonObject[] {
  const value = object[name];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function textIn(object: JsonObject, name: string): string {
  const value = object[name];
  return typeof value === 'string' ? value : '';
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
