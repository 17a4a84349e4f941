import test from 'ava';
import { fcmOptions } from '../../../src/providers/fcm/index.ts';

test('defaults', (t) => {
  t.deepEqual(fcmOptions.parse({}), {
    url: 'https://fcm.googleapis.com',
    connections: { min: 1, max: 10, streams: 100, idle: 300_000, max_age: 3_000_000 },
    connect_timeout: 10_000,
    deadline: 15_000,
    ping_interval: 0,
    quota: { per_minute: 600_000, ramp_up: 60_000 },
    delivery_receipts: 'ignore',
    max_payload_bytes: 4_096,
  });
});

test('bounds: at the limit and one past it', (t) => {
  const ok = (more: object) => fcmOptions.safeParse(more).success;
  t.true(ok({ connections: { min: 100, max: 100, streams: 1_000 } }));
  t.false(ok({ connections: { max: 101 } }));
  t.false(ok({ connections: { min: 0 } }));
  t.false(ok({ connections: { min: 3, max: 2 } }));
  t.false(ok({ connections: { streams: 1_001 } }));
  t.true(ok({ quota: { per_minute: 0, ramp_up: 0 } }));
  t.false(ok({ quota: { per_minute: -1 } }));
  t.true(ok({ quota: { ramp_up: '1h' } }));
  t.false(ok({ quota: { ramp_up: '61m' } }));
  t.true(ok({ delivery_receipts: 'app' }));
  t.false(ok({ delivery_receipts: 'promise' }));
  t.true(ok({ url: 'https://localhost:8443' }));
  for (const url of ['http://localhost', 'https://localhost/', 'https://a@b', 'localhost', 'https://']) {
    t.false(ok({ url }), url);
  }
  t.true(ok({ url: 'https://[::1]:8443' }));
  for (const url of ['https://localhost:99999', 'https://[::1', 'https://:443', 'https://exa%mple']) {
    t.false(ok({ url }), url);
  }
  t.true(ok({ project: 'my-project-1' }));
  t.true(ok({ project: 'example.com:old' }));
  for (const project of ['', '../x', 'a/b', 'a b', `a${'b'.repeat(63)}`]) t.false(ok({ project }), project);
  t.false(ok({ unknown: 1 }));
});

test('every option says what it is for', (t) => {
  const { shape } = fcmOptions;
  for (const [name, field] of Object.entries(shape)) t.truthy(field.description, name);
});
