import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Backend, brief, downstream, type Json, until } from '../../doors/bal/harness.ts';
import { collect, Story } from '../harness.ts';

const APP = 'com.example.app';

/** A bridge that is connected to its service. */
async function start(t: ExecutionContext, config: Json, session: Json = {}) {
  const story = await Story.start({ config, sessions: [{ id: APP, ...session }] });
  t.teardown(() => story.stop());
  const { control } = story.emulator;
  await until(() => control.stats().logins > 0, 'a connection to the service');
  return { story, control };
}

test('[promise 1, 6] a backend that reads and never acknowledges gets its window and no more; what it holds goes elsewhere under the same numbers', async (t) => {
  const { story, control } = await start(t, { bal: { port: 0, ack_timeout: '5s' } });
  const silent = await story.logOn({ window: 5 });
  const [first] = control.upstream({ count: 12 });
  const held = await silent.take(5);
  t.is(held[0]?.message_id, first);
  // What it sends still goes to the provider; the answers wait behind the window.
  silent.send(...Array.from({ length: 20 }, (_, n) => downstream(`m${n}`)));
  await until(() => control.stats().acks === 20, 'the last ack of the service');
  t.deepEqual(await silent.sync(), []);
  t.deepEqual(brief(await silent.untilEnd()), ['ERROR SLOW_CONSUMER']);
  const next = await story.logOn({ window: 100 });
  const frames = await collect(next, 32, 'UPSTREAM', 'DOWNSTREAM_ACK');
  t.deepEqual(
    frames.map((frame) => frame.sequence_id),
    frames.map((_, n) => n + 1),
  );
  t.deepEqual(frames.slice(0, 5), held);
});

test('[promise 5] max_inbox: at the limit DOWNSTREAM waits, one upstream message more is a dead letter, and ACKs free the session', async (t) => {
  const { story, control } = await start(t, {}, { max_inbox: 10 });
  const backend = await story.logOn({ window: 100 });
  control.upstream({ count: 9 });
  await backend.take(9);
  backend.send(downstream('below')); // one below the limit: taken, and its answer fills the inbox
  t.deepEqual(brief(await backend.take(1)), ['DOWNSTREAM_ACK below']);
  backend.send(downstream('at'));
  control.upstream({ message_id: 'beyond' });
  await until(() => control.stats().upstreamAcked === 10, 'the ack of what became a dead letter');
  t.deepEqual(await backend.sync(), []);
  t.is(control.stats().received, 1, 'nothing more was taken');
  backend.ack(1, 2);
  t.deepEqual(brief(await backend.take(1)), ['DOWNSTREAM_ACK at']);
  control.upstream({ message_id: 'within' });
  t.deepEqual(brief(await backend.take(1)), ['UPSTREAM within']);
});

/** Stands between a backend and the bridge, and forwards nothing more in either direction once it is frozen. */
async function relay(t: ExecutionContext, port: number) {
  const sockets = new Set<Socket>();
  let frozen = false;
  const pass = (from: Socket, to: Socket) => {
    sockets.add(from);
    from.on('data', (chunk: Buffer) => {
      if (!frozen) to.write(chunk);
    });
    from.on('error', () => {});
    from.on('close', () => !frozen && to.destroy());
  };
  const server = createServer((near) => {
    const far = connect({ port, host: '127.0.0.1' });
    pass(near, far);
    pass(far, near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    /** From here on everything is swallowed, and both sides believe in the other. */
    freeze: () => {
      frozen = true;
    },
    /** From here on nothing is even read. */
    stall: () => {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
  };
}

for (const [what, how, fault] of [
  ['the ack deadline', 'swallows what it is sent', 'freeze'],
  ['the write deadline', 'takes nothing more', 'stall'],
] as const) {
  test(`[promise 6] a peer that vanished without a word is let go by ${what} when its side ${how}`, async (t) => {
    const { story, control } = await start(t, { bal: { port: 0, ack_timeout: '2s', write_timeout: '2s' } });
    const between = await relay(t, story.app.balPort);
    const gone = await Backend.connect(between.port);
    gone.send({ message_type: 'LOGON', session_id: APP, window: fault === 'freeze' ? 3 : 1_000, client: 'gone' });
    t.is((await gone.next()).status, 'SUCCESS');
    between[fault]();
    // Without anything to send nobody can know, and nothing is lost by it.
    const count = fault === 'freeze' ? 6 : 250;
    control.upstream({ count, bytes: fault === 'freeze' ? 0 : 40_000 });
    await until(() => control.stats().upstreamAcked === count, 'the last ack');
    const next = await story.logOn({ window: 1_000 });
    const frames = await collect(next, count, 'UPSTREAM');
    t.is(new Set(frames.map((frame) => frame.sequence_id)).size, count);
    gone.destroy();
  });
}
