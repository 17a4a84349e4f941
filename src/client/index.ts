/** The client library for backends: `import { BalClient } from 'pushbridge/client'`. */
export type { Random } from '../lib/backoff.ts';
export type { Clock } from '../lib/clock.ts';
export type { Log } from '../lib/log.ts';
export type { Encoding, JsonObject } from '../protocols/bal/index.ts';
export { BalClient, type LogoffOptions } from './client.ts';
export type { EndpointRequest, RegisteredEndpoint } from './endpoints.ts';
export { BalClientError, type ClientErrorCode, clientErrors } from './errors.ts';
export type { Answer, Receipt, Upstream } from './inbox.ts';
export type { OutgoingMessage } from './message.ts';
export { type BalClientOptions, defaults } from './options.ts';
export type { Outcome, Sent } from './outbox.ts';
export { BalPool, type BalPoolOptions } from './pool.ts';
export type { ClientState, StateChange, StateListener } from './states.ts';
