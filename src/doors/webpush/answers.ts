import { HttpError, retryAfter } from '../../protocols/http/index.ts';
import type { Received } from './reception.ts';

/** The refusal that a sender gets. Senders forget an endpoint at most codes from 400 to 499: only what is final has one. */
export function refusalOf(received: Exclude<Received, { kind: 'taken' }>): HttpError {
  switch (received.kind) {
    case 'unknown':
      return new HttpError(404, 'not_found', 'there is no such endpoint');
    case 'gone':
      return new HttpError(410, 'gone', 'this endpoint is no more');
    case 'unsigned':
      return new HttpError(401, 'unauthorized', 'pushes to this endpoint must be signed', {
        'www-authenticate': 'vapid',
      });
    case 'forbidden':
      return new HttpError(403, 'forbidden', `Authorization: ${received.because}`);
    case 'limited':
      return new HttpError(429, 'too_many', 'too many pushes; try again', retryAfter(received.waitMs));
    case 'busy':
      return unavailable(received.waitMs);
  }
}

/** Nothing is taken now. */
export function unavailable(waitMs: number): HttpError {
  return new HttpError(503, 'unavailable', 'can not be stored now; try again', retryAfter(waitMs));
}

export const badRequest = (message: string): HttpError => new HttpError(400, 'bad_request', message);
