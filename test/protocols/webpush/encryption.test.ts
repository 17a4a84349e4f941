import { createECDH, createPrivateKey, createPublicKey } from 'node:crypto';
import { createRequire } from 'node:module';
import test from 'ava';
import { encryptMessage } from '../../../src/protocols/webpush/index.ts';
import { decrypt } from '../../providers/webpush/decrypt.ts';
import { receiver } from '../../providers/webpush/stage.ts';

const bytes = (text: string) => Buffer.from(text, 'base64url');

/** [RFC 8291 §5, appendix A] */
const VECTOR = {
  plaintext: 'V2hlbiBJIGdyb3cgdXAsIEkgd2FudCB0byBiZSBhIHdhdGVybWVsb24',
  senderPoint: 'BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8',
  senderNumber: 'yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw',
  receiverPoint: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
  auth: 'BTBZMqHH6r4Tts7J_aSIgg',
  salt: 'DGv6ra1nlYgDCS1FRnbzlw',
  message:
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
};

test('the example of RFC 8291 comes out as it stands there', (t) => {
  const sender = bytes(VECTOR.senderPoint);
  const [x, y] = [sender.toString('base64url', 1, 33), sender.toString('base64url', 33)];
  const jwk = { kty: 'EC', crv: 'P-256', x, y, d: VECTOR.senderNumber };
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  const to = { point: bytes(VECTOR.receiverPoint), auth: bytes(VECTOR.auth) };
  const once = { privateKey, publicKey: createPublicKey(privateKey), salt: bytes(VECTOR.salt) };
  t.is(encryptMessage(to, bytes(VECTOR.plaintext), once)?.toString('base64url'), VECTOR.message);
});

test('receivers can read it, from nothing to as much as fits, and no two messages are alike', (t) => {
  for (const length of [0, 1, 15, 16, 17, 3_993]) {
    const someone = receiver();
    const to = { point: bytes(someone.p256dh), auth: bytes(someone.auth) };
    const plaintext = Buffer.alloc(length, 7);
    const [one, two] = [encryptMessage(to, plaintext), encryptMessage(to, plaintext)];
    if (!one || !two) return t.fail();
    t.is(one.length, length + 103);
    t.deepEqual(decrypt(one, someone), plaintext);
    t.deepEqual(decrypt(two, someone), plaintext);
    t.notDeepEqual(one.subarray(0, 16), two.subarray(0, 16), 'salt');
    t.notDeepEqual(one.subarray(21, 86), two.subarray(21, 86), 'key');
  }
});

interface Ece {
  decrypt(message: Buffer, keys: { version: string; privateKey: unknown; authSecret: string }): Buffer;
}

test('the library that others encrypt with reads it too', (t) => {
  // It comes with web-push, which says nothing of its types.
  const require = createRequire(import.meta.resolve('web-push'));
  const ece = require('http_ece') as Ece;
  const someone = receiver();
  const message = encryptMessage({ point: bytes(someone.p256dh), auth: bytes(someone.auth) }, Buffer.from('grüße'));
  if (!message) return t.fail();
  const privateKey = createECDH('prime256v1');
  privateKey.setPrivateKey(someone.privateKey, 'base64url');
  t.is(ece.decrypt(message, { version: 'aes128gcm', privateKey, authSecret: someone.auth }).toString(), 'grüße');
});

test('what is no point of the curve is no receiver', (t) => {
  const good = bytes(receiver().p256dh);
  const auth = Buffer.alloc(16);
  const off = Buffer.from(good);
  off.writeUInt8(off.readUInt8(64) ^ 1, 64);
  const hybrid = Buffer.from(good);
  hybrid.writeUInt8(6, 0);
  for (const point of [off, hybrid, good.subarray(0, 64), Buffer.alloc(65), Buffer.of(4), Buffer.alloc(0)]) {
    t.is(encryptMessage({ point, auth }, Buffer.from('a')), undefined, point.toString('hex'));
  }
});
