import { generateKeyPairSync, randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { type AppBench, type Json, KEY, message, startApp } from './bench.ts';
import { ec, folder, jwk, jwt, rsa, spki } from './tokens.ts';

const refusal = { error: 'unauthorized', message: 'key or token are not good for this category and device' };

/** Refused like everybody who has no right to be here: a difference would tell something. */
function refused(t: ExecutionContext, { status, json, headers }: Awaited<ReturnType<AppBench['post']>>, what: string) {
  t.is(status, 401, what);
  t.deepEqual(json, refusal, what);
  t.is(headers.get('www-authenticate'), 'Bearer', what);
}

test('the key of the application lets in, and nothing else; who is unknown hears the same', async (t) => {
  const { upstream, receipt, ask, inbox } = await startApp(t);
  t.is((await upstream({}, { authorization: `Bearer ${KEY}` })).status, 200);
  t.is((await upstream({}, { authorization: `bearer   ${KEY} ` })).status, 200);
  const wrong = [
    '',
    'Bearer',
    'Bearer ',
    KEY,
    `Basic ${KEY}`,
    `Bearer ${KEY}x`,
    `Bearer ${KEY.slice(1)}`,
    'Bearer x y',
  ];
  for (const authorization of wrong) {
    refused(t, await upstream({ message_id: 'no' }, { authorization }), authorization);
    refused(t, await receipt({}, { authorization }), authorization);
  }
  for (const category of ['nobody', '__proto__', 'App', 'app ']) refused(t, await upstream({ category }), category);
  const bare = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(message) };
  refused(t, await ask('/v1/upstream', bare), 'no header at all');
  t.is((await inbox()).length, 1);
});

const session = (id: string) => ({ id, maxPending: 10, maxInbox: 10 });

test('the key of one application is none of another, and the ids of its messages are its own', async (t) => {
  const other = 'another-key-of-16-or-more';
  const { upstream } = await startApp(t, {
    sessions: [session('app'), session('other')],
    others: [{ id: 'other', key: other }],
  });
  const authorization = `Bearer ${other}`;
  refused(t, await upstream({}, { authorization }), 'foreign');
  refused(t, await upstream({ category: 'other' }), 'foreign');
  t.like(await upstream({ category: 'other' }, { authorization }), { json: { status: 'stored' } });
  t.like(await upstream(), { json: { status: 'stored' } });
});

const pair = ec();
const seconds = ({ clock }: Pick<AppBench, 'clock'>) => Math.floor(clock.now() / 1_000);

/** A door that asks for tokens signed by `pair`. */
async function withTokens(t: ExecutionContext, token: Json = {}, key = spki(pair.publicKey)) {
  const file = folder(t)('key', key);
  const bench = await startApp(t, { application: { token: { key: file, ...token } } });
  const claims = { sub: 'device', aud: 'app', exp: seconds(bench) + 60 };
  const show = (given: string, fields: Json = {}) => bench.upstream(fields, { authorization: `Bearer ${given}` });
  return { ...bench, claims, show };
}

test('a signed token speaks for the device that it names', async (t) => {
  const { claims, show, receipt } = await withTokens(t);
  const good = jwt({ alg: 'ES256' }, claims, pair.privateKey);
  t.is((await show(good)).status, 200);
  t.is((await receipt({}, { authorization: `Bearer ${good}` })).status, 404);
  const now = claims.exp - 60;
  for (const more of [
    { aud: ['x', 'app'] },
    { exp: now - 29 },
    { nbf: now + 30 },
    { iat: now + 999, iss: 'whoever' },
  ]) {
    const token = jwt({ alg: 'ES256', typ: 'JWT', kid: 'any' }, { ...claims, ...more }, pair.privateKey);
    t.is((await show(token)).status, 200, JSON.stringify(more));
  }
});

