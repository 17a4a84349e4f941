import { Duplex } from 'node:stream';
import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { StreamSocket } from '../../../src/protocols/xmpp/index.ts';

/** One end of a line whose other end the test holds. */
function open() {
  const writes: string[] = [];
  let release: (() => void) | undefined;
  let stuck = false;
  const duplex = new Duplex({
    writableHighWaterMark: 5,
    read() {},
    write(chunk, _, done) {
      writes.push(String(chunk));
      if (stuck) release = done;
      else done();
    },
  });
  const clock = new ManualClock();
  const seen: string[] = [];
  const socket: StreamSocket = new StreamSocket(
    duplex,
    { clock, drainMs: 1_000, lingerMs: 100, highWaterBytes: 10 },
    {
      onData(chunk) {
        seen.push(String(chunk));
        socket.post('a');
        socket.post('b');
      },
      onDrained: () => seen.push('[drained]'),
      onClose: (error) => seen.push(`[closed ${error?.message ?? 'well'}]`),
    },
  );
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    socket,
    duplex,
    clock,
    writes,
    seen,
    turn,
    block: () => {
      stuck = true;
    },
    unblock() {
      stuck = false;
      release?.();
    },
  };
}

test('joins what is posted, and keeps the order with what is sent', async (t) => {
  const { socket, duplex, writes, turn } = open();
  duplex.push('x');
  await turn();
  t.deepEqual(writes, ['ab'], 'one write for one chunk');
  socket.post('1');
  socket.post('2');
  socket.send('3');
  t.deepEqual(writes, ['ab', '12', '3']);
  socket.post('4');
  await turn();
  t.is(writes.at(-1), '4');
});

test('stops reading from a peer that does not read, and goes on when it does', async (t) => {
  const { socket, duplex, clock, seen, turn, block, unblock } = open();
  block();
  socket.send('x'.repeat(11));
  t.true(duplex.isPaused());
  duplex.push('waits');
  await turn();
  t.deepEqual(seen, []);
  unblock();
  await turn();
  await turn();
  t.deepEqual(seen, ['[drained]', 'waits']);
  t.is(clock.waiting, 0);
});

test('at the high water mark it still reads', (t) => {
  const { socket, duplex, block } = open();
  block();
  socket.send('x'.repeat(10));
  t.false(duplex.isPaused());
});

test('tells when it is clogged, by what was written or posted, and when no more', async (t) => {
  const { socket, seen, turn, block, unblock } = open();
  socket.post('x'.repeat(10));
  t.false(socket.clogged, 'at the mark');
  socket.post('x');
  t.true(socket.clogged, 'one past it');
  await turn();
  t.false(socket.clogged);
  t.deepEqual(seen, ['[drained]']);
  block();
  socket.post('x'.repeat(11));
  await turn();
  t.true(socket.clogged);
  unblock();
  await turn();
  t.false(socket.clogged);
  t.deepEqual(seen, ['[drained]', '[drained]']);
});

test('gives up on a peer that never reads', async (t) => {
  const { socket, clock, seen, block } = open();
  block();
  socket.send('x'.repeat(11));
  await clock.advance(999);
  t.deepEqual(seen, []);
  await clock.advance(1);
  t.deepEqual(seen, ['[closed the peer does not read]']);
});

test('a paused socket stays paused when the peer reads again', async (t) => {
  const { socket, duplex, block, unblock, turn } = open();
  block();
  socket.send('x'.repeat(11));
  socket.pause();
  unblock();
  await turn();
  t.true(duplex.isPaused());
  socket.resume();
  t.false(duplex.isPaused());
});

test('ends after all that was written; a peer that does not end is cut off', async (t) => {
  const { socket, writes, clock, seen } = open();
  socket.post('last');
  socket.end();
  socket.send('too late');
  t.deepEqual(writes, ['last']);
  await clock.advance(100);
  t.deepEqual(seen, ['[closed well]']);
  t.is(clock.waiting, 0);
});

test('when the peer ends, so do we', async (t) => {
  const { duplex, seen, turn } = open();
  duplex.push(null);
  await turn();
  await turn();
  t.deepEqual(seen, ['[closed well]']);
});
