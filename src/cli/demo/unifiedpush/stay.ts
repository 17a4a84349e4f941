import { BalClient } from '../../../client/index.ts';
import { SECRET } from '../plan.ts';
import { SESSION } from './backend.ts';
import { ACCOUNT, COMPONENT, DOMAIN } from './prosody.ts';
import type { Stage } from './stage.ts';
import type { Steps } from './steps.ts';
import { Subscription } from './subscription.ts';

/** Leaves everything running, with one endpoint to play with. */
export async function stay(stage: Stage, steps: Steps, until: Promise<unknown>): Promise<void> {
  const { app, caFile, prosody } = stage;
  const client = new BalClient({ host: '127.0.0.1', port: app.balPort, session: SESSION, secret: SECRET });
  await client.connect();
  const { endpoint: url } = await client.registerEndpoint({ token: 'doorbell' });
  await client.logoff({ wait: 'nothing' });
  const login = `--port ${app.balPort} --session ${SESSION} --secret ${SECRET}`;
  const { keys } = new Subscription();
  const message = JSON.stringify({ to: url, keys, data: { text: 'hello' } });
  const lines = [
    'Play with it from another terminal:',
    `  scripts/pushbridge listen ${login}`,
    `  curl --cacert ${caFile} -i -H 'TTL: 60' -d ding ${url}`,
    `  curl --cacert ${caFile} -i -H 'TTL: 60' -H 'Prefer: respond-async' -d dong ${url}`,
    `  curl --cacert ${caFile} ${url}`,
    `  scripts/pushbridge send ${login} --provider webpush --json '${message}'`,
    `  curl http://127.0.0.1:${app.adminPort}/readyz; curl http://127.0.0.1:${app.adminPort}/metrics`,
    ...(prosody
      ? [
          `  an XMPP client: ${ACCOUNT.username}@${DOMAIN}, password ${ACCOUNT.password}, server 127.0.0.1:${prosody.clientPort} without TLS, push service ${COMPONENT}`,
        ]
      : []),
  ];
  await steps.say(`\n${lines.join('\n')}\n\nCtrl-C ends it.`);
  await until;
}