test('a token that is wrong, expired, foreign or not signed is refused, without a word why', async (t) => {
  const { claims, show, inbox, faults } = await withTokens(t);
  const { sub, aud, exp } = claims;
  const now = exp - 60;
  const by = (given: Json, header: Json & { alg: string } = { alg: 'ES256' }, key = pair.privateKey) =>
    jwt(header, given, key);
  const good = by(claims);
  const [head = '', body = '', signed = ''] = good.split('.');
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'other' })).toString('base64url');
  const cases: [string, string, Json?][] = [
    ['of another device', good, { from: 'other' }],
    ['sub is missing', by({ aud, exp })],
    ['sub is no text', by({ ...claims, sub: 5 })],
    ['sub is a longer one', by({ ...claims, sub: 'device2' })],
    ['aud is missing', by({ sub, exp })],
    ['aud is another', by({ ...claims, aud: 'other' })],
    ['aud is another list', by({ ...claims, aud: ['other'] })],
    ['exp is missing', by({ sub, aud })],
    ['exp is no number', by({ ...claims, exp: String(exp) })],
    ['expired', by({ ...claims, exp: now - 31 })],
    ['just expired', by({ ...claims, exp: now - 30 })],
    ['not yet', by({ ...claims, nbf: now + 31 })],
    ['foreign signature', by(claims, { alg: 'ES256' }, ec().privateKey)],
    ['none', jwt({ alg: 'none' }, claims)],
    ['none, with a signature', `${jwt({ alg: 'none' }, claims)}${signed}`],
    ['None', jwt({ alg: 'None' }, claims)],
    ['signature cut off', `${head}.${body}.`],
    ['signature of another text', `${head}.${forged}.${signed}`],
    ['the public key as a secret', jwt({ alg: 'HS256' }, claims, spki(pair.publicKey))],
    ['another algorithm', by(claims, { alg: 'RS256' }, rsa().privateKey)],
    ['key in the header', by(claims, { alg: 'ES256', jwk: jwk(ec().publicKey) }, ec().privateKey)],
    ['critical and unknown', by(claims, { alg: 'ES256', crit: ['x'], x: 1 })],
    ['no claims', jwt({ alg: 'ES256' }, [] as never, pair.privateKey)],
    ['two parts', `${head}.${body}`],
    ['five parts', `${good}.a.b`],
    ['junk', 'a.b.c'],
  ];
  for (const [what, token, fields] of cases) refused(t, await show(token, fields), what);
  t.deepEqual(await inbox(), []);
  t.deepEqual(faults, []);
});

test('time passes for tokens', async (t) => {
  const { claims, show, clock } = await withTokens(t);
  const token = jwt({ alg: 'ES256' }, claims, pair.privateKey);
  clock.jump(89_000);
  t.is((await show(token)).status, 200);
  clock.jump(1_000);
  refused(t, await show(token), 'expired by 30 seconds');
});

test('audience, issuer and algorithms are those of the configuration', async (t) => {
  const rsaPair = rsa();
  const settings = { audience: 'https://a.example', issuer: 'https://b.example', algorithms: ['RS384'] };
  const { claims, show } = await withTokens(t, settings, spki(rsaPair.publicKey));
  const good = { ...claims, aud: settings.audience, iss: settings.issuer };
  t.is((await show(jwt({ alg: 'RS384' }, good, rsaPair.privateKey))).status, 200);
  for (const [header, wrong] of [
    [{ alg: 'RS256' }, good],
    [{ alg: 'PS384' }, good],
    [{ alg: 'RS384' }, { ...good, aud: 'app' }],
    [{ alg: 'RS384' }, { ...good, iss: 'other' }],
    [{ alg: 'RS384' }, claims],
  ] as const) {
    refused(t, await show(jwt(header, wrong, rsaPair.privateKey)), JSON.stringify([header, wrong]));
  }
});

test('every kind of key lets its own tokens in', async (t) => {
  const ed = generateKeyPairSync('ed25519');
  const rsaPair = rsa();
  const shared = randomBytes(32).toString('hex');
  const kinds: [string, string, Parameters<typeof jwt>[2], Json?][] = [
    ['EdDSA', spki(ed.publicKey), ed.privateKey],
    ['Ed25519', spki(ed.publicKey), ed.privateKey],
    ['RS256', spki(rsaPair.publicKey), rsaPair.privateKey],
    ['PS256', spki(rsaPair.publicKey), rsaPair.privateKey],
    ['HS256', `${shared}\n`, shared, { algorithms: ['HS256'] }],
    ['HS512', JSON.stringify({ kty: 'oct', k: Buffer.from(shared).toString('base64url') }), shared],
  ];
  for (const curve of [256, 384, 521]) {
    const { publicKey, privateKey } = ec(`P-${curve}`);
    kinds.push([`ES${curve === 521 ? 512 : curve}`, JSON.stringify(jwk(publicKey)), privateKey]);
  }
  for (const [alg, file, key, token] of kinds) {
    const { claims, show } = await withTokens(t, token, file);
    t.is((await show(jwt({ alg }, claims, key))).status, 200, alg);
  }
});

