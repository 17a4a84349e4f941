import test, { type ExecutionContext } from 'ava';
import { StoreError } from '../../../src/core/index.ts';
import type { Forwarded } from '../../../src/doors/webpush/index.ts';
import type { PushHeaders } from '../../../src/protocols/webpush/index.ts';
import { FakeProvider } from '../../core/fake-provider.ts';
import { signer } from '../../protocols/webpush/keys.ts';
import { type Answer, type Json, NO_TOKEN, PUBLIC_URL, type PushBenchOptions, pushed, startPush } from './bench.ts';

const PATH = '/_matrix/push/v1/notify';
const FOREIGN = 'https://up.example.org/abc';

/** What a homeserver sends. [Matrix Push Gateway API] */
const content: Json = {
  event_id: '$3957tyerfgewrf384',
  room_id: '!slw48wfj34rtnrf:example.com',
  type: 'm.room.message',
  sender: '@exampleuser:matrix.org',
  prio: 'high',
  content: { msgtype: 'm.text', body: "I'm floating in a most peculiar way." },
  counts: { unread: 2, missed_calls: 1 },
};

interface Handed {
  readonly url: string;
  readonly body: string;
  readonly headers: PushHeaders;
}

/** A gateway, and what it handed on to others, whose answers are the test's. */
async function start(
  t: ExecutionContext,
  given: PushBenchOptions & { readonly matrix?: Json; readonly alone?: true } = {},
) {
  const handed: Handed[] = [];
  const answers = new Map<string, Forwarded>();
  const bench = await startPush(t, {
    ...given,
    door: { matrix: { ...given.matrix }, ...given.door },
    ...(!given.alone && {
      forward: async (url, body, headers) => {
        handed.push({ url, body: Buffer.from(body).toString(), headers });
        return answers.get(url) ?? { kind: 'taken' };
      },
    }),
  });
  const post = (json: unknown): Promise<Answer> =>
    bench.ask(PATH, { method: 'POST', body: typeof json === 'string' ? json : JSON.stringify(json) });
  const notify = (pushkeys: readonly string[], fields: Json = {}) =>
    post({ notification: { ...content, ...fields, devices: pushkeys.map((pushkey) => ({ app_id: 'app', pushkey })) } });
  return { ...bench, handed, answers, send: post, notify };
}

test('it tells what it is, to people and to scripts', async (t) => {
  const { ask } = await start(t);
  t.like(await ask(PATH), { status: 200, json: { unifiedpush: { gateway: 'matrix' } } });
  t.is((await ask(PATH, { method: 'HEAD' })).status, 200);
  const asked = await ask(PATH, { method: 'OPTIONS' });
  t.is(asked.status, 204);
  t.is(asked.headers.get('access-control-allow-origin'), '*');
});

test('other methods: 405, as Matrix says it', async (t) => {
  const { ask } = await start(t);
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    const got = await ask(PATH, { method, body: 'x' });
    t.like(got, { status: 405, json: { errcode: 'M_UNRECOGNIZED' } }, method);
    t.is(got.headers.get('allow'), 'GET, POST');
  }
});

test('without the option there is no gateway', async (t) => {
  const { ask } = await startPush(t);
  for (const method of ['GET', 'POST']) t.is((await ask(PATH, { method })).status, 404);
});

test('every device gets the notification without the devices; rejected is a list', async (t) => {
  const { endpoint, notify, provider, handed } = await start(t);
  const [one, two] = [await endpoint(), await endpoint()];
  const legacy = `${PUBLIC_URL}${two.up}`;
  const got = await notify([one.url, legacy, FOREIGN]);
  t.deepEqual([got.status, got.json], [200, { rejected: [] }]);
  const body = JSON.stringify({ notification: content });
  for (const [count, { token }] of [one, two].entries()) {
    const { target, payload, ttl } = (await provider.attempt(count + 1)).message;
    t.is(target, token);
    t.is(ttl, 86_400);
    t.is(pushed(payload).body.toString(), body);
    t.deepEqual(pushed(payload).headers, { type: 'application/json', urgency: 'high', ttl: 86_400 });
  }
  const headers = { encoding: 'aes128gcm', type: 'application/json', urgency: 'high', ttl: 86_400 };
  t.deepEqual(handed, [{ url: FOREIGN, body, headers }]);
});

