/**
 * A push service that answers everything with 201: TLS and HTTP/1.1 on raw sockets, so that the machine is left to whoever is
 * measured. What is not signed and encrypted gets 400.
 */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { createCertificate, LOCAL_NAMES } from '../../src/emulator/index.ts';

export interface PushServiceOptions {
  /** Where to write the authority that signs the certificate, PEM. */
  readonly ca_file: string;
  /** Where to write a key to sign messages with, PEM. */
  readonly key_file: string;
}

const DAY_MS = 86_400_000;
const HEAD_END = '\r\n\r\n';
/** What encryption adds to a message. [RFC 8291 §4] */
const OVERHEAD_BYTES = 103;
const CREATED = 'HTTP/1.1 201 Created\r\nlocation: https://localhost/message/1\r\nttl: 60\r\ncontent-length: 0\r\n\r\n';
const REFUSED = 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n';

/** @returns the port */
export async function startPushService({ ca_file, key_file }: PushServiceOptions): Promise<number> {
  const now = Date.now();
  const validity = { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + DAY_MS) };
  const { cert, key, ca } = createCertificate({ names: LOCAL_NAMES, ...validity });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(ca_file, ca);
  writeFileSync(key_file, privateKey.export({ type: 'sec1', format: 'pem' }));
  const server = createServer({ cert, key, noDelay: true }, answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

function answer(socket: TLSSocket): void {
  let text = '';
  socket.on('error', () => {});
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf(HEAD_END); end >= 0; end = text.indexOf(HEAD_END)) {
      const head = text.slice(0, end).toLowerCase();
      const bytes = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1]);
      const next = end + HEAD_END.length + bytes;
      if (text.length < next) return;
      text = text.slice(next);
      const signed = head.includes('\r\nauthorization: vapid t=');
      const encrypted = head.includes('\r\ncontent-encoding: aes128gcm') && bytes >= OVERHEAD_BYTES;
      socket.write(signed && encrypted && head.includes('\r\nttl: ') ? CREATED : REFUSED);
    }
  });
}
