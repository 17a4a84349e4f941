import { noTelemetry } from '../../../src/core/index.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { apnsOptions, createApnsProvider } from '../../../src/providers/apns/index.ts';
import { providerContract } from '../contract.ts';
import { KEY_ID, TEAM_ID, TOPIC } from './bench.ts';
import { file, signingKey } from './credentials-fixture.ts';
import { type Reply, reason, type Seen, scriptedServer } from './scripted-server.ts';

const REPLIES: Readonly<Record<string, Reply>> = {
  DEVICE_UNREGISTERED: reason(410, 'Unregistered', { timestamp: 1_700_000_000_000 }),
  BAD_REGISTRATION: reason(400, 'BadDeviceToken'),
  INVALID_JSON: reason(400, 'PayloadEmpty'),
  DEVICE_MESSAGE_RATE_EXCEEDED: reason(429, 'TooManyRequests'),
  SERVICE_UNAVAILABLE: reason(503, 'ServiceUnavailable'),
  INTERNAL_SERVER_ERROR: reason(500, 'InternalServerError'),
};

const key = signingKey();

providerContract(async ({ patienceMs }) => {
  let received = 0;
  let held: PromiseWithResolvers<void> | undefined;
  const tries = new Map<string, number>();
  const answer = async ({ path }: Seen): Promise<Reply | undefined> => {
    received++;
    await held?.promise;
    const [code = '', times = ''] = decodeURIComponent(path.slice('/3/device/'.length)).split(':');
    if (code === 'fault') return undefined;
    const before = tries.get(path) ?? 0;
    tries.set(path, before + 1);
    const over = /^\d+$/.test(times) && before >= Number(times);
    return over ? { status: 200 } : (REPLIES[code] ?? { status: 200 });
  };
  const settings = { answer, streams: 1, raised: 20 };
  let server = await scriptedServer(settings);
  const { origin, ca } = server;
  const provider = createApnsProvider({
    name: 'subject',
    options: apnsOptions.parse({
      url: origin,
      ca: file(ca),
      topic: TOPIC,
      key: key.path,
      key_id: KEY_ID,
      team_id: TEAM_ID,
      deadline: `${patienceMs}ms`,
    }),
    clock: systemClock,
    wall: systemClock,
    random: () => 0.01,
    log: silentLog,
    telemetry: noTelemetry,
  });
  return {
    provider,
    received: () => received,
    cut() {
      for (const session of server.sessions) session.destroy();
    },
    goAway: async () => await server[Symbol.asyncDispose](),
    async comeBack() {
      server = await scriptedServer({ ...settings, port: Number(new URL(origin).port) });
    },
    hold(wanted) {
      held?.resolve();
      held = wanted ? Promise.withResolvers<void>() : undefined;
    },
    async stop() {
      held?.resolve();
      await server[Symbol.asyncDispose]();
    },
  };
});
