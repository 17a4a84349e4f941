export { endpointOwner } from './endpoint-places.ts';
export type { ServedSession } from './logon.ts';
export { type BalOptions, balOptions, type SessionOptions, sessionOptions } from './options.ts';
export { BalDoor, type BalDoorOptions } from './server.ts';
