import test from 'ava';
import { inspectPayload } from '../../../src/providers/ccs/inspect.ts';

const check = (fcm: object) => inspectPayload({ kind: 'fcm', json: JSON.stringify(fcm) }, 4_096)?.code;

test('[fcm.md §1.4] keys and values of data: 4096 bytes are taken, one more is not', (t) => {
  t.is(check({ to: 't', data: { key: 'x'.repeat(4_093) } }), undefined);
  t.is(check({ to: 't', data: { key: 'x'.repeat(4_094) } }), 'PAYLOAD_TOO_LARGE');
  t.is(check({ to: 't', data: { key: 'ü'.repeat(2_046) } }), undefined);
  t.is(check({ to: 't', data: { key: 'ü'.repeat(2_047) } }), 'PAYLOAD_TOO_LARGE');
  t.is(check({ to: 't', data: { key: '\n'.repeat(4_093) } }), undefined);
  t.is(check({ to: 't', notification: { body: 'x'.repeat(5_000) } }), undefined);
});

test('half of it for topics and conditions', (t) => {
  for (const target of [{ to: '/topics/news' }, { condition: "'a' in topics" }]) {
    t.is(check({ ...target, data: { key: 'x'.repeat(2_045) } }), undefined);
    t.is(check({ ...target, data: { key: 'x'.repeat(2_046) } }), 'PAYLOAD_TOO_LARGE');
  }
});

test('other payloads are for other providers', (t) => {
  t.is(inspectPayload({ kind: 'opaque', body: new Uint8Array(), headers: '{}' }, 4_096)?.code, 'INVALID_MESSAGE');
  t.is(inspectPayload({ kind: 'fcm', json: `[${'1,'.repeat(5_000)}` }, 4_096)?.code, 'INVALID_MESSAGE');
});
