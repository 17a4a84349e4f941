import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noTelemetry } from '../../../src/core/index.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { createFcmProvider, fcmOptions } from '../../../src/providers/fcm/index.ts';
import { providerContract } from '../contract.ts';
import { type Received, ScriptedServer } from './scripted-server.ts';
import { accountJson, certificate, TokenServer } from './token-server.ts';

/** What FCM says when CCS would have said this. [fcm.md §3.6] */
const errors: Readonly<Record<string, (request: Received) => void>> = {
  DEVICE_UNREGISTERED: (request) => request.error(404, 'UNREGISTERED'),
  BAD_REGISTRATION: (request) => request.error(403, 'SENDER_ID_MISMATCH'),
  INVALID_JSON: (request) => request.error(400, 'INVALID_ARGUMENT'),
  DEVICE_MESSAGE_RATE_EXCEEDED: (request) =>
    request.reply(429, {
      error: { details: [{ '@type': 'x/google.rpc.QuotaFailure', violations: [{ description: 'device rate' }] }] },
    }),
  SERVICE_UNAVAILABLE: (request) => request.error(503, 'UNAVAILABLE'),
  INTERNAL_SERVER_ERROR: (request) => request.error(500, 'INTERNAL'),
};

providerContract(async ({ patienceMs }) => {
  const folder = mkdtempSync(join(tmpdir(), 'contract-'));
  const tokens = new TokenServer();
  await tokens.listen();
  writeFileSync(join(folder, 'account.json'), accountJson({ token_uri: tokens.uri }));
  writeFileSync(join(folder, 'ca.pem'), certificate.ca);
  const once = new Set<string>();
  const waiting: Received[] = [];
  let held = false;
  const answer = (request: Received): void => {
    const [code = ''] = request.token.split(':');
    if (request.token === 'fault:silent') return;
    // The data tells messages apart; what is left of the time to live is another in each attempt.
    const data = JSON.stringify(request.message.data);
    const again = code === 'SERVICE_UNAVAILABLE' && once.has(data);
    once.add(data);
    if (errors[code] && !again) errors[code](request);
    else if (held) waiting.push(request);
    else request.ok();
  };
  let server = new ScriptedServer(answer);
  await server.listen();
  const { port } = server;
  let before = 0;
  const provider = createFcmProvider({
    name: 'subject',
    options: fcmOptions.parse({
      url: server.url,
      credentials: join(folder, 'account.json'),
      ca: join(folder, 'ca.pem'),
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
    received: () => before + server.received.length,
    cut: () => server.cut(),
    async goAway() {
      before += server.received.length;
      await server.close();
    },
    async comeBack() {
      server = new ScriptedServer(answer);
      await server.listen(port);
    },
    hold(hold) {
      held = hold;
      if (!held) for (const request of waiting.splice(0)) request.ok();
    },
    async stop() {
      await Promise.all([server.close(), tokens.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
