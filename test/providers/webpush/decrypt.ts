import { createDecipheriv, createECDH, createHmac } from 'node:crypto';

/** What a user agent keeps of a subscription. */
export interface Receiver {
  /** Base64url, as the rest. */
  readonly privateKey: string;
  readonly p256dh: string;
  readonly auth: string;
}

const SALT = 16;
const HEADER = 21;
const TAG = 16;

/** [RFC 5869], for results of up to 32 bytes. */
function hkdf(salt: Buffer, secret: Buffer, info: Buffer, bytes: number): Buffer {
  const key = createHmac('sha256', salt).update(secret).digest();
  return createHmac('sha256', key).update(info).update(Buffer.of(1)).digest().subarray(0, bytes);
}

/**
 * Opens a message as a user agent does, written from the RFCs: what encrypts it is a library. [RFC 8291 §3.4, RFC 8188 §2]
 * @throws Error if it is not one record for this receiver
 */
export function decrypt(message: Buffer, { privateKey, p256dh, auth }: Receiver): Buffer {
  const salt = message.subarray(0, SALT);
  const recordSize = message.readUInt32BE(SALT);
  const sender = message.subarray(HEADER, HEADER + message.readUInt8(HEADER - 1));
  const record = message.subarray(HEADER + sender.length);
  if (record.length > recordSize) throw new Error('more than one record');
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(privateKey, 'base64url');
  const shared = ecdh.computeSecret(sender);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), Buffer.from(p256dh, 'base64url'), sender]);
  const secret = hkdf(Buffer.from(auth, 'base64url'), shared, info, 32);
  const key = hkdf(salt, secret, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
  const nonce = hkdf(salt, secret, Buffer.from('Content-Encoding: nonce\0'), 12);
  const cipher = createDecipheriv('aes-128-gcm', key, nonce);
  cipher.setAuthTag(record.subarray(-TAG));
  const padded = Buffer.concat([cipher.update(record.subarray(0, -TAG)), cipher.final()]);
  const end = padded.lastIndexOf(2);
  if (padded.subarray(end + 1).some((byte) => byte !== 0)) throw new Error('no padding of a last record');
  return padded.subarray(0, end);
}
