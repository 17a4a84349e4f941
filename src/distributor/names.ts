/** Names on the bus. [unifiedpush.md §2.3, §2.4] */
export const names = {
  distributor: {
    prefix: 'org.unifiedpush.Distributor.',
    path: '/org/unifiedpush/Distributor',
    v1: 'org.unifiedpush.Distributor1',
    v2: 'org.unifiedpush.Distributor2',
  },
  connector: {
    path: '/org/unifiedpush/Connector',
    v1: 'org.unifiedpush.Connector1',
    v2: 'org.unifiedpush.Connector2',
  },
  introspectable: 'org.freedesktop.DBus.Introspectable',
  peer: 'org.freedesktop.DBus.Peer',
} as const;

/** Which of the two interfaces an app speaks: it is answered on the same one. */
export type Version = 1 | 2;

/** What a registration may hold, in bytes of UTF-8. [unifiedpush.md §2.2] */
export const limits = {
  token: 100,
  messageId: 100,
  message: 4096,
  endpoint: 1000,
  description: 100,
  /** [D-Bus specification, Valid Names] */
  service: 255,
} as const;

const SERVICE = /^[A-Za-z_-][\w-]*(?:\.[A-Za-z_-][\w-]*)+$/;
/** An uncompressed point of P-256 in base64url without padding. [RFC 8292 §3.2] */
const VAPID = /^B[\w-]{86}$/;

/** Whether `text` is a name that an app can have on the bus. */
export const isService = (text: string): boolean => SERVICE.test(text) && Buffer.byteLength(text) <= limits.service;
export const isVapid = (text: string): boolean => VAPID.test(text);
/** Whether `text` is not empty and has at most `most` bytes. */
export const fits = (text: string, most: number): boolean => text !== '' && Buffer.byteLength(text) <= most;
