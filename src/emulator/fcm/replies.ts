import type { Answer, Reply } from '../http2/service.ts';
import type { nackCodes } from '../magic.ts';
import type { FcmErrorCode } from './codes.ts';

/** Where in the body something is wrong, and what. */
export interface Violation {
  /** `message.android.ttl`; empty where no field can be named. */
  readonly field: string;
  readonly description: string;
}

/** An error of FCM, before its details. */
interface ErrorRow {
  readonly http: number;
  readonly status: string;
  readonly message: string;
}

type Refusal = Pick<Answer, 'reply' | 'code' | 'fault'>;

const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' };
const TYPE = 'type.googleapis.com/google';

/** [fcm.md §3.3]; the status of UNSPECIFIED_ERROR is not known. */
const ERRORS: Readonly<Record<FcmErrorCode, ErrorRow>> = {
  UNSPECIFIED_ERROR: { http: 500, status: 'UNKNOWN', message: 'Unknown error.' },
  INVALID_ARGUMENT: { http: 400, status: 'INVALID_ARGUMENT', message: 'Request contains an invalid argument.' },
  UNREGISTERED: { http: 404, status: 'NOT_FOUND', message: 'Requested entity was not found.' },
  SENDER_ID_MISMATCH: { http: 403, status: 'PERMISSION_DENIED', message: 'SenderId mismatch' },
  QUOTA_EXCEEDED: { http: 429, status: 'RESOURCE_EXHAUSTED', message: 'Quota exceeded.' },
  UNAVAILABLE: { http: 503, status: 'UNAVAILABLE', message: 'The service is currently unavailable.' },
  INTERNAL: { http: 500, status: 'INTERNAL', message: 'Internal error encountered.' },
  THIRD_PARTY_AUTH_ERROR: {
    http: 401,
    status: 'UNAUTHENTICATED',
    message: 'Auth error from APNS or Web Push Service',
  },
};

const json = (status: number, value: unknown, headers = {}): Reply => ({
  status,
  headers: { ...JSON_TYPE, ...headers },
  body: JSON.stringify(value),
});

function errorReply({ http, status, message }: ErrorRow, details: readonly object[], headers = {}): Reply {
  const error = { code: http, message, status, ...(details.length > 0 && { details }) };
  return json(http, { error }, headers);
}

const fcmError = (errorCode: FcmErrorCode) => ({ '@type': `${TYPE}.firebase.fcm.v1.FcmError`, errorCode });
const badRequest = (fieldViolations: readonly Partial<Violation>[]) => ({
  '@type': `${TYPE}.rpc.BadRequest`,
  fieldViolations,
});
const quotaFailure = (subject: string) => ({
  '@type': `${TYPE}.rpc.QuotaFailure`,
  violations: [{ subject, description: 'Message rate exceeded.' }],
});

/** The error of a code, with whatever belongs into its details. */
export function refused(code: FcmErrorCode, details: readonly object[] = []): Refusal {
  return { reply: errorReply(ERRORS[code], [fcmError(code), ...details]), code };
}

/** What is well formed and still not right. */
export function invalid({ field, description }: Violation): Refusal {
  const row = { ...ERRORS.INVALID_ARGUMENT, message: description };
  const details = [fcmError('INVALID_ARGUMENT'), badRequest([{ field, description }])];
  return { reply: errorReply(row, details), code: 'INVALID_ARGUMENT' };
}

/** What does not fit the message's form is refused before FCM sees it: there is no FcmError. */
export function misshapen({ field, description }: Violation): Refusal {
  const row = { ...ERRORS.INVALID_ARGUMENT, message: description };
  const violation = field === '' ? { description } : { field, description };
  return { reply: errorReply(row, [badRequest([violation])]), code: 'INVALID_ARGUMENT' };
}

