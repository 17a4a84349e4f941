import test from 'ava';
import { findPlaces } from '../../src/distributor/places.ts';

const none = () => Promise.reject(new Error('ENOTFOUND'));
const account = { domain: 'example.net', host: undefined, port: undefined, security: 'starttls' } as const;
const asked = (answers: Readonly<Record<string, readonly [string, number, number, number][]>>) => (name: string) =>
  Promise.resolve(
    (answers[name] ?? []).map(([host, port, priority, weight]) => ({ name: host, port, priority, weight })),
  );

test('what is configured is not looked up', async (t) => {
  t.deepEqual(await findPlaces({ ...account, host: 'h' }, none, Math.random), [{ host: 'h', port: 5222 }]);
  t.deepEqual(await findPlaces({ ...account, host: 'h', security: 'tls' }, none, Math.random), [
    { host: 'h', port: 5223 },
  ]);
  t.deepEqual(await findPlaces({ ...account, port: 1 }, none, Math.random), [{ host: 'example.net', port: 1 }]);
});

test('DNS names the servers, by priority and by weight; without it the domain is taken', async (t) => {
  const dns = asked({
    '_xmpp-client._tcp.example.net': [
      ['late', 1, 20, 0],
      ['light', 2, 10, 1],
      ['heavy', 3, 10, 99],
    ],
    '_xmpps-client._tcp.example.net': [['tls', 4, 0, 0]],
  });
  const draws = [0.5, 0.5, 0.5];
  t.deepEqual(await findPlaces(account, dns, () => draws.shift() ?? 0), [
    { host: 'heavy', port: 3 },
    { host: 'light', port: 2 },
    { host: 'late', port: 1 },
  ]);
  t.deepEqual(await findPlaces({ ...account, security: 'tls' }, dns, Math.random), [{ host: 'tls', port: 4 }]);
  t.deepEqual(await findPlaces(account, none, Math.random), [{ host: 'example.net', port: 5222 }]);
  const refused = asked({ '_xmpp-client._tcp.example.net': [['.', 0, 0, 0]] });
  t.deepEqual(await findPlaces(account, refused, Math.random), [{ host: 'example.net', port: 5222 }]);
});

test('eight servers are tried at most', async (t) => {
  const many = Array.from({ length: 20 }, (_, index): [string, number, number, number] => [`s${index}`, 1, index, 0]);
  t.is((await findPlaces(account, asked({ '_xmpp-client._tcp.example.net': many }), Math.random)).length, 8);
});
