/** The CCS emulator in a process of its own: writes its port to standard output and its CA to the file given. */
import { createEmulator } from '../../src/emulator/index.ts';

const emulator = createEmulator({ port: 0, track: false, ...(process.argv[2] ? { ca_file: process.argv[2] } : {}) });
await emulator.start();
process.stdout.write(`${emulator.port}\n`);
