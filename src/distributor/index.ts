export { createDistributor, type Distributor, type DistributorDeps } from './distributor.ts';
export { type InstalledFile, installedFiles, MARK } from './install.ts';
export { type DistributorOptions, distributorOptions } from './options.ts';
