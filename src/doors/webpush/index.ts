export { WebPushDoor, type WebPushDoorDeps } from './door.ts';
export { type Destination, readEndpointUrl } from './endpoint-url.ts';
export type { Forward, Forwarded } from './forward.ts';
export { type WebPushOptions, webpushOptions } from './options.ts';
