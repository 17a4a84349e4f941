import { join } from 'node:path';

/** Where everybody listens. */
export type Ports = Readonly<Record<'bal' | 'admin' | 'ccs' | 'control', number>>;

/** The configuration of a trial's bridge: short waits everywhere, so that every one of them comes to its end in a trial. */
export function bridgeConfig(folder: string, store: string, sessions: readonly string[], ports: Ports) {
  return {
    log: { level: 'info' },
    store: { url: `sqlite:${store}` },
    bal: { port: ports.bal, owner_grace: '1s' },
    admin: { port: ports.admin },
    sessions: sessions.map((id) => ({ id })),
    retry: { base: '20ms', cap: '200ms' },
    providers: {
      ccs: {
        host: '127.0.0.1',
        port: ports.ccs,
        sender_id: '1',
        server_key: 'key',
        ca: join(folder, 'ca.pem'),
        pool: { min: 1, max: 4, window: 50 },
        ack_timeout: '5s',
        ping_interval: '2s',
        login_timeout: '5s',
      },
    },
  };
}
