export { checkFcmFiles, type FcmOptions, fcmOptions } from './options.ts';
export { createFcmProvider, type FcmDeps } from './provider.ts';
