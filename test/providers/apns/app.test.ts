import test from 'ava';
import { createApp } from '../../../src/app.ts';
import { loadConfig } from '../../../src/config/index.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { Backend } from '../../doors/bal/backend.ts';
import { KEY_ID, TEAM_ID, TOPIC } from './bench.ts';
import { file, signingKey } from './credentials-fixture.ts';
import { reason, scriptedServer } from './scripted-server.ts';

test('the whole bridge: a backend that speaks BAL reaches a device of Apple', async (t) => {
  const timestamp = 1_700_000_000_000;
  await using server = await scriptedServer({
    answer: ({ path }) => (path.endsWith('/dead') ? reason(410, 'ExpiredToken', { timestamp }) : { status: 200 }),
  });
  const text = JSON.stringify({
    store: { url: 'memory:' },
    bal: { port: 0 },
    admin: { port: 0 },
    sessions: [{ id: TOPIC }],
    providers: {
      apple: {
        type: 'apns',
        url: server.origin,
        ca: file(server.ca),
        topic: TOPIC,
        key: signingKey().path,
        key_id: KEY_ID,
        team_id: TEAM_ID,
        delivery_receipts: 'refuse',
      },
    },
  });
  const app = await createApp(loadConfig({ text }, { files: true }), { log: silentLog });
  t.teardown(() => app.stop(1_000));
  await app.start();
  const backend = await Backend.connect(app.balPort);
  t.teardown(() => backend.destroy());
  const send = (message_id: string, fcm_data: object) =>
    backend.send({ message_type: 'DOWNSTREAM', message_id, fcm_data });
  backend.send({ message_type: 'LOGON', session_id: TOPIC });
  t.like(await backend.next(), { status: 'SUCCESS' });

  send('m1', { to: 'a1b2', notification: { title: 'Hello', badge: '1' }, time_to_live: 60 });
  const ack = await backend.next();
  const [seen] = server.seen;
  t.like(ack, {
    message_type: 'DOWNSTREAM_ACK',
    message_id: 'm1',
    fcm_data: { from: 'a1b2', message_id: 'm1', message_type: 'ack', apns_id: seen?.headers['apns-id'] },
  });
  t.deepEqual(JSON.parse(seen?.body ?? ''), { aps: { alert: { title: 'Hello' }, badge: 1 } });
  t.true(Math.abs(Number(seen?.headers['apns-expiration']) - Date.now() / 1_000 - 60) < 30);

  send('m2', { to: 'dead', notification: { title: 'Hello' } });
  t.like(await backend.next(), {
    message_type: 'DOWNSTREAM_REJECT',
    message_id: 'm2',
    error: 'DEVICE_UNREGISTERED',
    fcm_data: { from: 'dead', message_type: 'nack', error: 'DEVICE_UNREGISTERED', timestamp },
  });

  send('m3', { to: 'a1b2', delivery_receipt_requested: true });
  t.like(await backend.next(), {
    message_type: 'DOWNSTREAM_REJECT',
    message_id: 'm3',
    error: 'INVALID_MESSAGE',
    error_string: 'delivery_receipt_requested: APNs has no receipts',
  });
});
