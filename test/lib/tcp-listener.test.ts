import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { type Log, silentLog } from '../../src/lib/log.ts';
import { TcpListener, type TcpListenerOptions } from '../../src/lib/tcp-listener.ts';
import { cert, key } from '../client/tls-fixture.ts';

async function setUp(t: ExecutionContext, given: Partial<TcpListenerOptions> = {}) {
  const accepted: Socket[] = [];
  const lines: string[] = [];
  let heard = () => {};
  const info: Log['info'] = (event) => {
    lines.push(event);
    heard();
  };
  const listener = new TcpListener({
    protocol: 'TEST',
    host: '127.0.0.1',
    port: 0,
    maxConnections: 10,
    tcp: {},
    log: { ...silentLog, info },
    accept: (socket) => {
      accepted.push(socket.on('error', () => {}));
      heard();
    },
    ...given,
  });
  t.teardown(() => {
    listener.close();
    listener.destroy();
  });
  /** Resolves when `done` holds; looked at with each connection and each line of the log. */
  const until = (done: () => boolean) =>
    new Promise<void>((resolve) => {
      heard = () => done() && resolve();
      heard();
    });
  const dial = async () => {
    const socket = connect(listener.port, '127.0.0.1').on('error', () => {});
    t.teardown(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  return { listener, accepted, lines, until, dial };
}

const tls = { cert, key, handshakeTimeout: 10_000 };

test('it has a port once it listens', async (t) => {
  const { listener, accepted, until, dial } = await setUp(t);
  t.is(listener.port, 0);
  await listener.start();
  t.true(listener.port > 0);
  const socket = await dial();
  await until(() => accepted.length === 1);
  accepted[0]?.write('hello');
  t.is(String(await once(socket, 'data')), 'hello');
});

test('an address that is taken', async (t) => {
  const { listener } = await setUp(t);
  await listener.start();
  const second = await setUp(t, { port: listener.port });
  await t.throwsAsync(second.listener.start(), { message: new RegExp(`EADDRINUSE.*127\\.0\\.0\\.1:${listener.port}`) });
});

test('closing lets nobody in and leaves those who are in; destroying cuts them off', async (t) => {
  const { listener, accepted, until, dial } = await setUp(t);
  await listener.start();
  const { port } = listener;
  const socket = await dial();
  await until(() => accepted.length === 1);
  listener.close();
  listener.close();
  const late = connect(port, '127.0.0.1');
  t.like(await once(late, 'error'), { 0: { code: 'ECONNREFUSED' } });
  accepted[0]?.write('still here');
  t.is(String(await once(socket, 'data')), 'still here');
  listener.destroy();
  await once(socket, 'close');
  t.pass();
});

/** Shakes hands. */
async function greet(t: ExecutionContext, port: number): Promise<void> {
  const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: cert });
  t.teardown(() => socket.destroy());
  await once(
    socket.on('error', () => {}),
    'secureConnect',
  );
}

test('TLS: who is accepted has done the handshake', async (t) => {
  const { listener, accepted, until } = await setUp(t, { tls });
  await listener.start();
  await greet(t, listener.port);
  await until(() => accepted.length === 1);
  t.pass();
});

test('TLS: whoever speaks something else is told of and cut off, and harms nobody', async (t) => {
  const { listener, accepted, lines, until, dial } = await setUp(t, { tls });
  await listener.start();
  const socket = await dial();
  const closed = once(socket, 'close');
  socket.resume().write('GET / HTTP/1.1\r\n\r\n');
  await until(() => lines.length === 1);
  await closed;
  t.deepEqual(lines, ['TEST TLS handshake failed']);
  t.deepEqual(accepted, []);
});

test('TLS: whoever says nothing is cut off after the deadline', async (t) => {
  const { listener, lines, until, dial } = await setUp(t, { tls: { ...tls, handshakeTimeout: 50 } });
  await listener.start();
  const socket = await dial();
  await Promise.all([once(socket.resume(), 'close'), until(() => lines.length === 1)]);
  t.deepEqual(lines, ['TEST TLS handshake failed']);
});

test('TLS: at the end whoever is in a handshake is cut off too', async (t) => {
  const { listener, accepted, until, dial } = await setUp(t, { tls });
  await listener.start();
  const silent = await dial();
  await greet(t, listener.port); // connected later, so the other one has been let in too
  await until(() => accepted.length === 1);
  const ended = once(silent.resume(), 'close');
  listener.destroy();
  await ended;
  t.pass();
});

test('connections beyond the limit may be told so, up to a limit of their own', async (t) => {
  const { listener, accepted, until, dial } = await setUp(t, { maxConnections: 1 });
  await listener.start();
  await Promise.all(Array.from({ length: 1 + 1_024 }, dial));
  await until(() => accepted.length === 1 + 1_024);
  const dropped = await dial();
  await once(dropped.resume(), 'close');
  t.is(accepted.length, 1 + 1_024);
});