test('the priority of a notification is the urgency of the push', async (t) => {
  const { notify, handed } = await start(t);
  for (const [prio, urgency] of [
    ['high', 'high'],
    ['low', 'low'],
    [undefined, 'high'],
  ] as const) {
    t.is((await notify([FOREIGN], { prio })).status, 200);
    t.is(handed.at(-1)?.headers.urgency, urgency);
  }
});

test('what can never be delivered to is rejected, and only that', async (t) => {
  const { endpoint, endpoints, notify, provider, handed, answers } = await start(t);
  const [alive, revoked, ended, signed] = [
    await endpoint(),
    await endpoint(),
    await endpoint({ lifeMs: 0 }),
    await endpoint({ vapid: signer().key }),
  ];
  await endpoints.revoke({ token: revoked.token });
  answers.set('https://up.example.org/gone', { kind: 'gone' });
  answers.set('https://up.example.org/refused', { kind: 'refused' });
  const rejected = [
    `${PUBLIC_URL}/push/${NO_TOKEN}`,
    `${PUBLIC_URL}/push/x`,
    `${PUBLIC_URL}/UP`,
    `${PUBLIC_URL}${PATH}`,
    `${PUBLIC_URL}/receipt/${NO_TOKEN}`,
    revoked.url,
    ended.url,
    signed.url,
    'https://up.example.org/gone',
    'http://up.example.org/plain',
    'https://user:password@up.example.org/x',
    `https://up.example.org/${'x'.repeat(1_000)}`,
    'file:///etc/passwd',
    'not a URL',
  ];
  const got = await notify([alive.url, ...rejected, 'https://up.example.org/refused', 'not a URL']);
  t.deepEqual([got.status, got.json], [200, { rejected }]);
  t.is((await provider.attempt(1)).message.target, alive.token);
  t.is(provider.attempts.length, 1);
  t.deepEqual(
    handed.map(({ url }) => url),
    ['https://up.example.org/gone', 'https://up.example.org/refused'],
  );
});

test('endpoints of others are rejected where the gateway is for our own alone', async (t) => {
  for (const given of [{ alone: true }, { matrix: { foreign: false } }] as const) {
    const { endpoint, notify, handed } = await start(t, given);
    const { url } = await endpoint();
    t.deepEqual((await notify([FOREIGN, url])).json, { rejected: [FOREIGN] });
    t.deepEqual(handed, []);
  }
});

test('a server beside ours on the same host is another one', async (t) => {
  const publicUrl = 'https://example.net/bridge';
  const { endpoint, notify, handed, provider } = await start(t, { publicUrl });
  const { url, token } = await endpoint();
  const beside = [
    'https://example.net/other/push',
    'https://example.net/bridges/x',
    'https://example.net:8443/bridge/x',
  ];
  t.deepEqual((await notify([...beside, url, `${publicUrl}/x`])).json, { rejected: [`${publicUrl}/x`] });
  t.deepEqual(
    handed.map((one) => one.url),
    beside,
  );
  t.is((await provider.attempt(1)).message.target, token);
});

test('trouble that passes fails the request; who got it does not get it again when it comes again', async (t) => {
  const { endpoint, notify, provider, answers, handed } = await start(t);
  const { url } = await endpoint();
  answers.set(FOREIGN, { kind: 'later', delayMs: 20_000 });
  for (let n = 0; n < 2; n++) {
    const got = await notify([url, FOREIGN, 'not a URL']);
    t.like(got, { status: 503, json: { errcode: 'M_UNKNOWN' } });
    t.is(got.headers.get('retry-after'), '20');
  }
  answers.delete(FOREIGN);
  t.like(await notify([url, FOREIGN, 'not a URL']), { status: 200, json: { rejected: ['not a URL'] } });
  await provider.attempt(1);
  t.is(provider.attempts.length, 1);
  t.is(handed.length, 3);
  t.is((await notify([url])).status, 200, 'the same, once more');
  await provider.attempt(2);
});

test('another notification is another one, whatever became of the last', async (t) => {
  const { endpoint, notify, provider, answers } = await start(t);
  const { url } = await endpoint();
  answers.set(FOREIGN, { kind: 'later' });
  t.is((await notify([url, FOREIGN])).headers.get('retry-after'), '5');
  t.is((await notify([url, FOREIGN], { event_id: '$other' })).status, 503);
  await provider.attempt(2);
});

