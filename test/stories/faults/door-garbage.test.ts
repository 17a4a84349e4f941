import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { brief, bytesOf, downstream, startBridge, until } from '../../doors/bal/harness.ts';
import { seeded } from '../../protocols/bal/helpers.ts';
import { heapAfterCollection } from './heap.ts';

const WAVES = 20;
const PER_WAVE = 500;
/** What the connections may leave in memory, over all of them: a leak of one object each would be more. */
const SLACK_BYTES = 4 * 2 ** 20;

const random = seeded(11);
const noise = (bytes: number) => Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)));
/** The beginning of a TLS ClientHello: record, handshake, version, and then what looks random anyway. */
const tlsHello = () => Buffer.concat([Buffer.from('16030100c8010000c40303', 'hex'), noise(196)]);
const HTTP = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: probe\r\n\r\n');

/** What a connection does once it is there. All of them are gone in the end, whoever closes. */
const kinds: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.end(noise(1 + Math.floor(random() * 300))),
  (socket) => socket.end(tlsHello()),
  (socket) => socket.end(HTTP),
  (socket) => socket.end(), // half closed at once
  (socket) => socket.destroy(),
  (socket) => socket.resetAndDestroy(),
  (socket) => socket.write(noise(3), () => socket.resetAndDestroy()),
  (socket) => socket.end(bytesOf({ message_type: 'LOGON', session_id: 'nobody' })),
  (socket) => socket.end(bytesOf({ message_type: 'LOGON', session_id: 'app' }).subarray(0, 30)),
  (socket) => socket.write(Buffer.alloc(4), () => {}), // waits for the bridge to close
];

/** One connection from an address of its wave: so many from one would use up the ports of the machine. */
function garbage(port: number, wave: number, kind: number): Promise<void> {
  return new Promise((resolve) => {
    const localAddress = process.platform === 'linux' ? `127.0.1.${wave + 1}` : '127.0.0.1';
    const socket = connect({ host: '127.0.0.1', port, localAddress });
    socket.on('error', () => {});
    socket.on('data', () => {});
    socket.on('close', () => resolve());
    socket.on('connect', () => kinds[kind % kinds.length]?.(socket));
  });
}

/** Sockets of this process as Node.js and as the system count them. */
function sockets(): number[] {
  const wraps = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  return process.platform === 'linux' ? [wraps, readdirSync('/proc/self/fd').length] : [wraps];
}

test('[promise 5, 6] 10,000 connections of garbage leave nothing behind, and a good session lives through them', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, {
    clock,
    provider: new FakeProvider('fake', 100, accept),
    options: { max_connections: PER_WAVE + 1, failed_logon_delay: 0 },
  });
  const good = await bridge.logOn();
  const wave = async (n: number) => {
    const all = Promise.all(Array.from({ length: PER_WAVE }, (_, i) => garbage(bridge.door.port, n, i)));
    good.send(downstream(`m${n}`));
    const answer = await good.next(); // in the middle of the wave
    good.ack(answer.sequence_id);
    await all;
    await until(() => bridge.door.connections === 1, 'the last close');
    return brief([answer]);
  };
  t.deepEqual(await wave(0), ['DOWNSTREAM_ACK m0']); // what is made once is made now
  const [before, heap, timers] = [sockets(), heapAfterCollection(), clock.waiting];
  for (let n = 1; n <= WAVES; n++) t.deepEqual(await wave(n), [`DOWNSTREAM_ACK m${n}`]);
  t.deepEqual(await good.sync(), []);
  await until(() => sockets().every((count, i) => count <= (before[i] ?? 0)), 'the last descriptor');
  t.is(clock.waiting, timers);
  t.deepEqual([...bridge.core.sessions.connections()], [['app', 1]]);
  const left = heapAfterCollection() - heap;
  t.true(left < SLACK_BYTES, `${left} bytes`);
});

/** The timer column of this process's sockets in /proc/net/tcp: kind, and hundredths of a second until it fires. */
function timersOf(port: number): { kind: number; ticks: number }[] {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  const fields = lines.map((line) => line.trim().split(/\s+/));
  return fields
    .filter(([, address, , state]) => address?.endsWith(local) && state === '01')
    .map(([, , , , , timer = '']) => ({
      kind: Number.parseInt(timer.slice(0, 2), 16),
      ticks: Number.parseInt(timer.slice(3), 16),
    }));
}

test('[BAL §Sessions and answers] TCP keepalive is on and asks after 60 s', async (t) => {
  const bridge = await startBridge(t);
  await bridge.logOn();
  if (process.platform !== 'linux') return t.pass('only Linux shows the timers of a socket');
  await until(() => timersOf(bridge.door.port).some(({ kind }) => kind === 2), 'a keepalive timer');
  const timer = timersOf(bridge.door.port).find(({ kind }) => kind === 2);
  t.true(timer !== undefined && timer.ticks <= 6_000 && timer.ticks > 3_000, JSON.stringify(timer));
});
