export { checkWebPushFiles, type WebPushOptions, webpushOptions } from './options.ts';
export { createWebPushProvider, type WebPushDeps } from './provider.ts';
