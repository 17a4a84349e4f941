import test from 'ava';
import { createApp } from '../src/app.ts';
import { loadConfig } from '../src/config/index.ts';
import { silentLog } from '../src/lib/log.ts';
import { cert, key } from './client/tls-fixture.ts';
import { folder } from './doors/app/tokens.ts';

/** A file may change between the check of a configuration and the start: that says the same words, and whose they are. */
const rows: readonly (readonly [option: string, config: (file: string, good: Record<string, string>) => object])[] = [
  ['bal.tls.cert', (file, { own }) => ({ bal: { port: 0, tls: { cert: file, key: own } } })],
  [
    'bal.tls.client_ca',
    (file, { chain, own }) => ({ bal: { port: 0, tls: { cert: chain, key: own, client_ca: file } } }),
  ],
  [
    'doors.ccs.tls.cert',
    (file, { own }) => ({
      doors: { ccs: { port: 0, tls: { cert: file, key: own }, senders: [{ id: '1', key: 'any', provider: 'main' }] } },
    }),
  ],
  [
    'http.tls.cert',
    (file, { own }) => ({
      http: { port: 0, tls: { cert: file, key: own } },
      doors: { app: { applications: [{ id: 'com.example.app', key: 'k'.repeat(32) }] } },
    }),
  ],
  [
    'providers.main.ca',
    (file) => ({ providers: { main: { type: 'ccs', sender_id: '1', server_key: 'k', ca: file } } }),
  ],
];

for (const [option, section] of rows) {
  test(`a start without a readable certificate in ${option}`, async (t) => {
    const write = folder(t);
    const good = { chain: write('cert.pem', cert), own: write('key.pem', key) };
    const text = JSON.stringify({
      store: { url: 'memory:' },
      admin: { port: 0 },
      bal: { port: 0 },
      sessions: [{ id: 'com.example.app' }],
      providers: { main: { type: 'ccs', host: '127.0.0.1', port: 1, sender_id: '1', server_key: 'k' } },
      ...section(write('junk.pem', 'junk'), good),
    });
    const start = async () => {
      const app = await createApp(loadConfig({ text }), { log: silentLog });
      await app.start().finally(() => app.stop(0));
    };
    await t.throwsAsync(start(), { message: `${option}: has no readable certificate in PEM` });
  });
}
