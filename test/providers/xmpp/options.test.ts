import test from 'ava';
import { xmppOptions } from '../../../src/providers/xmpp/index.ts';
import { allowedHosts } from '../../../src/providers/xmpp/options.ts';

const least = { domain: 'push.example.org', secret: 's' };

test('what is enough, and what it means', (t) => {
  const options = xmppOptions.parse(least);
  t.like(options, {
    host: 'localhost',
    port: 5347,
    connections: 1,
    in_flight: 1_000,
    in_flight_per_account: 100,
    answer_timeout: 30_000,
    bounce_wait: 2_000,
    away_retry: 300_000,
  });
  t.deepEqual(options.registrations, { lifetime: 30 * 86_400_000, dialects: ['legacy', 'gultsch'], at_once: 1_000 });
  t.deepEqual([...allowedHosts(options)], ['example.org']);
});

test('hosts that may register are named, or it is the one above the component', (t) => {
  const hosts = (given: object): string[] => [...allowedHosts(xmppOptions.parse({ ...least, ...given }))];
  t.deepEqual(hosts({ registrations: { hosts: ['A.example', 'b.example'] } }), ['a.example', 'b.example']);
  t.deepEqual(hosts({ registrations: { hosts: [] } }), []);
  t.deepEqual(hosts({ domain: 'Push.Localhost' }), ['localhost']);
});

const BAD: readonly { key: string; value: unknown }[] = [
  { key: 'domain', value: 'a@push.example.org' },
  { key: 'domain', value: '' },
  { key: 'secret', value: '' },
  { key: 'connections', value: 0 },
  { key: 'connections', value: 11 },
  { key: 'in_flight', value: 0 },
  { key: 'bounce_wait', value: '61s' },
  { key: 'max_stanza_bytes', value: 65_535 },
  { key: 'registrations', value: { dialects: [] } },
  { key: 'registrations', value: { dialects: ['xmpp'] } },
  { key: 'registrations', value: { hosts: ['a/b'] } },
  { key: 'registrations', value: { lifetime: '59s' } },
  { key: 'unknown', value: 1 },
];

for (const { key, value } of BAD) {
  test(`refused: ${key}: ${JSON.stringify(value)}`, (t) => {
    const { success, error } = xmppOptions.safeParse({ ...least, [key]: value });
    t.false(success);
    const [issue] = error?.issues ?? [];
    t.true(issue?.path[0] === key || JSON.stringify(issue).includes(key), JSON.stringify(issue));
  });
}
