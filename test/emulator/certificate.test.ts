import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import test from 'ava';
import { createCertificate, LOCAL_NAMES } from '../../src/emulator/certificate.ts';
import { integer, oid, time } from '../../src/emulator/der.ts';

const DAY_MS = 86_400_000;
const from = (days: number): Date => new Date(Date.now() + days * DAY_MS);
const good = { names: [...LOCAL_NAMES, 'ccs.example'], notBefore: from(-1), notAfter: from(30) };

test('OpenSSL reads it and agrees', (t) => {
  const { cert, ca } = createCertificate(good);
  const server = new X509Certificate(cert);
  const authority = new X509Certificate(ca);
  t.true(authority.ca);
  t.false(server.ca);
  t.true(server.checkIssued(authority));
  t.true(server.verify(authority.publicKey));
  t.true(authority.verify(authority.publicKey));
  t.is(server.subjectAltName, 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:ccs.example');
  t.is(Math.floor(good.notAfter.getTime() / 1000), new Date(server.validTo).getTime() / 1000);
  t.deepEqual(server.keyUsage, ['1.3.6.1.5.5.7.3.1']);
});

/** How a client that trusts the authority judges the certificate: the error code, or undefined. */
async function judge(request: typeof good, servername: string): Promise<string | undefined> {
  const { cert, key, ca } = createCertificate(request);
  const server = createServer({ cert, key }, (socket) => socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: '127.0.0.1', servername, ca });
  try {
    await once(client, 'secureConnect');
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  } finally {
    client.destroy();
    server.close();
  }
}

test('clients accept a good one and refuse bad ones for the right reason', async (t) => {
  t.is(await judge(good, 'localhost'), undefined);
  t.is(await judge(good, 'ccs.example'), undefined);
  t.is(await judge(good, 'other.example'), 'ERR_TLS_CERT_ALTNAME_INVALID');
  t.is(await judge({ ...good, notBefore: from(-3), notAfter: from(-2) }, 'localhost'), 'CERT_HAS_EXPIRED');
  t.is(await judge({ ...good, notBefore: from(2) }, 'localhost'), 'CERT_NOT_YET_VALID');
});

test('DER [X.690]', (t) => {
  t.is(oid('1.2.840.10045.4.3.2').toString('hex'), '06082a8648ce3d040302');
  t.is(integer(Buffer.of(0, 0, 0x80)).toString('hex'), '02020080');
  t.is(integer(Buffer.of(0)).toString('hex'), '020100');
  t.is(time(new Date('2049-12-31T23:59:59Z')).subarray(2).toString(), '491231235959Z');
  t.is(time(new Date('2050-01-01T00:00:00.5Z')).subarray(2).toString(), '20500101000000Z');
});
