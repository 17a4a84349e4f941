import { BACKEND, type FcmTarget, type Router } from '../../core/index.ts';

/** Where what is pushed to an endpoint goes, as a registration says it. */
export interface EndpointPlace {
  readonly provider: string;
  readonly data: string;
}

/** Whose the endpoints of a session are. */
export const endpointOwner = (session: string): string => `bal:${session}`;

/** To the session itself, as upstream messages. */
export function backendEndpoint(session: string): EndpointPlace {
  return { provider: BACKEND + session, data: '{}' };
}

/** To a device that FCM reaches; the app there finds its instance by the token. */
export function fcmEndpoint(provider: string, to: string, token: string): EndpointPlace {
  const fcm: FcmTarget = { to, instance: token };
  return { provider, data: JSON.stringify({ fcm }) };
}

/** Why this provider could not bring what is pushed to `to`, in words that name the field; undefined if it could. */
export function fcmProblem(router: Pick<Router, 'inspect'>, provider: string, to: string): string | undefined {
  const push = JSON.stringify({ to, data: { b: 'eA==', i: 'x' }, priority: 'high' });
  const refusal = router.inspect(provider, { kind: 'fcm', json: push });
  return refusal && `to: ${provider} could not send what is pushed: ${refusal.because}`;
}
