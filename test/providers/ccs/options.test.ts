import test from 'ava';
import { ccsOptions } from '../../../src/providers/ccs/index.ts';

const base = { sender_id: '123', server_key: 'k' };

test('defaults', (t) => {
  const { server_key: key, ...rest } = ccsOptions.parse(base);
  t.is(String(key), '[hidden]');
  t.deepEqual(rest, {
    host: 'fcm-xmpp.googleapis.com',
    port: 5235,
    domain: 'gcm.googleapis.com',
    sender_id: '123',
    pool: { min: 1, max: 10, window: 100, idle: 300_000 },
    ack_timeout: 60_000,
    ping_interval: 30_000,
    login_timeout: 20_000,
    drain_timeout: 300_000,
    draining_max: 20,
    max_stanza_bytes: 65_536,
    max_data_bytes: 4_096,
  });
});

test('bounds: at the limit and one past it', (t) => {
  const ok = (more: object) => ccsOptions.safeParse({ ...base, ...more }).success;
  t.true(ok({ pool: { min: 1, max: 1_000, window: 1_000 } }));
  t.false(ok({ pool: { max: 1_001 } }));
  t.false(ok({ pool: { min: 0 } }));
  t.false(ok({ pool: { window: 1_001 } }));
  t.false(ok({ pool: { min: 3, max: 2 } }));
  t.false(ok({ sender_id: '1@gcm' }));
  t.false(ok({ server_key: '' }));
  t.false(ok({ unknown: 1 }));
});

test('every option says what it is for', (t) => {
  const { shape } = ccsOptions;
  for (const [name, field] of Object.entries(shape)) t.truthy(field.description, name);
});
