import { BACKEND, type FcmTarget } from '../../core/index.ts';

/** Where what is pushed to an endpoint goes, as a registration says it. */
export interface EndpointPlace {
  readonly provider: string;
  readonly data: string;
}

/** To the session itself, as upstream messages. */
export function backendEndpoint(session: string): EndpointPlace {
  return { provider: BACKEND + session, data: '{}' };
}

/** To a device that FCM reaches; the app there finds its instance by the token. */
export function fcmEndpoint(provider: string, to: string, token: string): EndpointPlace {
  const fcm: FcmTarget = { to, instance: token };
  return { provider, data: JSON.stringify({ fcm }) };
}
