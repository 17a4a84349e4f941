import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noTelemetry } from '../../../src/core/index.ts';
import { createCertificate, createEmulator, LOCAL_NAMES } from '../../../src/emulator/index.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { ccsOptions, createCcsProvider } from '../../../src/providers/ccs/index.ts';
import { providerContract } from '../contract.ts';

const DAY_MS = 86_400_000;
const certificate = createCertificate({
  names: LOCAL_NAMES,
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + DAY_MS),
});

providerContract(async ({ patienceMs }) => {
  const folder = mkdtempSync(join(tmpdir(), 'contract-'));
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, certificate.ca);
  let emulator = createEmulator({ port: 0, senders: { 123: 'key' } }, { certificate });
  await emulator.start();
  const { port } = emulator;
  let before = 0;
  const provider = createCcsProvider({
    name: 'subject',
    options: ccsOptions.parse({
      host: 'localhost',
      port,
      sender_id: '123',
      server_key: 'key',
      ca,
      ack_timeout: `${patienceMs}ms`,
    }),
    clock: systemClock,
    random: () => 0.01,
    log: silentLog,
    telemetry: noTelemetry,
  });
  return {
    provider,
    received: () => before + emulator.control.stats().received,
    cut: () => void emulator.control.drop('all', 'rst'),
    async goAway() {
      before += emulator.control.stats().received;
      await emulator.stop();
    },
    async comeBack() {
      emulator = createEmulator({ port, senders: { 123: 'key' } }, { certificate });
      await emulator.start();
    },
    hold(held) {
      emulator.control.setFaults({ hold_acks: held });
      if (!held) emulator.control.releaseAcks();
    },
    async stop() {
      await emulator.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
