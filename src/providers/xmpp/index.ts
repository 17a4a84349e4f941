export { type XmppOptions, xmppOptions } from './options.ts';
export { createXmppProvider, type XmppDeps } from './provider.ts';
