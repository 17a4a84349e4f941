import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noTelemetry } from '../../../src/core/index.ts';
import { createFcmEmulator } from '../../../src/emulator/index.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { createFcmProvider, fcmOptions } from '../../../src/providers/fcm/index.ts';
import { providerContract } from '../contract.ts';
import { certificate, serviceKey } from './emulated.ts';

providerContract(async ({ patienceMs }) => {
  const folder = mkdtempSync(join(tmpdir(), 'contract-'));
  const credentials = join(folder, 'account.json');
  const ca = join(folder, 'ca.pem');
  let emulator = createFcmEmulator({ port: 0 }, { certificate, serviceKey });
  await emulator.start();
  const { port } = emulator;
  writeFileSync(credentials, JSON.stringify(emulator.credentials));
  writeFileSync(ca, emulator.caPem);
  let before = 0;
  const provider = createFcmProvider({
    name: 'subject',
    options: fcmOptions.parse({
      url: `https://localhost:${port}`,
      credentials,
      ca,
      // On a machine that is busy an answer may take a second.
      deadline: `${patienceMs * 5}ms`,
    }),
    clock: systemClock,
    random: () => 0.01,
    log: silentLog,
    telemetry: noTelemetry,
  });
  return {
    provider,
    received: () => before + emulator.control.stats().messages,
    cut: () => void emulator.control.drop('all', 'rst'),
    async goAway() {
      before += emulator.control.stats().messages;
      await emulator.stop();
    },
    async comeBack() {
      emulator = createFcmEmulator({ port }, { certificate, serviceKey });
      await emulator.start();
    },
    hold: (held) => void emulator.control.setFaults({ hold_answers: held }),
    async stop() {
      await emulator.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
