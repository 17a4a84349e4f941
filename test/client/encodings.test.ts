import test from 'ava';
import { pb, protobufOf } from '../protocols/bal/helpers.ts';
import { type Json, qtDocument } from '../protocols/bal/qt-reference.ts';
import type { Frame, Wire } from './fake-bridge.ts';
import { stage, turns } from './helpers.ts';

/** What the client wrote is shown by the bytes alone: the fake bridge only looks for them. */
const protobufWire: Wire = {
  write: protobufOf,
  read: (body) => ({ message_type: body.toString('latin1', 2, 2 + (body[1] ?? 0)), body }),
};
const qtWire: Wire = {
  write: (frame) => qtDocument(frame as Json),
  read: (body) => {
    const types = ['LOGON', 'DOWNSTREAM', 'ACK'];
    return { message_type: types.find((type) => body.includes(`message_type\0\0${length(type)}${type}`)), body };
  },
};
const length = (text: string): string => String.fromCharCode(text.length, 0);

test('protobuf', async (t) => {
  const { bridge, client } = await stage(t, { encoding: 'protobuf' }, protobufWire);
  void client.connect();
  const connection = await bridge.logon();
  const { taken, outcome } = await client.send({ messageId: 'm', groupId: 'g', fcmData: { to: 't' } });
  const expected = [...pb.text(1, 'DOWNSTREAM'), ...pb.text(3, 'm'), ...pb.text(4, 'g'), ...pb.text(11, '{"to":"t"}')];
  t.deepEqual((await connection.next('DOWNSTREAM')).body, Buffer.from(expected));
  connection.send({ message_type: 'DOWNSTREAM_TAKEN', message_ids: ['m'] });
  await taken;
  connection.send({
    message_type: 'DOWNSTREAM_REJECT',
    sequence_id: 300,
    session_id: 's',
    message_id: 'm',
    error: 'EXPIRED',
    error_string: 'x',
    taken: true,
    fcm_data: { to: 't' },
  });
  t.deepEqual(await outcome, { kind: 'reject', code: 'EXPIRED', text: 'x', taken: true, data: { to: 't' } });
  t.deepEqual(
    (await connection.next('ACK')).body,
    Buffer.from([...pb.text(1, 'ACK'), ...pb.bytes(6, Buffer.from(pb.varint(300n)))]),
  );
});

test('qt: sequence ids count within a connection, so an ACK does not outlive it', async (t) => {
  const { bridge, client, clock, reached } = await stage(t, { encoding: 'qt' }, qtWire);
  void client.connect();
  const first = await bridge.logon();
  const upstream = (sequence_id: number, message_id: string): Frame => ({
    message_type: 'UPSTREAM',
    sequence_id,
    session_id: 's',
    message_id,
    fcm_data: { from: 'd' },
  });
  first.send(upstream(1, 'a'), upstream(2, 'b'));
  const messages = client.upstream();
  const { value: a } = await messages.next();
  const { value: b } = await messages.next();
  a?.ack();
  t.deepEqual((await first.next('ACK')).body, qtDocument({ message_type: 'ACK', sequence_ids: [1] }));
  first.drop();
  await reached('waiting');
  await clock.advance(0);
  const second = await bridge.logon();
  await reached('online');
  b?.ack();
  await turns();
  t.is(second.unread, 0);
  second.send(upstream(1, 'b'), upstream(2, 'c'));
  const { value: again } = await messages.next();
  t.is(again?.messageId, 'b', 'number 1 is another frame now');
  again?.ack();
  t.deepEqual((await second.next('ACK')).body, qtDocument({ message_type: 'ACK', sequence_ids: [1] }));
});
