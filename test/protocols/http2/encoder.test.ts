import type { ServerHttp2Stream } from 'node:http2';
import test, { type ExecutionContext } from 'ava';
import { HeaderEncoder } from '../../../src/protocols/http2/hpack/index.ts';
import { nodePeer } from './node-peer.ts';

type Lines = Readonly<Record<string, string>>;

/** What was sent is what Node's decoder hears, request after request: both tables go through the same. */
async function conversation(t: ExecutionContext, requests: readonly (Lines | { readonly table: number })[]) {
  const peer = nodePeer();
  t.teardown(() => peer.close());
  peer.server.on('stream', (stream: ServerHttp2Stream) => {
    stream.resume();
    stream.respond({ ':status': 200 }, { endStream: true });
  });
  let sent = 0;
  for (const request of requests) {
    if (typeof request.table === 'number') {
      await peer.change({ headerTableSize: request.table });
      continue;
    }
    const path = `/${++sent}`;
    const result = await peer.post({ path, headers: request as Lines, body: '' });
    t.is(result.kind, 'response');
    t.deepEqual(plain(peer.heard.at(-1)?.headers), {
      ':method': 'POST',
      ':scheme': 'https',
      ':authority': 'example.org',
      ':path': path,
      ...request,
      'content-length': '0',
    });
  }
  t.is(peer.heard.length, sent);
}

const plain = (headers: object = {}) => Object.fromEntries(Object.entries(headers));
const times = (count: number, of: (i: number) => Lines): Lines[] => Array.from({ length: count }, (_, i) => of(i));

/** Every request says some things again and again, and others anew. */
const mixed = (from: number) =>
  times(12, (i) => ({
    authorization: 'bearer abc',
    'apns-topic': i % 2 ? 'one' : 'two',
    'apns-id': String(from + i),
    [`x-${i % 3}`]: `${'v'.repeat(i)}`,
  }));

/** Two of a kind, one after the other, take a place in the table. */
const twice = (lines: Lines) => [lines, lines];

const conversations: [what: string, requests: readonly (Lines | { readonly table: number })[]][] = [
  ['values that repeat', times(5, () => ({ 'x-a': 'same', authorization: 'bearer abc' }))],
  ['values that alternate', times(8, (i) => ({ 'x-a': i % 2 ? 'one' : 'two' }))],
  ['values that come twice and then alternate', times(12, (i) => ({ 'x-a': (i >> 1) % 2 ? 'one' : 'two' }))],
  ['more than the table holds', times(200, (i) => ({ 'x-a': `${i >> 1}-${'v'.repeat(200)}`, 'x-b': 'stays' }))],
  ['sizes of all kinds', times(300, (i) => ({ 'x-a': 'v'.repeat((i >> 1) * 13), 'x-b': `${i >> 2}` }))],
  [
    'an entry as large as the table',
    [{ 'x-b': 'b' }, ...twice({ 'x-a': 'v'.repeat(4_061), 'x-b': 'b' }), { 'x-b': 'b' }],
  ],
  [
    'an entry larger than the table',
    [{ 'x-b': 'b' }, ...twice({ 'x-a': 'v'.repeat(4_062), 'x-b': 'b' }), { 'x-b': 'b' }],
  ],
  [
    'no table, a small one, and back',
    [...mixed(0), { table: 0 }, ...mixed(20), { table: 64 }, ...mixed(40), { table: 4_096 }, ...mixed(60)],
  ],
  [
    'a table that shrinks and grows before the next request',
    [...mixed(0), { table: 64 }, { table: 0 }, { table: 4_096 }, ...mixed(20)],
  ],
  ['a table that grows in two steps', [...mixed(0), { table: 0 }, { table: 64 }, { table: 128 }, ...mixed(20)]],
  ['a table larger than we use', [...mixed(0), { table: 65_536 }, ...mixed(20), { table: 100 }, ...mixed(40)]],
  ['Latin-1 and empty values', times(4, () => ({ 'x-a': 'gr\u00fc\u00df', 'x-b': '' }))],
  ['a value with a long length', times(3, () => ({ 'x-a': 'v'.repeat(20_000) }))],
];

for (const [what, requests] of conversations) {
  test(`Node's decoder hears what was said: ${what}`, async (t) => {
    await conversation(t, requests);
  });
}

test('the names of the static table stand where the server expects them', async (t) => {
  const names = [
    'accept-charset accept-encoding accept-language accept-ranges accept access-control-allow-origin age allow',
    'authorization cache-control content-disposition content-encoding content-language content-location content-range',
    'content-type cookie date etag expect expires from if-match if-modified-since if-none-match if-range',
    'if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range referer',
    'refresh retry-after server strict-transport-security user-agent vary via www-authenticate',
  ].flatMap((line) => line.split(' '));
  const lines = Object.fromEntries(names.map((name) => [name, `value of ${name}`]));
  await conversation(t, [lines, { ...lines, 'accept-encoding': 'gzip, deflate' }]);
});

/** Blocks of one line each, in hex. */
function blocks(encoder: HeaderEncoder, ...lines: readonly [name: string, value: string][]): string[] {
  return lines.map(([name, value]) => {
    encoder.begin();
    encoder.add(name, value);
    return encoder.end().toString('hex');
  });
}

test('a line takes a place in the table when it comes the second time in a row', (t) => {
  const line = ['x', 'y'] as const;
  t.deepEqual(blocks(new HeaderEncoder(), [...line], [...line], [...line], ['x', 'z'], [...line], [...line]), [
    '0001780179',
    '4001780179',
    'be',
    '000178017a',
    'be',
    'be',
  ]);
});

test('an entry larger than the table drives nothing out', (t) => {
  const encoder = new HeaderEncoder();
  const [first] = blocks(encoder, ['x', 'y'], ['x', 'y']).slice(1);
  t.is(first, '4001780179');
  const large = ['l', 'v'.repeat(4_096 - 32)] as const;
  const [, again] = blocks(encoder, [...large], [...large]);
  t.true(again?.startsWith('00016c'));
  t.deepEqual(blocks(encoder, ['x', 'y']), ['be']);
  const fitting = ['l', 'v'.repeat(4_096 - 33)] as const;
  const [, kept, known] = blocks(encoder, [...fitting], [...fitting], [...fitting]);
  t.true(kept?.startsWith('40016c'));
  t.is(known, 'be');
  t.is(blocks(encoder, ['x', 'y'])[0], '4001780179', 'it takes the whole table');
});

test('of more names than there may be the first are forgotten', (t) => {
  const again = (names: number): string | undefined => {
    const encoder = new HeaderEncoder();
    const others = Array.from({ length: names - 1 }, (_, i): [string, string] => [`n-${i}`, 'v']);
    return blocks(encoder, ['x', 'y'], ...others, ['x', 'y']).at(-1);
  };
  t.is(again(128), '4001780179');
  t.is(again(129), '0001780179');
});

test('sizes of the table stand once, at the beginning of the next block', (t) => {
  const encoder = new HeaderEncoder();
  encoder.limit(64);
  encoder.limit(0);
  encoder.limit(100_000);
  t.deepEqual(blocks(encoder, [':method', 'POST'], [':method', 'POST']), ['203fe11f83', '83']);
  encoder.limit(4_096);
  t.deepEqual(blocks(encoder, [':method', 'POST']), ['83'], 'nothing has changed');
});
