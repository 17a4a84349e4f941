import test from 'ava';
import { bench, message, until } from './bench.ts';
import type { Peer } from './scripted-server.ts';

const error = (condition: string): string =>
  `<stream:error><${condition} xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error></stream:stream>`;
const poison = (peer: Peer): void => peer.write(error('invalid-xml'));

test('a poisoned message is found alone: its neighbours get through, it becomes a dead letter', async (t) => {
  let hold = true;
  await using b = await bench({
    script: {
      message(peer, m) {
        if (m.json.to === 'poison') {
          hold = false;
          poison(peer);
        } else if (!hold) peer.ack(m);
      },
    },
    flow: true,
  });
  const good = [message(), message(), message()].map((m) => b.send(m));
  const bad = b.send(message({ messageId: 'bad', target: 'poison', fcm: { to: 'poison' } }));
  const outcomes = await Promise.all(good);
  t.deepEqual(
    outcomes.map((o) => o.kind),
    ['accepted', 'accepted', 'accepted'],
  );
  const outcome = await bad;
  t.like(outcome, { kind: 'refused', code: 'INVALID_MESSAGE', dead: true });
  t.deepEqual(outcome.kind === 'refused' && JSON.parse(outcome.reply), { message_id: 'bad', to: 'poison' });
  t.is(b.events.stream_error, 3);
  t.is(b.events.poisoned, 1);
  // One at a time: no connection of the probe ever had two of them un-acked.
  for (const peer of b.server.peers.slice(1)) t.true(peer.messages.filter((m) => m.json.to === 'poison').length <= 1);
});

test('a message that kills one probe connection but not the next is accepted', async (t) => {
  let kills = 0;
  await using b = await bench({
    script: { message: (peer, m) => (kills++ < 2 ? poison(peer) : peer.ack(m)) },
    flow: true,
  });
  t.is((await b.send(message())).kind, 'accepted');
  t.is(b.events.stream_error, 2);
});

test('other work goes on beside the probe', async (t) => {
  await using b = await bench({
    script: { message: (peer, m) => (m.json.to === 'poison' ? poison(peer) : peer.ack(m)) },
    flow: true,
  });
  const bad = b.send(message({ fcm: { to: 'poison' } }));
  await until(() => b.events.stream_error);
  await until(() => b.provider.room() > 0);
  t.is((await b.send(message())).kind, 'accepted');
  t.is((await bad).kind, 'refused');
});

test('[RFC 6120 §4.9.3] a shutdown is nobody’s fault: the messages are just sent again', async (t) => {
  await using b = await bench({ script: { message: (peer) => peer.write(error('system-shutdown')) } });
  t.like(await b.send(message()), { kind: 'unanswered', because: 'stream error system-shutdown' });
  t.is(b.events.probe, undefined);
});

test('see-other-host is refused: no connection goes anywhere else', async (t) => {
  await using b = await bench({ random: () => 0 });
  b.server.peers[0]?.write(
    '<stream:error><see-other-host xmlns="urn:ietf:params:xml:ns:xmpp-streams">evil.example:1</see-other-host></stream:error>',
  );
  await until(() => b.server.peers[1]?.online && b.provider.pool().open === 1);
  t.is(b.server.peers.length, 2);
});

test('a suspect without a connection goes back to the store after ack_timeout, and comes back to the probe', async (t) => {
  let broken = false;
  await using b = await bench({
    options: { ack_timeout: '10s' },
    script: {
      auth: (peer) => (broken ? peer.drop() : peer.write('<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>')),
      message(peer, m) {
        if (peer.number > 0) return peer.ack(m);
        broken = true;
        poison(peer);
      },
    },
    random: () => 0,
  });
  const sent = message();
  const first = b.send(sent);
  await until(() => b.events.stream_error);
  await b.pass(11_000);
  t.is((await first).kind, 'unanswered');
  broken = false;
  await b.pass(61_000);
  await until(() => b.provider.room() > 0);
  t.is(b.provider.pool().probing, 0);
  t.is((await b.send(sent)).kind, 'accepted');
  t.is(b.events.probe, 1);
});

test('while nobody gets an answer the service is to blame, but not for ever: ten connections end for one message', async (t) => {
  await using b = await bench({
    script: { message: (peer, m) => (m.json.to === 'poison' ? poison(peer) : peer.ack(m)) },
    random: () => 0,
    flow: true,
  });
  t.like(await b.send(message({ fcm: { to: 'poison' } })), { kind: 'refused', code: 'INVALID_MESSAGE', dead: true });
  t.is(b.events.stream_error, 1 + 10);
});
