export { WebPushDoor, type WebPushDoorDeps } from './door.ts';
export { type Destination, readEndpointUrl } from './endpoint-url.ts';
export { type Forward, type ForwardDeps, type Forwarded, forwardOver } from './forward.ts';
export { type WebPushOptions, webpushOptions } from './options.ts';
