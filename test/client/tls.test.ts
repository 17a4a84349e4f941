import test from 'ava';
import { BalClient } from '../../src/client/index.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { FakeBridge } from './fake-bridge.ts';
import { watch } from './helpers.ts';
import { cert, key } from './tls-fixture.ts';

test('TLS with a given authority; an unknown one is refused', async (t) => {
  const bridge = await FakeBridge.listen({ tls: { cert, key } });
  const options = { host: '127.0.0.1', port: bridge.port, session: 's', clock: new ManualClock() };
  const trusting = new BalClient({ ...options, tls: { ca: cert } });
  const careful = new BalClient({ ...options, tls: true });
  t.teardown(async () => {
    trusting.close();
    careful.close();
    await bridge.close();
  });
  const connecting = trusting.connect();
  const connection = await bridge.logon();
  await connecting;
  await trusting.send({ messageId: 'm', fcmData: {} });
  t.like(await connection.next('DOWNSTREAM'), { message_id: 'm' });
  const reached = watch(careful);
  void careful.connect();
  t.regex((await reached('waiting')).error?.message ?? '', /self.signed/i);
});

test('TLS options that make no sense are an error of the connection, not of the process', async (t) => {
  const client = new BalClient({
    host: '127.0.0.1',
    port: 1,
    session: 's',
    clock: new ManualClock(),
    tls: { ca: 'no certificate', minVersion: 'TLSv9' as 'TLSv1.3' },
  });
  t.teardown(() => client.close());
  const reached = watch(client);
  void client.connect();
  t.is((await reached('waiting')).error?.code, 'CONNECTION_LOST');
});
