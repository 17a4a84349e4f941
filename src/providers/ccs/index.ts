export { type CcsOptions, ccsOptions } from './options.ts';
export type { PoolSize } from './pool.ts';
export { type CcsDeps, type CcsProvider, createCcsProvider, type PoolState } from './provider.ts';
