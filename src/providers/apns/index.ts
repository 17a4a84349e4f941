export { apnsProblems } from './credentials.ts';
export { type ApnsOptions, apnsOptions } from './options.ts';
export { type ApnsDeps, createApnsProvider } from './provider.ts';