test('of a set the key that the token names is asked', async (t) => {
  const [one, two] = [ec(), ec()];
  const set = { keys: [jwk(one.publicKey, { kid: '1' }), jwk(two.publicKey, { kid: '2' })] };
  const { claims, show } = await withTokens(t, {}, JSON.stringify(set));
  t.is((await show(jwt({ alg: 'ES256', kid: '1' }, claims, one.privateKey))).status, 200);
  t.is((await show(jwt({ alg: 'ES256', kid: '2' }, claims, two.privateKey))).status, 200);
  refused(t, await show(jwt({ alg: 'ES256', kid: '1' }, claims, two.privateKey)), 'the other key');
  refused(t, await show(jwt({ alg: 'ES256', kid: '3' }, claims, one.privateKey)), 'no such key');
  refused(t, await show(jwt({ alg: 'ES256' }, claims, one.privateKey)), 'which of them?');
});

test('an application may have both: a key and tokens', async (t) => {
  const file = folder(t)('key.pem', spki(pair.publicKey));
  const bench = await startApp(t, { application: { key: KEY, token: { key: file } } });
  t.is((await bench.upstream()).status, 200);
  const claims = { sub: 'device', aud: 'app', exp: seconds(bench) + 60 };
  const authorization = `Bearer ${jwt({ alg: 'ES256' }, claims, pair.privateKey)}`;
  t.is((await bench.upstream({}, { authorization })).status, 200);
});

test('a token key that can not be used is named with its path, and nothing of it', (t) => {
  const file = folder(t)('key.pem', 'hush');
  return t.throwsAsync(startApp(t, { application: { token: { key: file } } }), {
    message: /^doors\.app\.applications\[0\]\.token\.key: .*key\.pem: is no PEM(?!.*hush)/,
  });
});

test('a device has its rate; another device, and another time, have their own', async (t) => {
  const { upstream, receipt, clock } = await startApp(t, { door: { rate: { per_minute: 6, burst: 3 } } });
  let id = 0;
  const next = (from = 'device') => upstream({ from, message_id: `m${++id}` });
  for (let n = 0; n < 2; n++) t.is((await next()).status, 200);
  t.is((await receipt()).status, 404, 'a receipt counts too');
  const limited = await next();
  t.like(limited, { status: 429, json: { error: 'too_many' } });
  t.is(limited.headers.get('retry-after'), '10');
  t.is((await receipt()).status, 429);
  t.is((await next('other')).status, 200);
  await clock.advance(9_999);
  t.is((await next()).headers.get('retry-after'), '1');
  await clock.advance(1);
  t.is((await next()).status, 200);
  t.is((await next()).status, 429);
});

test('who is not let in uses up nobody’s rate', async (t) => {
  const { upstream } = await startApp(t, { door: { rate: { per_minute: 1, burst: 1 } } });
  for (let n = 0; n < 5; n++) refused(t, await upstream({}, { authorization: 'Bearer wrong' }), 'wrong');
  t.is((await upstream()).status, 200);
  t.is((await upstream()).status, 429);
});

test('so many devices are kept in mind; the one that was silent longest is forgotten', async (t) => {
  const { upstream } = await startApp(t, { door: { rate: { per_minute: 1, burst: 1 }, devices_max: 2 } });
  const status = async (from: string) => (await upstream({ from })).status;
  t.deepEqual([await status('a'), await status('b'), await status('a'), await status('b')], [200, 200, 429, 429]);
  t.is(await status('c'), 200);
  t.is(await status('b'), 429);
  t.is(await status('a'), 200, 'forgotten, and begins anew');
});
