import { join } from 'node:path';
import { createEmulator, type Emulator } from '../../../emulator/index.ts';
import { BACKENDS, sessionOf } from '../plan.ts';
import type { Service } from './service.ts';

const SENDER = '1234567890';
const KEY = 'demo-key';

/** CCS: devices answer and speak through the service itself. */
export async function startCcs(folder: string): Promise<Service> {
  const ca = join(folder, 'emulator-ca.pem');
  const emulator = createEmulator({
    port: 0,
    control_port: 0,
    ca_file: ca,
    senders: { [SENDER]: KEY },
    category: sessionOf(BACKENDS[0]),
    latency: '5ms',
    latency_spread: '20ms',
    drain_min: '200ms',
  });
  await emulator.start();
  const { control, port } = emulator;
  const ccs = {
    host: 'localhost',
    port,
    sender_id: SENDER,
    server_key: KEY,
    ca,
    pool: { min: 2, max: 4, window: 25 },
  };
  return {
    title: 'CCS',
    port,
    controlPort: emulator.controlPort ?? 0,
    config: { providers: { ccs } },
    events: [
      { at: 0.3, what: 'one connection to the service drains', run: () => control.drain('one') },
      { at: 0.6, what: 'one connection is dropped', run: () => control.drop(busiest(control), 'rst') },
    ],
    devices: () => ({
      speak(backend, count) {
        const from = `device-of-${backend}`;
        control.upstream({ count, category: sessionOf(backend), from, message_id: backend });
      },
    }),
    books() {
      const { tracked, repeated, nacks, logins, drains, drops, errors406, windowBreaches } = control.stats();
      const unavailable = nacks.SERVICE_UNAVAILABLE ?? 0;
      return {
        different: tracked,
        unavailable,
        repeated,
        connections: ['connections: logins, drained, dropped', `${logins}, ${drains}, ${drops}`],
        breaches: [
          ['acks of ours that the service did not want', errors406],
          ['windows exceeded', windowBreaches],
        ],
      };
    },
    stop: () => emulator.stop(),
  };
}

/** The connection with the most un-acked messages: dropping it hurts most. */
function busiest(control: Emulator['control']): number {
  const [first] = control.connections().sort((a, b) => b.unacked - a.unacked);
  return first?.connection ?? 1;
}
