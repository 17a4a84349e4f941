import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Core, type Notice, type RetryRules, type StoreLimits, type Telemetry } from '../../../src/core/index.ts';
import { CcsDoor, ccsDoorOptions, sessionOf } from '../../../src/doors/ccs/index.ts';
import { createCertificate } from '../../../src/emulator/index.ts';
import { type Clock, systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { createMemoryStore } from '../../../src/storage/memory/index.ts';
import { FakeProvider } from '../../core/fake-provider.ts';
import { GatedStore } from '../../core/gated-store.ts';
import { type Json, RawClient } from '../../emulator/ccs/raw-client.ts';
import { limits } from '../bal/harness.ts';

export { accept, FakeProvider } from '../../core/fake-provider.ts';
export { auth, BIND, gcm, HEADER, type Json, RawClient } from '../../emulator/ccs/raw-client.ts';
export { until } from '../bal/harness.ts';

const DAY_MS = 86_400_000;

/** One authority and certificate for all tests of a file. */
const certificate = createCertificate({
  names: ['localhost', '127.0.0.1'],
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + DAY_MS),
});

/** The certificate in files, as the configuration names them. */
export function tlsFiles(t: ExecutionContext): { cert: string; key: string } {
  const folder = mkdtempSync(join(tmpdir(), 'ccs-door-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  writeFileSync(files.cert, certificate.cert);
  writeFileSync(files.key, certificate.key);
  return files;
}

export interface DoorOptions {
  readonly options?: Json;
  readonly senders?: readonly Json[];
  readonly provider?: FakeProvider;
  readonly clock?: Clock;
  readonly retry?: RetryRules;
  readonly limits?: Partial<StoreLimits>;
}

export const USER = '123456@gcm.googleapis.com';

/** A CCS door and a core around a memory store and a provider of the test. It stops when the test ends. */
export async function startDoor(t: ExecutionContext, given: DoorOptions = {}) {
  const clock = given.clock ?? systemClock;
  const provider = given.provider ?? new FakeProvider();
  const options = ccsDoorOptions.parse({
    port: 0,
    tls: tlsFiles(t),
    senders: given.senders ?? [{ id: '123456', key: 'key', provider: provider.name, apps: ['com.example.app'] }],
    ...given.options,
  });
  const rules = options.senders.map(({ id, apps, max_pending, max_inbox }) => ({
    id: sessionOf(id),
    apps,
    maxPending: max_pending,
    maxInbox: max_inbox,
  }));
  const gates = new GatedStore(
    createMemoryStore({
      ...limits,
      sessions: Object.fromEntries(rules.map(({ id, maxInbox }) => [id, { maxInbox }])),
      ...given.limits,
    }),
  );
  const { store } = gates;
  const counts = new Map<string, number>();
  const telemetry: Telemetry = {
    add(name, labels, by = 1) {
      const key = [name, ...Object.values(labels)].join(' ');
      counts.set(key, (counts.get(key) ?? 0) + by);
    },
    observe() {},
    gauge() {},
  };
  const common = { clock, log: silentLog, telemetry };
  const core = new Core({
    ...common,
    store,
    providers: [provider],
    sessions: rules,
    retry: given.retry ?? { baseMs: 1_000, capMs: 60_000 },
    ownerGraceMs: 30_000,
    maxNoticeBytes: 60_000,
    onFatal: () => {},
    random: () => 0.5,
  });
  await provider.start(core.router.receiver(provider.name));
  core.start();
  const door = new CcsDoor({ ...common, router: core.router, sessions: core.sessions, options });
  await door.start();
  const clients: RawClient[] = [];
  t.teardown(async () => {
    for (const { socket } of clients) socket.destroy();
    const stopped = [door.stop(100), core.stop()];
    await provider.stop();
    await Promise.all(stopped);
    await store.close();
  });
  const open = (): RawClient => {
    const client = new RawClient({ port: door.port, caPem: certificate.ca });
    clients.push(client);
    return client;
  };
  return {
    core,
    store,
    gates,
    door,
    provider,
    open,
    /** How often this was counted: the metric's name and its labels, with blanks between. */
    count: (key: string): number => counts.get(key) ?? 0,
    /** A connection that has logged in. */
    login: async (user = USER, key = 'key'): Promise<RawClient> => {
      const client = open();
      await client.login(user, key);
      return client;
    },
    /** A device's message. */
    upstream: async (id: string, fields: Json = {}, from = 'device:1', category = 'com.example.app') => {
      const data = JSON.stringify({ from, category, message_id: id, data: { n: id }, ...fields });
      await provider.receiver?.upstream({ from, id, session: category, data });
    },
    /** What the operator sees of the only connection. */
    facts: () => {
      const [facts] = door.connections();
      if (!facts) throw new Error('nobody is connected');
      return facts;
    },
  };
}

export type Door = Awaited<ReturnType<typeof startDoor>>;

/** A downstream message. */
export const message = (id: string, more: Json = {}): Json => ({
  to: 'device:1',
  message_id: id,
  data: { n: id },
  ...more,
});

/** Types, ids and codes of answers, for short comparisons: `nack m1 INVALID_JSON`. */
export const brief = (answers: readonly Json[]): string[] =>
  answers.map(({ message_type, message_id, error }) => [message_type, message_id, error].filter(Boolean).join(' '));

/** An outcome that the provider refuses a message with. */
export const refusal = (code: string, because = 'why') =>
  ({ kind: 'refused', code, because, reply: '{}' }) as const satisfies { kind: string } & Partial<Notice> & Json;
