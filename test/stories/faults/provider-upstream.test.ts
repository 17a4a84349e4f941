import test from 'ava';
import { Backend } from '../../doors/bal/harness.ts';
import { setStage } from '../bridge-process.ts';
import { Books, begin, checkService, until } from './books.ts';

const sender = '1234567890';
const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}-${n + 1}`).sort();

test('[promise 1, 3] device messages that come twice under load, with downstream beside them: each is delivered once and acked where it came from', async (t) => {
  const { story, control, books } = await begin(t, {
    emulator: { latency: '1ms', latency_spread: '2ms' },
    pool: { min: 3, max: 3, window: 40 },
  });
  books.send(800);
  for (let twice = 0; twice < 2; twice++) control.upstream({ sender, count: 1_200, message_id: 'u', from: 'device' });
  // The same id from another device is another message.
  control.upstream({ sender, count: 100, message_id: 'u', from: 'other' });
  await books.check(t);
  await until(() => books.upstream.length >= 1_300, 'all of them');
  await until(() => control.connections().every(({ upstreamUnacked }) => upstreamUnacked === 0), 'the last acks');
  await books.sync();
  t.deepEqual(books.upstream.toSorted(), [...numbered('u', 1_200), ...numbered('u', 100)].sort());
  t.is(control.stats().upstreamSent, 2_500);
  await checkService(t, story, books);
});

test('[promise 1, 3, 5] a flood while no backend is there: stored and acked to the last, and delivered once when one comes', async (t) => {
  const { story, control, books } = await begin(t, { pool: { min: 2, max: 2 } });
  books.close();
  control.upstream({ sender, count: 2_500, message_id: 'u', from: 'device' });
  await until(() => control.stats().upstreamAcked === 2_500, 'the service has all acks');
  t.deepEqual([control.stats().upstreamSent, control.stats().upstreamDropped], [2_500, 0]);
  const late = await Books.open(story);
  await until(() => late.upstream.length >= 2_500, 'all of them');
  await late.sync();
  t.deepEqual(late.upstream.toSorted(), numbered('u', 2_500));
});

test('[promise 1, 3] connections that drop between store and ack: what comes again is acked and not delivered again', async (t) => {
  const { story, control, books } = await begin(t, {
    pool: { min: 3, max: 3 },
    surroundings: { random: () => 0 },
  });
  control.upstream({ sender, count: 3_000, message_id: 'u', from: 'device' });
  for (let n = 1; n <= 12; n++) {
    // So many are stored or on their way, and their acks are on theirs.
    await until(() => control.stats().upstreamAcked >= n * 200, 'acks');
    control.drop('all', n % 2 === 0 ? 'fin' : 'rst');
    await until(async () => (await story.pool()).open > 0 && control.connections().length > 0, 'a new login');
  }
  await until(() => control.stats().upstreamAcked >= 3_000, 'all acks');
  await until(() => new Set(books.upstream).size === 3_000, 'all of them');
  await books.sync();
  const { upstreamResent, errors406 } = control.stats();
  t.true(upstreamResent > 100, `${upstreamResent} came again`);
  t.is(errors406, 0, 'no ack on a connection that did not bring the message');
  t.deepEqual(books.upstream.toSorted(), numbered('u', 3_000));
  const again = await story.metric('pushbridge_upstream_total{provider="ccs",state="duplicate"}');
  t.true(again > 0, 'some of them were stored before their connection went');
});

test('[promise 1, 3] killed in a flood of device messages: whatever was acked is there after the restart, each once', async (t) => {
  const { emulator, port, start, end } = await setStage({ category: 'app' });
  t.teardown(end);
  const { control } = emulator;
  let bridge = await start();
  t.teardown(() => bridge.kill());
  control.upstream({ sender: '1', count: 4_000, message_id: 'u', from: 'device' });
  for (const limit of [1_000, 2_500]) {
    await until(() => control.stats().upstreamAcked >= limit, `${limit} acks`);
    await bridge.kill();
    bridge = await start();
  }
  await until(() => control.stats().upstreamAcked >= 4_000, 'all acks');
  const backend = await Backend.connect(port);
  t.teardown(() => backend.destroy());
  backend.send({ message_type: 'LOGON', session_id: 'app', window: 1_000 });
  const books = Books.keep(backend);
  await until(() => books.upstream.length >= 4_000, 'all of them');
  await books.sync();
  t.deepEqual(books.upstream.toSorted(), numbered('u', 4_000));
});
