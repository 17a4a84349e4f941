import test from 'ava';
import { Intake } from '../../../src/doors/bal/intake.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { startBridge } from './harness.ts';

const frame = { message_type: 'DOWNSTREAM', message_id: 'm1', fcm_data: { to: 'token' } } as const;

test('[BAL §Downstream rules] a connection that closes gives up its place among those who wait for room', async (t) => {
  const { core } = await startBridge(t, { sessions: [{ id: 'app', max_pending: 1 }] });
  const { sessions, router } = core;
  const reservation = sessions.reserve('app', 1);
  let waiting = 0;
  const counting = Object.assign(Object.create(sessions) as typeof sessions, {
    room: (session: string) => sessions.room(session),
    whenRoom(session: string, listener: () => void) {
      waiting++;
      const timer = sessions.whenRoom(session, listener);
      return {
        cancel() {
          waiting--;
          timer.cancel();
        },
      };
    },
  });
  let eased = 0;
  const intake = new Intake(
    { session: 'app', providers: ['fake'], mailbox: 0 },
    false,
    {
      router,
      sessions: counting,
      clock: { now: () => 0, monotonic: () => 0, after: () => ({ cancel() {} }) },
      log: silentLog,
      maxParkedBytes: 100,
    },
    { send: () => t.fail(), rejected: () => t.fail(), eased: () => eased++ },
  );
  intake.push(frame, 101);
  intake.flush();
  t.true(intake.overfull);
  t.is(waiting, 1);
  intake.close();
  t.is(waiting, 0);
  t.is(eased, 1, 'reading may go on');
  t.false(intake.overfull);
  reservation.release();
  t.is(sessions.room('app'), 1, 'nothing was submitted');
});
