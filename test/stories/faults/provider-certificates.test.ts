import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createCertificate, LOCAL_NAMES } from '../../../src/emulator/certificate.ts';
import { ManualClock } from '../../../src/lib/clock.ts';
import type { Facts, Log } from '../../../src/lib/log.ts';
import { goodCertificate, scriptedServer } from '../../providers/ccs/scripted-server.ts';
import { begin, passUntil, until } from './books.ts';
import { Forwarder } from './forwarder.ts';

const HOUR = 3_600_000;
const from = (hours: number): Date => new Date(Date.now() + hours * HOUR);
const good = { names: LOCAL_NAMES, notBefore: from(-1), notAfter: from(24) };

const cases = {
  'an authority that we do not know': { ...good, known: false, because: /UNABLE_TO_VERIFY_LEAF_SIGNATURE/ },
  'a certificate that has expired': { ...good, notAfter: from(-0.5), because: /expired.*CERT_HAS_EXPIRED/ },
  'a certificate that is not valid yet': { ...good, notBefore: from(1), because: /CERT_NOT_YET_VALID/ },
  "another host's certificate": { ...good, names: ['gcm.googleapis.com'], because: /altnames.*CERT_ALTNAME_INVALID/ },
} as const;

for (const [what, { because, ...request }] of Object.entries(cases)) {
  test(`[promise 1, 3] ${what}: named in log, metrics and health, not a word is said, pauses grow, all flows when it is right`, async (t) => {
    const bad = createCertificate(request);
    const folder = mkdtempSync(join(tmpdir(), 'ca-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, 'known' in request ? goodCertificate.ca : goodCertificate.ca + bad.ca);
    await using server = await scriptedServer({ message: (peer, m) => peer.ack(m) }, bad);
    const path = await Forwarder.start(() => server.port);
    t.teardown(() => path.stop());
    const clock = new ManualClock(Date.now());
    const lines: { event: string; facts?: Facts | undefined }[] = [];
    const put = (event: string, facts?: Facts) => void lines.push({ event, facts });
    const log: Log = { error: put, warn: () => {}, info: () => {}, debug: () => {}, child: () => log };
    const { story, books } = await begin(t, {
      ccs: { host: 'localhost', port: path.port, ca, ping_interval: '10h' },
      surroundings: { clock, random: () => 0.999_999, log },
    });
    books.send(150);
    await until(() => books.taken === 150, 'the bridge takes all');
    const refused = () => story.metric('pushbridge_provider_events_total{provider="ccs",event="bad_certificate"}');
    for (let n = 1; n <= 4; n++) {
      await until(async () => (await refused()) === n, `try ${n}`);
      await clock.advance(1_000 * 2 ** (n - 1) * 0.9);
      t.is((await story.pool()).connecting, 0, 'the pauses grow');
      await clock.advance(1_000 * 2 ** (n - 1) * 0.2);
    }
    await until(async () => (await refused()) === 5, 'the fifth try');
    t.deepEqual(
      lines.map(({ event, facts }) => [event, facts?.fault]),
      [['certificate refused', 'certificate']],
      'told once',
    );
    t.regex(String(lines[0]?.facts?.because), because);
    const ready = await story.admin('/readyz');
    t.is(ready.status, 200);
    t.regex(await ready.text(), because);
    // [RFC 8446 §5.1] nothing but TLS: handshakes and alerts; and nothing came through TLS.
    t.true(path.firsts.length >= 5 && path.firsts.every((bytes) => bytes[0] === 0x16));
    t.deepEqual(server.peers.map(({ text }) => text).join(''), '');
    server.certify(goodCertificate);
    const pool = () => story.pool();
    await passUntil(clock, pool, async () => (await pool()).open === 1, 'it is let in');
    await books.check(t);
    t.is(await refused(), 5);
    await server[Symbol.asyncDispose]();
  });
}
