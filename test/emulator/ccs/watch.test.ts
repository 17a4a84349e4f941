import test from 'ava';
import { createCertificate, createEmulator, LOCAL_NAMES } from '../../../src/emulator/index.ts';
import { RawClient, until } from './raw-client.ts';

const DAY_MS = 86_400_000;

test('a watcher is told in order: repeats, codes, and each ack of an upstream message once', async (t) => {
  const told: unknown[][] = [];
  const emulator = createEmulator(
    { port: 0, keepalive: 0 },
    {
      watch: {
        received: (id, json) => told.push(['received', id, JSON.parse(json).data]),
        answered: (id, code) => told.push(['answered', id, code]),
        upstreamSent: (from, id) => told.push(['sent', from, id]),
        upstreamAcked: (from, id) => told.push(['acked', from, id]),
      },
    },
  );
  await emulator.start();
  const client = new RawClient(emulator);
  t.teardown(() => client.socket.destroy() && emulator.stop());
  await client.login();
  client.send({ to: 'd', message_id: '1', data: { n: 'a' } });
  client.send({ to: 'BAD_REGISTRATION:1', message_id: '2', data: { n: 'b' } });
  client.send({ to: 'd', message_id: '1', data: { n: 'a' } });
  await client.jsons(3);
  emulator.control.upstream({ from: 'device', message_id: 'u' });
  const message = await client.json();
  client.ack(message);
  client.ack(message);
  client.send({ to: 'd', message_id: '3' });
  await client.json();
  await until(() => told.length >= 10);
  t.deepEqual(told, [
    ['received', '1', { n: 'a' }],
    ['answered', '1', undefined],
    ['received', '2', { n: 'b' }],
    ['answered', '2', 'BAD_REGISTRATION'],
    ['received', '1', { n: 'a' }],
    ['answered', '1', undefined],
    ['sent', 'device', 'u'],
    ['acked', 'device', 'u'],
    ['received', '3', undefined],
    ['answered', '3', undefined],
  ]);
});

test('an emulator that is given its certificate is the same one after a restart', async (t) => {
  const now = Date.now();
  const certificate = createCertificate({
    names: LOCAL_NAMES,
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + DAY_MS),
  });
  const first = createEmulator({ port: 0 }, { certificate });
  t.is(first.caPem, certificate.ca);
  t.not(createEmulator({ port: 0 }).caPem, certificate.ca);
});