/** A payload beyond the limit comes without any details. [fcm.md §3.3] */
export function tooBig(): Refusal {
  const row = { ...ERRORS.INVALID_ARGUMENT, message: 'Message is too big.' };
  return { reply: errorReply(row, []), code: 'INVALID_ARGUMENT' };
}

/** The quota of the project is used up. */
export const overQuota = (project: string): Refusal => refused('QUOTA_EXCEEDED', [quotaFailure(`project:${project}`)]);

/** The access token is missing, wrong or too old: there is no FcmError. */
export function unauthenticated(): Refusal {
  const row = {
    http: 401,
    status: 'UNAUTHENTICATED',
    message: 'Request had invalid authentication credentials. Expected an OAuth 2 access token.',
  };
  const headers = { 'www-authenticate': 'Bearer realm="https://accounts.google.com/", error="invalid_token"' };
  return { reply: errorReply(row, [], headers), code: row.status };
}

/** Another project than the service account's: there is no FcmError. */
export function forbidden(project: string): Refusal {
  const message = `Permission 'cloudmessaging.messages.create' denied on resource '//cloudresourcemanager.googleapis.com/projects/${project}' (or it may not exist).`;
  return { reply: errorReply({ http: 403, status: 'PERMISSION_DENIED', message }, []), code: 'PERMISSION_DENIED' };
}

/** [fcm.md §3.2] */
export const accepted = (project: string, id: string): Reply => ({
  status: 200,
  headers: JSON_TYPE,
  body: `{\n  "name": "projects/${project}/messages/${id}"\n}\n`,
});

/** An answer of the token endpoint. [RFC 6749 §5] */
export const oauthReply = (status: number, value: object): Reply =>
  json(status, value, { 'cache-control': 'no-store' });

/** Whom a message is for. */
export interface FcmTarget {
  readonly kind: 'token' | 'topic' | 'condition' | 'fid';
  readonly name: string;
}

type Nack = (typeof nackCodes)[number];
const field = (name: string) => (): Refusal => invalid({ field: name, description: 'emulated' });
const quota = (kind: string) => (target: FcmTarget) =>
  refused('QUOTA_EXCEEDED', [quotaFailure(`${kind}:${target.name}`)]);
const goaway = (): Refusal => ({ ...refused('UNAVAILABLE'), fault: 'goaway' });

/** The v1 answer that stands for a nack of CCS. [fcm.md §3.6], read from right to left */
const LEGACY: Readonly<Record<Nack, (target: FcmTarget, project: string) => Refusal>> = {
  AUTHENTICATION_FAILED: () => refused('THIRD_PARTY_AUTH_ERROR'),
  BAD_ACK: field('message'),
  BAD_REGISTRATION: field('message.token'),
  CONNECTION_DRAINING: goaway,
  DEVICE_MESSAGE_RATE_EXCEEDED: quota('device'),
  DEVICE_UNREGISTERED: () => refused('UNREGISTERED'),
  INTERNAL_SERVER_ERROR: () => refused('INTERNAL'),
  INVALID_APNS_CREDENTIAL: () => refused('THIRD_PARTY_AUTH_ERROR'),
  INVALID_JSON: field('message'),
  INVALID_TTL: field('message.android.ttl'),
  JSON_TYPE_ERROR: field('message.data'),
  // The name is also one of v1, and means the project there.
  QUOTA_EXCEEDED: (_, project) => overQuota(project),
  SERVICE_UNAVAILABLE: () => refused('UNAVAILABLE'),
  TOPICS_MESSAGE_RATE_EXCEEDED: quota('topic'),
};

/** The answer that a code asks for, be it one of v1 or one of CCS. */
export function refusalFor(code: string, target: FcmTarget, project: string): Refusal {
  if (Object.hasOwn(LEGACY, code)) return LEGACY[code as Nack](target, project);
  return refused(Object.hasOwn(ERRORS, code) ? (code as FcmErrorCode) : 'UNSPECIFIED_ERROR');
}
