import { once } from 'node:events';
import { connect } from 'node:tls';
import test from 'ava';
import { start } from '../fcm/stage.ts';
import { until } from './raw-client.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const SETTINGS = 4;
const HEADERS = 1;
const GOAWAY = 7;
const ACK = 1;
const END_HEADERS = 4;

/** [RFC 9113 §4.1] */
function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header that is in no table, as it is. [RFC 7541 §6.2.2] */
const literal = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.of(0, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value)]);

const REQUEST = Buffer.concat([
  literal(':method', 'POST'),
  literal(':scheme', 'https'),
  literal(':authority', 'localhost'),
  literal(':path', '/v1/projects/p/messages:send'),
]);

test('a client that opens more streams than it was allowed loses its connection, and is counted', async (t) => {
  const { emulator, control } = await start(t, { max_streams: 2 });
  const socket = connect({
    port: emulator.port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: emulator.caPem,
    ALPNProtocols: ['h2'],
  });
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  let seen = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
  });
  socket.on('error', () => {});
  let closed = false;
  socket.on('close', () => {
    closed = true;
  });
  const types = (): number[] => {
    const found = [];
    for (let at = 0; at + 9 <= seen.length; at += 9 + seen.readUIntBE(at, 3)) found.push(seen[at + 3] ?? 0);
    return found;
  };
  socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0, Buffer.alloc(0))]));
  await until(() => types().includes(SETTINGS));
  socket.write(frame(SETTINGS, ACK, 0, Buffer.alloc(0)));
  // Streams that stay open, because their bodies do not end.
  for (const stream of [1, 3]) socket.write(frame(HEADERS, END_HEADERS, stream, REQUEST));
  await until(() => control.connections()[0]?.streams === 2);
  t.is(control.stats().breaches, 0);
  socket.write(frame(HEADERS, END_HEADERS, 5, REQUEST));
  await until(() => closed);
  t.true(types().includes(GOAWAY));
  t.like(control.stats(), { breaches: 1, maxStreams: 2, connections: 0 });
});
