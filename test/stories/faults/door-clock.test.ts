import test from 'ava';
import { type Clock, forwardOnly, ManualClock, systemClock } from '../../../src/lib/clock.ts';
import { FakeProvider } from '../../core/fake-provider.ts';
import { brief, downstream, startBridge } from '../../doors/bal/harness.ts';
import { collect, Story } from '../harness.ts';

const HOUR = 3_600_000;

/** The time of the machine, with a wall clock that can be set. */
function settable(): Clock & { jump(ms: number): void } {
  let offset = 0;
  return {
    ...systemClock,
    now: () => systemClock.now() + offset,
    jump(ms) {
      offset += ms;
    },
  };
}

test('[promise 3, 6] a wall clock that is set an hour ahead and back drops no connection and stalls nothing', async (t) => {
  const clock = settable();
  const story = await Story.start({
    surroundings: { clock },
    pool: { min: 1, max: 1 },
    config: { retry: { base: '400ms', cap: '400ms' } },
  });
  t.teardown(() => story.stop());
  const { control } = story.emulator;
  const backend = await story.logOn({ confirm: true });
  for (const [round, jump] of [HOUR, -HOUR, -HOUR, HOUR].entries()) {
    // One message is refused for now and waits for its retry, one is on its way, one comes after the jump.
    const retried = `retried${round}`;
    const before = control.stats().nacks.SERVICE_UNAVAILABLE ?? 0;
    control.setFaults({ nack_rate: 1 });
    backend.send(downstream(retried));
    const nacked = () => (control.stats().nacks.SERVICE_UNAVAILABLE ?? 0) > before;
    while (!nacked()) await new Promise((resolve) => setImmediate(resolve));
    control.setFaults({ nack_rate: 0, hold_acks: true });
    backend.send(downstream(`flying${round}`));
    await collect(backend, 2, 'DOWNSTREAM_TAKEN');
    clock.jump(jump);
    control.setFaults({ hold_acks: false });
    control.releaseAcks();
    backend.send(downstream(`after${round}`));
    const acks = await collect(backend, 3, 'DOWNSTREAM_ACK', 'DOWNSTREAM_REJECT');
    t.deepEqual(brief(acks).toSorted(), [
      `DOWNSTREAM_ACK after${round}`,
      `DOWNSTREAM_ACK flying${round}`,
      `DOWNSTREAM_ACK ${retried}`,
    ]);
  }
  t.is(control.connections().length, 1);
  t.is(control.stats().logins, 1, 'the connection to the service lives on, too');
});

/** A bridge whose provider takes nothing until it is told to, on a clock that the test sets. */
async function waiting(t: Parameters<typeof startBridge>[0]) {
  const manual = new ManualClock();
  const clock = forwardOnly(manual); // as `app.ts` gives it to everyone
  const bridge = await startBridge(t, {
    clock,
    provider: new FakeProvider('fake', 0),
    options: { idle_timeout: '1m' },
  });
  return { manual, clock, bridge, backend: await bridge.logOn({ confirm: true, window: 1 }) };
}

test('[BAL §Downstream rules] a jump ahead ends the time of those messages that it leads beyond, and of no others', async (t) => {
  const { manual, bridge, backend } = await waiting(t);
  backend.send(
    downstream('brief', {}, { time_to_live: 1_800 }),
    downstream('long', {}, { time_to_live: 7_200 }),
    downstream('none'),
  );
  await backend.take(1);
  manual.jump(HOUR);
  await manual.advance(500);
  t.deepEqual(brief(await backend.take(1)), ['DOWNSTREAM_REJECT brief']);
  bridge.provider.window = 10;
  const attempts = [await bridge.provider.attempt(1), await bridge.provider.attempt(2)];
  t.deepEqual(attempts.map(({ message }) => message.messageId).toSorted(), ['long', 'none']);
  t.deepEqual(await backend.sync(), []);
});

test('[BAL §Downstream rules] a clock that is set back lets no message live longer, and none shorter', async (t) => {
  const { manual, clock, bridge, backend } = await waiting(t);
  backend.send(downstream('now', {}, { time_to_live: 0 }), downstream('minute', {}, { time_to_live: 60 }));
  await backend.take(1);
  manual.jump(-HOUR);
  await manual.advance(900);
  t.deepEqual(await backend.sync(), []);
  await manual.advance(600);
  t.deepEqual(brief(await backend.take(1)), ['DOWNSTREAM_REJECT now']);
  bridge.provider.window = 1;
  const { message } = await bridge.provider.attempt(1);
  t.true(message.expiresAt - clock.now() <= 60_000, 'the provider is told no more time than is left');
});

test('[promise 6] deadlines of connections go by elapsed time, whatever the wall clock says', async (t) => {
  const { manual, backend, bridge } = await waiting(t);
  for (const jump of [HOUR, -2 * HOUR, HOUR]) {
    manual.jump(jump);
    await manual.advance(1_000);
    t.deepEqual(await backend.sync(), []);
  }
  t.is(bridge.door.connections, 1);
  manual.jump(-HOUR);
  await manual.advance(60_250);
  t.deepEqual(brief(await backend.untilEnd()), ['ERROR IDLE_TIMEOUT']);
});

test('[promise 6] time in which the bridge itself stood still is no silence of the backends', async (t) => {
  const manual = new ManualClock();
  let slept = 0;
  const bridge = await startBridge(t, {
    clock: {
      now: () => manual.now(),
      monotonic: () => manual.monotonic() + slept,
      after: (ms, fn) => manual.after(ms, fn),
    },
    options: { idle_timeout: '20s', frame_timeout: '20s', ack_timeout: '20s', write_timeout: '20s' },
  });
  const silent = await bridge.connect();
  const half = await bridge.logOn();
  half.raw(Buffer.from([0, 0, 1]));
  const owing = await bridge.logOn({ window: 1 });
  await bridge.upstream('u1');
  await bridge.upstream('u2');
  const all = [silent, half, owing];
  await manual.advance(1_000);
  slept += 60_000;
  await manual.advance(5_000);
  t.deepEqual(
    all.map((backend) => backend.ended),
    [false, false, false],
  );
  await manual.advance(30_000);
  for (const backend of all) t.is((await backend.untilEnd()).at(-1)?.message_type, 'ERROR');
});
