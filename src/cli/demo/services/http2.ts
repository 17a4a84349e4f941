import { join } from 'node:path';
import {
  type ApnsEmulator,
  createApnsEmulator,
  createFcmEmulator,
  type FcmEmulator,
  type Http2Watch,
} from '../../../emulator/index.ts';
import { HttpDevices } from './http-devices.ts';
import type { Service } from './service.ts';

const LISTENING = { port: 0, control_port: 0, latency: '5ms', latency_spread: '20ms' } as const;
const CONNECTIONS = { min: 2, max: 4, streams: 25 } as const;

type Json = Readonly<Record<string, unknown>>;

/** What differs between the services over HTTP/2. */
interface Kind {
  readonly title: string;
  readonly emulator: FcmEmulator | ApnsEmulator;
  /** The code of an answer “not now”. */
  readonly unavailable: string;
  /** The section `providers`, once the emulator listens. */
  providers(): Json;
}

/** Keeps what devices get: the texts of different messages. */
function mailbox(dataOf: (body: Json) => Json | undefined) {
  const devices = new HttpDevices();
  const texts = new Set<unknown>();
  const watch: Http2Watch = {
    received: (_, body) => void texts.add(dataOf(JSON.parse(body) as Json)?.text),
    answered(target, body, code) {
      const data = dataOf(JSON.parse(body) as Json);
      if (code === undefined && data) devices.received(target, data);
    },
  };
  return { devices, texts, watch };
}

type Mailbox = ReturnType<typeof mailbox>;

export async function startFcm(folder: string): Promise<Service> {
  const ca = join(folder, 'emulator-ca.pem');
  const credentials = join(folder, 'service-account.json');
  const box = mailbox(({ message }) => (message as { data?: Json }).data);
  const emulator = createFcmEmulator(
    { ...LISTENING, ca_file: ca, credentials_file: credentials },
    { watch: box.watch },
  );
  return start(box, {
    title: 'FCM HTTP v1',
    emulator,
    unavailable: 'UNAVAILABLE',
    providers: () => ({
      fcm: {
        url: `https://localhost:${emulator.port}`,
        ca,
        credentials,
        connections: CONNECTIONS,
        delivery_receipts: 'app',
      },
    }),
  });
}

export async function startApns(folder: string): Promise<Service> {
  const ca = join(folder, 'emulator-ca.pem');
  const key = join(folder, 'key.p8');
  const box = mailbox((body) => body);
  const emulator = createApnsEmulator({ ...LISTENING, ca_file: ca, key_file: key }, { watch: box.watch });
  return start(box, {
    title: 'APNs',
    emulator,
    unavailable: 'ServiceUnavailable',
    providers: () => ({
      apns: {
        url: `https://localhost:${emulator.port}`,
        ca,
        key,
        key_id: emulator.credentials.key_id,
        team_id: emulator.credentials.team_id,
        topic: 'com.example.app',
        connections: CONNECTIONS,
        delivery_receipts: 'app',
      },
    }),
  });
}

async function start({ devices, texts }: Mailbox, kind: Kind): Promise<Service> {
  const { title, emulator, unavailable, providers } = kind;
  const { control } = emulator;
  await emulator.start();
  return {
    title,
    port: emulator.port,
    controlPort: emulator.controlPort ?? 0,
    config: { providers: providers(), ...devices.config },
    events: [
      { at: 0.3, what: 'the service sends one connection away', run: () => control.goaway('one', 'max_age') },
      { at: 0.6, what: 'one connection is dropped', run: () => control.drop('one', 'rst') },
    ],
    devices: ({ httpPort }) => devices.connect(httpPort),
    books() {
      const { messages, errors, accepted, goaways, drops, breaches } = control.stats();
      return {
        different: texts.size,
        unavailable: errors[unavailable] ?? 0,
        repeated: messages - texts.size,
        connections: ['connections: opened, sent away, dropped', `${accepted}, ${goaways}, ${drops}`],
        breaches: [
          ['streams beyond what the service allows', breaches],
          ['posts of devices that the bridge did not take', devices.refused],
        ],
      };
    },
    stop: () => emulator.stop(),
  };
}
