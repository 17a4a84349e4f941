import test, { type ExecutionContext } from 'ava';
import type { SeenRequest } from '../../src/emulator/index.ts';
import { downstream, type Json } from '../doors/bal/harness.ts';
import { collect, Story } from './harness.ts';
import { APP, startApns, startFcm } from './services.ts';

const KEY = 'the-key-of-the-application';

interface Service {
  readonly provider: Json;
  readonly control: { requests(): SeenRequest[] };
}

/** The services without receipts, and what a message holds for its app, as each of them sends it on. */
const services: readonly (readonly [
  name: string,
  start: (t: ExecutionContext) => Promise<Service>,
  dataIn: (body: string) => Json | undefined,
])[] = [
  [
    'apns',
    startApns,
    (body) => {
      const { aps, ...data } = JSON.parse(body) as Json;
      return data;
    },
  ],
  [
    'fcm',
    startFcm,
    (body) => (body.startsWith('{') ? (JSON.parse(body) as { message: { data?: Json } }).message.data : undefined),
  ],
];

for (const [name, start, dataIn] of services) {
  test(`${name}: the receipt that the app posts reaches the backend under the backend's own id`, async (t) => {
    const service = await start(t);
    const config = {
      sessions: [{ id: APP }],
      providers: { phones: { ...service.provider, delivery_receipts: 'app' } },
      http: { port: 0 },
      doors: { app: { applications: [{ id: APP, key: KEY }] } },
    };
    const story = await Story.start({ config });
    t.teardown(() => story.stop());
    const backend = await story.logOn();
    const post = async (receipt: unknown, more: Json = {}): Promise<unknown> => {
      const response = await fetch(`http://127.0.0.1:${story.app.httpPort}/v1/receipts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
        body: JSON.stringify({ from: 'device', category: APP, receipt, ...more }),
      });
      return [response.status, await response.json()];
    };
    const sent = { notification: { title: 'Hello' }, data: { k: 'v' } };
    backend.send(
      downstream('asked', { group_id: 'g' }, { ...sent, to: 'device', delivery_receipt_requested: true }),
      downstream('not asked', {}, { ...sent, to: 'device' }),
    );
    await collect(backend, 2, 'DOWNSTREAM_ACK');
    const told = service.control.requests().flatMap(({ body }): Json[] => {
      const data = dataIn(body);
      return data ? [data] : [];
    });
    t.is(told.length, 2);
    const [{ pushbridge_receipt: receipt, ...data } = {}] = told.filter((one) => 'pushbridge_receipt' in one);
    t.deepEqual(data, { k: 'v' });
    t.regex(String(receipt), /^phones\/[!-~]{3,64}$/);
    t.true(told.some((one) => JSON.stringify(one) === '{"k":"v"}'));

    t.deepEqual(await post(receipt, { timestamp: 1_700_000_000_000 }), [200, { status: 'stored' }]);
    const [frame] = await collect(backend, 1, 'DOWNSTREAM_RECEIPT');
    t.like(frame, { message_id: 'asked', group_id: 'g' });
    t.like(frame?.fcm_data, {
      message_type: 'receipt',
      message_id: 'dr2:asked',
      category: APP,
      data: {
        message_status: 'MESSAGE_SENT_TO_DEVICE',
        original_message_id: 'asked',
        device_registration_id: 'device',
        message_sent_timestamp: '1700000000000',
      },
    });
    t.deepEqual(await post(receipt), [200, { status: 'duplicate' }]);
    for (const other of [`other/${String(receipt).split('/')[1]}`, `${receipt}0`]) {
      t.like(await post(other), [404, { error: 'unknown_message' }]);
    }
    // A device that opens the message afterwards tells that too, also when the bridge has been away in between.
    await story.stopBridge();
    await story.startBridge();
    const again = await story.logOn();
    t.deepEqual(await post(receipt, { status: 'MESSAGE_OPENED' }), [200, { status: 'stored' }]);
    const [opened] = await collect(again, 1, 'DOWNSTREAM_RECEIPT');
    t.like(opened, { message_id: 'asked', fcm_data: { data: { message_status: 'MESSAGE_OPENED' } } });
  });
}
