/** What an endpoint leads to, for good: until it ends or is revoked. Times: milliseconds since the epoch. */
export interface Registration {
  /** The secret part of the URL: at least 160 random bits in base64url. Who knows it may push. [RFC 8030 §8.3] */
  readonly token: string;
  /** Who registered it: a door or provider and its peer, as in `xmpp:romeo@example.net`. */
  readonly owner: string;
  /** What its owner calls it: under the same name and key the same endpoint is given out again. */
  readonly name: string;
  /** The name of the provider that delivers what is pushed. */
  readonly provider: string;
  /** The only key whose signature is taken: 87 characters of base64url. Absent: anybody who knows the token may push. [RFC 8292 §4] */
  readonly vapid?: string;
  /** What the provider has to know about the device: JSON text. */
  readonly data: string;
  readonly registeredAt: number;
  /** Absent: it does not end by itself. */
  readonly expiresAt?: number;
}

/** Providers of this kind lead to a session: its id follows. No configured provider has such a name. */
export const BACKEND = 'backend:';

/** In {@link Registration.data} as `fcm`: what is pushed goes to an app as data of an FCM message. */
export interface FcmTarget {
  /** The FCM token of the app. */
  readonly to: string;
  /** What the app knows the endpoint by. */
  readonly instance: string;
  /** The push is text: it goes as `body`, beside the instance under this name. [unifiedpush.md §2.5] */
  readonly text?: 'instance' | 'app';
}

/** A registration as it is asked for. The token is a proposal: a known endpoint keeps its own. */
export type NewRegistration = Registration;

/** What became of it. */
export type Registered =
  /** `replaced`: the token that the owner's endpoint of this name had before, and that is revoked now. */
  | { readonly kind: 'new' | 'known'; readonly registration: Registration; readonly replaced?: string }
  /** The owner has as many as it may have, or there are as many as the store takes. */
  | { readonly kind: 'full' };

/** `revoked`: it was one, not long ago. */
export type Found = Registration | 'revoked' | undefined;
