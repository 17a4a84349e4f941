import { createDecipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto';

/** [RFC 8188 §2.1, RFC 8291 §4] salt, record size, length of the key id, and that: the sender's public key. */
const SALT_BYTES = 16;
const KEY_AT = 21;
const KEY_BYTES = 65;
const TAG_BYTES = 16;
/** [RFC 8188 §2] What ends the last record; zeros may follow. */
const LAST_RECORD = 2;

/** The receiving end of encrypted pushes: what a browser or an app keeps for each endpoint. [RFC 8291] */
export class Subscription {
  /** What the application server is told, base64url. */
  readonly keys: { readonly p256dh: string; readonly auth: string };
  readonly #ecdh = createECDH('prime256v1');
  readonly #auth = randomBytes(16);
  readonly #publicKey: Buffer;

  constructor() {
    this.#publicKey = this.#ecdh.generateKeys();
    this.keys = { p256dh: this.#publicKey.toString('base64url'), auth: this.#auth.toString('base64url') };
  }

  /**
   * The text of a push.
   * @throws Error if it was not encrypted for this subscription, or has been altered
   */
  decrypt(body: Buffer): string {
    const salt = body.subarray(0, SALT_BYTES);
    const sender = body.subarray(KEY_AT, KEY_AT + KEY_BYTES);
    const record = body.subarray(KEY_AT + KEY_BYTES);
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), this.#publicKey, sender]);
    const secret = derive(this.#ecdh.computeSecret(sender), this.#auth, info, 32);
    const key = derive(secret, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
    const nonce = derive(secret, salt, Buffer.from('Content-Encoding: nonce\0'), 12);
    const cipher = createDecipheriv('aes-128-gcm', key, nonce);
    cipher.setAuthTag(record.subarray(-TAG_BYTES));
    const padded = Buffer.concat([cipher.update(record.subarray(0, -TAG_BYTES)), cipher.final()]);
    return padded.subarray(0, padded.lastIndexOf(LAST_RECORD)).toString();
  }
}

/** [RFC 5869] */
function derive(secret: Buffer, salt: Buffer, info: Buffer, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, bytes));
}
