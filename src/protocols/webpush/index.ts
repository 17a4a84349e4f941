export { type Authorization, cryptoKey, readAuthorization, type VapidCredentials } from './authorization.ts';
export * from './discovery.ts';
export { AUTH_BYTES, encryptMessage, type MessageReceiver, type OneTime } from './encryption.ts';
export { POINT_BYTES } from './point.ts';
export { type Preferences, readPrefer } from './prefer.ts';
export * from './push-headers.ts';
export { type HeaderLines, type PushRequest, readPushRequest, type TtlRules } from './push-request.ts';
export { VapidVerifier, type VapidVerifierOptions } from './vapid.ts';
export { isVapidKey } from './vapid-key.ts';
