import test from 'ava';
import { Pushes } from '../../src/distributor/pushes.ts';
import type { Registration } from '../../src/distributor/registrations.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { stanza } from '../protocols/unifiedpush/elements.ts';

const registration: Registration = {
  token: 't',
  app: 'org.example.App',
  version: 2,
  description: '',
  publicToken: 'public',
  activatable: false,
  endpoint: { url: 'https://push.example/x', source: 'push.localhost legacy romeo@localhost', registeredAt: 0 },
};

/** Pushes on their way to an app whose bus says when it has them. */
function stage() {
  const clock = new ManualClock();
  const sent: string[] = [];
  const handed = Promise.withResolvers<boolean>();
  const pushes = new Pushes({
    clock,
    log: silentLog,
    jid: 'romeo@localhost',
    registrations: { byPublicToken: () => registration },
    account: { send: (stanza) => sent.push(stanza) > 0 },
    gateway: { isFrom: () => true, present: () => {}, unregister: () => {} },
    connectors: { message: () => handed.promise },
  });
  const push = (id: string) =>
    pushes.take(
      stanza(
        `<message id='${id}' from='push.localhost'><subject>public</subject><body>hi</body><request xmlns='urn:xmpp:receipts'/></message>`,
        'jabber:client',
      ),
    );
  return { clock, sent, handed, pushes, push };
}

test('what an app has is answered before the end, so that it does not come again', async (t) => {
  const { sent, handed, pushes, push } = stage();
  t.true(push('p1'));
  let ended = false;
  const stopped = pushes.stop().then(() => {
    ended = true;
  });
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual([ended, sent], [false, []]);
  handed.resolve(true);
  await stopped;
  t.is(sent.length, 1);
  t.regex(sent[0] ?? '', /<received xmlns="urn:xmpp:receipts" id="p1"/);
});

test('an app that hangs does not hold up the end for ever, and nothing more is taken meanwhile', async (t) => {
  const { clock, sent, pushes, push } = stage();
  push('p1');
  const stopped = pushes.stop();
  t.true(push('p2'));
  await clock.advance(2_000);
  await stopped;
  t.deepEqual(sent, []);
});
