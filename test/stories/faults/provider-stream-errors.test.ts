import test from 'ava';
import type { Story } from '../harness.ts';
import { begin, checkService, until } from './books.ts';

/** [RFC 6120 §4.9.3] all of them, and one that nobody has defined. */
const CONDITIONS = [
  'bad-format',
  'bad-namespace-prefix',
  'conflict',
  'connection-timeout',
  'host-gone',
  'host-unknown',
  'improper-addressing',
  'internal-server-error',
  'invalid-from',
  'invalid-namespace',
  'invalid-xml',
  'not-authorized',
  'not-well-formed',
  'policy-violation',
  'remote-connection-failed',
  'reset',
  'resource-constraint',
  'restricted-xml',
  'see-other-host',
  'system-shutdown',
  'undefined-condition',
  'unsupported-encoding',
  'unsupported-feature',
  'unsupported-stanza-type',
  'unsupported-version',
  'x-never-heard-of',
];

const streamError = (condition: string): string =>
  `<stream:error><${condition} xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error></stream:stream>`;

const unacked = ({ emulator }: Story): number =>
  emulator.control.connections().reduce((sum, connection) => sum + connection.unacked, 0);

test('[promise 3, 4] a stream error of every condition over full windows: nothing is lost, nothing is refused, each message has one outcome', async (t) => {
  const window = 15;
  const { story, control, books } = await begin(t, {
    emulator: { hold_acks: true },
    pool: { min: 2, max: 2, window },
    surroundings: { random: () => 0 },
  });
  for (const condition of CONDITIONS) {
    books.send(3 * window);
    await until(() => unacked(story) >= 2 * window, `full windows before ${condition}`);
    control.setFaults({ hold_acks: false });
    // Those that hold answers keep them: these connections are about to end.
    control.send('all', streamError(condition));
    await books.settled();
    control.setFaults({ hold_acks: true });
  }
  await books.check(t);
  await checkService(t, story, books);
  const errors = await story.metric('pushbridge_provider_events_total{provider="ccs",event="stream_error"}');
  t.true(errors >= 2 * CONDITIONS.length, `${errors} stream errors`);
  t.is(await story.metric('pushbridge_dead_letters'), 0);
});

test('[promise 3, 5] a stream error on each of many connections: far more messages under suspicion than the probe takes, and none of them spins', async (t) => {
  const lanes = 14;
  const { story, control, books } = await begin(t, {
    emulator: { hold_acks: true, latency: '1ms' },
    pool: { min: lanes, max: lanes, window: 100 },
    surroundings: { random: () => 0 },
  });
  await until(async () => (await story.pool()).open === lanes, 'all connections');
  books.send(2_000, undefined, false);
  await until(() => unacked(story) === lanes * 100, 'full windows');
  control.setFaults({ hold_acks: false });
  control.send('all', streamError('policy-violation'));
  await books.check(t);
  await checkService(t, story, books);
  // Those for which the probe had no room came back once, and went out like any other.
  const returned = await story.metric('pushbridge_messages_total{provider="ccs",state="unanswered"}');
  t.is(returned, lanes * 100 - 1_000, `${returned} returned to the store`);
  t.is(await story.metric('pushbridge_dead_letters'), 0);
});

test('[promise 1, 3] a service in trouble that ends every connection with an error as soon as a message comes: no message is blamed for it', async (t) => {
  const { story, control, books } = await begin(t, {
    emulator: { hold_acks: true },
    pool: { min: 2, max: 2, window: 15 },
    surroundings: { random: () => 0 },
  });
  books.send(60);
  await until(() => unacked(story) === 30, 'full windows');
  for (const condition of ['internal-server-error', 'resource-constraint', 'undefined-condition', 'host-unknown']) {
    for (let round = 0; round < 4; round++) {
      control.send('all', streamError(condition));
      await until(() => unacked(story) === 0, 'the end of all connections');
      await until(() => unacked(story) > 0, 'a message on a new one');
    }
  }
  control.setFaults({ hold_acks: false });
  control.send('all', streamError('internal-server-error'));
  await books.check(t);
  await checkService(t, story, books);
});
