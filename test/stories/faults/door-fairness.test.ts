import test from 'ava';
import { brief, downstream, until } from '../../doors/bal/harness.ts';
import { collect, Story } from '../harness.ts';

const FLOOD = 20_000;
/** Messages that the service has at once: one connection with this window. */
const WINDOW = 20;

test('[promise 6] a flood from one session does not stand before the messages of another', async (t) => {
  const story = await Story.start({
    sessions: [{ id: 'flood' }, { id: 'quiet' }],
    pool: { min: 1, max: 1, window: WINDOW },
    emulator: { hold_acks: true, track: false },
  });
  t.teardown(() => story.stop());
  const { control } = story.emulator;
  const flood = await story.logOn({ session_id: 'flood', confirm: true });
  for (let n = 0; n < FLOOD; n += 1_000) {
    flood.send(...Array.from({ length: 1_000 }, (_, i) => downstream(`f${n + i}`)));
  }
  let taken = 0;
  while (taken < FLOOD) taken += ((await flood.next()).message_ids as unknown[]).length;
  await until(() => control.stats().received === WINDOW, 'a full window');
  const quiet = await story.logOn({ session_id: 'quiet', confirm: true });
  quiet.send(downstream('q0'), downstream('q1'), downstream('q2'));
  t.deepEqual(brief(await collect(quiet, 1, 'DOWNSTREAM_TAKEN')), ['DOWNSTREAM_TAKEN q0,q1,q2']);
  control.setFaults({ hold_acks: false });
  control.releaseAcks();
  const before = control.stats().received;
  t.is(before, WINDOW);
  const answers = await collect(quiet, 3, 'DOWNSTREAM_ACK');
  const overtook = control.stats().received - before - 3;
  t.deepEqual(brief(answers).toSorted(), ['DOWNSTREAM_ACK q0', 'DOWNSTREAM_ACK q1', 'DOWNSTREAM_ACK q2']);
  t.true(overtook < FLOOD / 10, `${overtook} messages of the flood came before`);
});
