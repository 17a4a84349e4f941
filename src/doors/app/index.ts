export { AppDoor, type AppDoorOptions } from './door.ts';
export { keyProblem } from './gatekeeper.ts';
export { type AppOptions, appOptions } from './options.ts';
export { readTokenKeys } from './token-keys.ts';
