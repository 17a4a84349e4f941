import test from 'ava';
import { type Address, Exits, exceptionOption, ForbiddenUrl, URL_MAX } from '../../../src/protocols/http/exits.ts';

const rules = { allow: [], allowHttp: false };

function refusal(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof ForbiddenUrl ? error.message : `thrown: ${String(error)}`;
  }
}

const longest = `https://push.example/${'x'.repeat(URL_MAX - 'https://push.example/'.length)}`;
const urls: readonly (readonly [url: string, because?: string])[] = [
  ['https://push.example/push/abc?x=1'],
  ['https://push.example:8443/'],
  ['https://8.8.8.8/push'],
  ['https://[2606:4700::1111]/push'],
  [longest],
  [`${longest}x`, `longer than ${URL_MAX} characters`],
  ['', 'is no URL'],
  ['push.example/abc', 'is no URL'],
  ['https://', 'is no URL'],
  ['https://push.example/a b', 'is no URL'],
  ['https://push.example/\r\nhost: other', 'is no URL'],
  ['https://push.exa\tmple/', 'is no URL'],
  ['https://pusch.exämple/', 'is no URL'],
  ['https://push.example:99999/', 'is no URL'],
  ['http://push.example/', 'must begin with https://'],
  ['ftp://push.example/', 'must begin with https://'],
  ['file:///etc/passwd', 'must begin with https://'],
  ['javascript:alert(1)', 'must begin with https://'],
  ['https://user@push.example/', 'must not hold a name or a password'],
  ['https://user:word@push.example/', 'must not hold a name or a password'],
  ['https://127.0.0.1/', 'the address of 127.0.0.1 is not public'],
  ['https://127.1/', 'the address of 127.0.0.1 is not public'],
  ['https://2130706433/', 'the address of 127.0.0.1 is not public'],
  ['https://0x7f.0.0.1/', 'the address of 127.0.0.1 is not public'],
  ['https://0177.0.0.1/', 'the address of 127.0.0.1 is not public'],
  ['https://%31%32%37.0.0.1/', 'the address of 127.0.0.1 is not public'],
  ['https://169.254.169.254/latest', 'the address of 169.254.169.254 is not public'],
  ['https://[::1]/', 'the address of ::1 is not public'],
  ['https://[::ffff:10.0.0.1]/', 'the address of ::ffff:a00:1 is not public'],
  ['https://[fd00::1]/', 'the address of fd00::1 is not public'],
];
for (const [url, because] of urls) {
  test(`${url.length > 60 ? `${url.length} characters` : JSON.stringify(url)}: ${because ?? 'taken'}`, (t) => {
    const exits = new Exits(rules);
    t.is(
      refusal(() => exits.read(url)),
      because,
    );
  });
}

const exceptions: readonly (readonly [allow: string, url: string, because?: string])[] = [
  ['127.0.0.1', 'https://127.0.0.1/'],
  ['127.0.0.1', 'https://127.0.0.2/', 'the address of 127.0.0.2 is not public'],
  ['192.168.1.0/24', 'https://192.168.1.255/'],
  ['192.168.1.0/24', 'https://192.168.2.0/', 'the address of 192.168.2.0 is not public'],
  ['fd00::/8', 'https://[fd12::1]/'],
  ['::1', 'https://[::1]/'],
  ['127.0.0.1', 'http://127.0.0.1/'],
  ['127.0.0.1', 'http://8.8.8.8/', 'must begin with https://'],
  ['push.lan', 'http://PUSH.LAN/'],
  ['push.lan', 'http://other.lan/', 'must begin with https://'],
];
for (const [allow, url, because] of exceptions) {
  test(`with ${allow} allowed, ${url}: ${because ?? 'taken'}`, (t) => {
    const exits = new Exits({ allow: [allow], allowHttp: true });
    t.is(
      refusal(() => exits.read(url)),
      because,
    );
  });
}

