import {
  createCipheriv,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { keyOfPoint, pointOfKey } from './point.ts';

/** What only a receiver and its application server know. [RFC 8291 §3.2] */
export const AUTH_BYTES = 16;
const SALT_BYTES = 16;
const KEY_BYTES = 16;
const NONCE_BYTES = 12;
const SECRET_BYTES = 32;
/** What our one record has at most, as its header says: that of a message that every push service takes. [RFC 8291 §4] */
const RECORD_SIZE = 4_096;
/** Size of a record and length of the key's id, which follow the salt in the header. [RFC 8188 §2.1] */
const SIZES_BYTES = 5;
/** Ends the plaintext of the last record. [RFC 8188 §2] */
const LAST_RECORD = Buffer.of(2);

const KEY_INFO = Buffer.from('Content-Encoding: aes128gcm\0');
const NONCE_INFO = Buffer.from('Content-Encoding: nonce\0');
const SECRET_INFO = Buffer.from('WebPush: info\0');

/** Whom a message is for: what a subscription says. */
export interface MessageReceiver {
  /** `p256dh`, a point of P-256. */
  readonly point: Buffer;
  /** {@link AUTH_BYTES} bytes. */
  readonly auth: Uint8Array;
}

/** What is made anew for each message, and forgotten with it. */
export interface OneTime {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** 16 bytes. */
  readonly salt: Uint8Array;
}

const oneTime = (): OneTime => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  salt: randomBytes(SALT_BYTES),
});

/**
 * Encrypts a message, which then has 103 bytes more, as one record of `aes128gcm` without padding. [RFC 8291 §3.4, RFC 8188]
 * @param plaintext up to 3,993 bytes, if every push service is to take it
 * @param once only tests know it beforehand
 * @returns undefined if the receiver's point is none of P-256
 */
export function encryptMessage(
  { point, auth }: MessageReceiver,
  plaintext: Uint8Array,
  { privateKey, publicKey, salt }: OneTime = oneTime(),
): Buffer | undefined {
  const receiver = keyOfPoint(point);
  if (!receiver) return undefined;
  const sender = pointOfKey(publicKey);
  const shared = diffieHellman({ privateKey, publicKey: receiver });
  const secret = derive(shared, auth, Buffer.concat([SECRET_INFO, point, sender]), SECRET_BYTES);
  const key = createSecretKey(derive(secret, salt, KEY_INFO, KEY_BYTES));
  const cipher = createCipheriv('aes-128-gcm', key, derive(secret, salt, NONCE_INFO, NONCE_BYTES));
  const sizes = Buffer.allocUnsafe(SIZES_BYTES);
  sizes.writeUInt32BE(RECORD_SIZE);
  sizes.writeUInt8(sender.length, SIZES_BYTES - 1);
  const record = [cipher.update(plaintext), cipher.update(LAST_RECORD), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat([salt, sizes, sender, ...record]);
}

/** HKDF with SHA-256. [RFC 5869] */
function derive(secret: Buffer, salt: Uint8Array, info: Buffer, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', createSecretKey(secret), salt, info, bytes));
}
