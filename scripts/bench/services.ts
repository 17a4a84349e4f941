import { COMPONENT } from './component-server.ts';

/** The services that the benchmark puts behind the bridge: how their emulators and their providers are set up. */

export interface Place {
  readonly port: number;
  readonly ca: string;
  /** The file that the emulator wrote. */
  readonly credentials: string;
  /** Connections. */
  readonly pool: number;
}

interface Setup {
  emulator(credentials: string): Readonly<Record<string, unknown>>;
  /** The provider of the bridge. */
  provider(place: Place): Readonly<Record<string, unknown>>;
  /** Further sections of the bridge's configuration. */
  readonly sections?: Readonly<Record<string, unknown>>;
}

/** What the emulator of APNs and its clients agree on. */
export const APNS = { key_id: 'BENCHKEY01', team_id: 'BENCHTEAM1', topic: 'com.example.app' } as const;

/** Who signs Web Push messages. */
export const SUBJECT = 'mailto:admin@example.org';
/** What stands in front of every endpoint. */
export const PUBLIC_URL = 'https://push.example.org';

const services = {
  ccs: {
    emulator: () => ({}),
    provider: ({ port, ca, pool }) => ({
      host: '127.0.0.1',
      port,
      sender_id: '1',
      server_key: 'key',
      ca,
      pool: { min: pool, max: pool, window: 100 },
    }),
  },
  fcm: {
    emulator: (credentials_file) => ({ credentials_file }),
    // Without the quota: 10,000 messages a second, all that Google grants, would be the most that could be seen.
    provider: ({ port, ca, credentials, pool }) => ({
      url: `https://localhost:${port}`,
      ca,
      credentials,
      connections: { min: pool, max: pool },
      quota: { per_minute: 0 },
    }),
  },
  apns: {
    emulator: (key_file) => ({ key_file, key_id: APNS.key_id, team_id: APNS.team_id }),
    provider: ({ port, ca, credentials: key, pool }) => ({
      url: `https://localhost:${port}`,
      ca,
      key,
      ...APNS,
      connections: { min: pool, max: pool },
    }),
  },
  webpush: {
    emulator: (key_file) => ({ key_file }),
    provider: ({ ca, credentials: key, pool }) => ({
      vapid: { subject: SUBJECT, key },
      allow: ['localhost'],
      ca,
      connections: { per_origin: pool },
    }),
  },
  xmpp: {
    emulator: () => ({}),
    provider: ({ port }) => ({ port, ...COMPONENT }),
    sections: {
      http: { port: 0, public_url: PUBLIC_URL },
      // Nobody is to be held back by what protects a device.
      doors: { webpush: { rate: { per_minute: 1_000_000, burst: 1_000_000 }, max_waiting: 1_000_000 } },
    },
  },
} as const satisfies Record<string, Setup>;

export type Service = keyof typeof services;
export const setupOf = (service: Service): Setup => services[service];
