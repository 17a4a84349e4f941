export { createMetrics, type Metrics } from './metrics.ts';
export { type AdminOptions, adminOptions } from './options.ts';
export type { Pool, PoolSettings, PoolState, Pools } from './pool-routes.ts';
export { type Admin, type AdminDeps, createAdmin, type Part } from './server.ts';