test('a store in trouble, and a full one: 503', async (t) => {
  const provider = new FakeProvider('xmpp', 0);
  const { endpoint, notify, gated } = await start(t, { maxPending: 1, provider });
  const { url } = await endpoint();
  const well = gated.refuse('accept', new StoreError('full', 'the disk is full'));
  t.like(await notify([url]), { status: 503, json: { errcode: 'M_UNKNOWN' } });
  well();
  t.is((await notify([url])).status, 200);
  t.is((await notify([url], { event_id: '$2' })).headers.get('retry-after'), '30');
});

test('too many: 429, for an endpoint of ours and for a server of others, each by itself', async (t) => {
  const rate = { per_minute: 6, burst: 1 };
  const { endpoint, notify, handed } = await start(t, { door: { matrix: { foreign_rate: rate }, rate } });
  const { url } = await endpoint();
  for (const pushkey of [url, FOREIGN]) {
    t.is((await notify([pushkey])).status, 200);
    const limited = await notify([pushkey], { event_id: '$2' });
    t.like(limited, { status: 429, json: { errcode: 'M_LIMIT_EXCEEDED' } });
    t.is(limited.headers.get('retry-after'), '10');
  }
  t.is((await notify(['https://up.example.org/another'])).status, 429, 'the same server');
  t.is((await notify(['https://up.example.com/x'])).status, 200);
  t.is(handed.length, 2);
});

test('a guess is a guess here too', async (t) => {
  const { notify, post } = await start(t, { door: { matrix: {}, guesses: { per_minute: 1, burst: 1 } } });
  t.is((await notify([`${PUBLIC_URL}/push/${NO_TOKEN}`])).status, 200);
  t.is((await notify([`${PUBLIC_URL}/push/${NO_TOKEN}`])).status, 429);
  t.is((await post(`/push/${NO_TOKEN}`, 'x')).status, 429);
});

test('what is too large for a push is sent without its content; what is too large even so is refused', async (t) => {
  const { notify, handed } = await start(t);
  const { event_id, room_id, counts, prio } = content;
  const bytes = Buffer.byteLength(JSON.stringify({ notification: { ...content, content: { body: '' } } }));
  t.is((await notify([FOREIGN], { content: { body: 'x'.repeat(4_096 - bytes) } })).status, 200);
  t.is(handed[0]?.body.length, 4_096);
  t.is((await notify([FOREIGN], { content: { body: 'x'.repeat(4_097 - bytes) } })).status, 200);
  t.deepEqual(JSON.parse(handed[1]?.body ?? ''), { notification: { event_id, room_id, prio, counts } });
  t.like(await notify([FOREIGN], { event_id: 'x'.repeat(4_096) }), { status: 413, json: { errcode: 'M_TOO_LARGE' } });
  t.is(handed.length, 2);
});

test('what is no notification is refused, as Matrix says it', async (t) => {
  const { send, handed } = await start(t);
  const device = { app_id: 'app', pushkey: FOREIGN };
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  for (const [body, errcode] of [
    ['', 'M_NOT_JSON'],
    ['{', 'M_NOT_JSON'],
    ['null', 'M_BAD_JSON'],
    ['[]', 'M_BAD_JSON'],
    [{}, 'M_BAD_JSON'],
    [{ notification: null }, 'M_BAD_JSON'],
    [{ notification: {} }, 'M_BAD_JSON'],
    [{ notification: { devices: [] } }, 'M_BAD_JSON'],
    [{ notification: { devices: device } }, 'M_BAD_JSON'],
    [{ notification: { devices: [{}] } }, 'M_BAD_JSON'],
    [{ notification: { devices: [{ pushkey: 5 }] } }, 'M_BAD_JSON'],
    [{ notification: { devices: [{ pushkey: '' }] } }, 'M_BAD_JSON'],
    [{ notification: { devices: Array(33).fill(device) } }, 'M_BAD_JSON'],
    [`{"notification":{"devices":[${JSON.stringify(device)}],"content":${deep}}}`, 'M_BAD_JSON'],
  ] as const) {
    t.like(await send(body), { status: 400, json: { errcode } }, JSON.stringify(body).slice(0, 80));
  }
  t.like(await send(`{"a":"${'x'.repeat(65_536)}"}`), { status: 413, json: { error: 'too_large' } });
  t.deepEqual(handed, []);
});