test('what is an exception', (t) => {
  const good = ['localhost', 'push.example', 'PUSH.example', '127.0.0.1', '::1', '10.0.0.0/8', 'fd00::/8', '0.0.0.0/0'];
  for (const text of good) t.true(exceptionOption().safeParse(text).success, text);
  const bad = [
    '',
    'https://push.example',
    'push example',
    '10.0.0.0/33',
    '::/129',
    'push.example/24',
    '10.0.0/8',
    '/8',
  ];
  for (const text of bad) t.false(exceptionOption().safeParse(text).success, text);
});

/** What a name comes to when a connection looks it up. */
function lookedUp(exits: Exits, host: string, protocol: 'https:' | 'http:' = 'https:'): Promise<string[] | string> {
  return new Promise((resolve) => {
    exits.lookup(protocol)(host, { all: true }, (error, found) => {
      if (error) resolve(error.message);
      else resolve((found as Address[]).map(({ address }) => address));
    });
  });
}

const at = (...addresses: string[]) => ({
  resolve: async (): Promise<readonly Address[]> =>
    addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
});

test('of the addresses of a name only public ones are connected to', async (t) => {
  const exits = new Exits({ ...rules, ...at('10.0.0.1', '8.8.8.8', '::1', '2606:4700::1111') });
  t.deepEqual(await lookedUp(exits, 'push.example'), ['8.8.8.8', '2606:4700::1111']);
});

test('a name without a public address is refused, and its address is not told', async (t) => {
  const exits = new Exits({ ...rules, ...at('10.0.0.1', 'fe80::1') });
  t.is(await lookedUp(exits, 'intranet.example'), 'the address of intranet.example is not public');
});

test('a name that changes its address is judged each time', async (t) => {
  let address = '8.8.8.8';
  const exits = new Exits({ ...rules, resolve: async () => [{ address, family: 4 }] });
  t.deepEqual(await lookedUp(exits, 'rebind.example'), ['8.8.8.8']);
  address = '127.0.0.1';
  t.is(await lookedUp(exits, 'rebind.example'), 'the address of rebind.example is not public');
});

test('an exception by name holds for all its addresses, one by range for all names', async (t) => {
  const inside = at('10.0.0.1', '8.8.8.8');
  const byName = new Exits({ allow: ['push.lan'], allowHttp: true, ...inside });
  t.deepEqual(await lookedUp(byName, 'Push.LAN', 'http:'), ['10.0.0.1', '8.8.8.8']);
  const byRange = new Exits({ allow: ['10.0.0.0/8'], allowHttp: true, ...inside });
  t.deepEqual(await lookedUp(byRange, 'any.example'), ['10.0.0.1', '8.8.8.8']);
  t.deepEqual(await lookedUp(byRange, 'any.example', 'http:'), ['10.0.0.1']);
  const outside = new Exits({ allow: ['10.0.0.0/8'], allowHttp: true, ...at('8.8.8.8') });
  t.is(await lookedUp(outside, 'any.example', 'http:'), 'must begin with https://');
});

test('whoever asks for the same name at once shares one answer; the next one asks anew', async (t) => {
  let asked = 0;
  const exits = new Exits({
    ...rules,
    resolve: async () => {
      asked++;
      return [{ address: '8.8.8.8', family: 4 }];
    },
  });
  await Promise.all([
    lookedUp(exits, 'push.example'),
    lookedUp(exits, 'PUSH.example'),
    lookedUp(exits, 'push.example'),
  ]);
  t.is(asked, 1);
  await lookedUp(exits, 'push.example');
  t.is(asked, 2);
});

test('a name that nobody knows is an error like others', async (t) => {
  const resolve = () => Promise.reject(new Error('ENOTFOUND'));
  t.is(await lookedUp(new Exits({ ...rules, resolve }), 'push.example'), 'ENOTFOUND');
});

test('the name of this machine is found by the system if it is an exception', async (t) => {
  const found = await lookedUp(new Exits({ allow: ['localhost'], allowHttp: false }), 'localhost');
  t.true(found.includes('127.0.0.1') || found.includes('::1'));
});
