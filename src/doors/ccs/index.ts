export type { ConnectionFacts } from './connection.ts';
export { type CcsDoorOptions, ccsDoorOptions, type SenderOptions, senderOptions } from './options.ts';
export { sessionOf } from './sender.ts';
export { CcsDoor } from './server.ts';
