/**
 * The service of a trial in a process of its own: `emulator.ts FOLDER PORT CONTROL_PORT OPTIONS`. It keeps a journal in the
 * folder and comes back under the certificate that lies there. Writes a line when it listens.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createCertificate,
  createEmulator,
  type EmulatorInput,
  LOCAL_NAMES,
  type ServerCertificate,
} from '../../src/emulator/index.ts';
import { journalTo } from './journal.ts';

const DAY_MS = 86_400_000;
const [, , folder = '.', port, controlPort, options = '{}'] = process.argv;

function certificate(): ServerCertificate {
  const file = join(folder, 'certificate.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as ServerCertificate;
  const now = Date.now();
  const made = createCertificate({
    names: LOCAL_NAMES,
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + 30 * DAY_MS),
  });
  writeFileSync(file, JSON.stringify(made));
  return made;
}

const input: EmulatorInput = {
  port: Number(port),
  control_port: Number(controlPort),
  ca_file: join(folder, 'ca.pem'),
  track: false,
  ...(JSON.parse(options) as EmulatorInput),
};
const emulator = createEmulator(input, { certificate: certificate(), watch: journalTo(join(folder, 'journal')) });
await emulator.start();
process.stdout.write('ready\n');
