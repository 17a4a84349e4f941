import test from 'ava';
import { head, raw } from '../../protocols/http/raw.ts';
import { type AppBenchOptions, type Json, KEY, message, receipt, startApp } from './bench.ts';

const a = (count: number) => 'a'.repeat(count);
/** `{"k":…}` whose key and value take so many bytes together. */
const sized = (bytes: number) => ({ k: a(bytes - 1) });

/** Values that are no text of at most `max` characters. */
const noText = (max: number): [unknown, RegExp][] => [
  [undefined, /^is required$/],
  [null, /^must be a text$/],
  [5, /^must be a text$/],
  [true, /^must be a text$/],
  [['x'], /^must be a text$/],
  [{}, /^must be a text$/],
  ['', /^must not be empty$/],
  [a(max + 1), new RegExp(`^must have at most ${max} characters$`)],
  ['a\u0000', /^must hold no control characters/],
  ['a\nb', /^must hold no control characters/],
  ['a\ud800', /^must hold no control characters/],
];

const ids: Readonly<Record<string, [unknown, RegExp][]>> = { from: noText(4_096), category: noText(255) };

const wrongUpstream: Readonly<Record<string, [unknown, RegExp][]>> = {
  ...ids,
  message_id: noText(255),
  data: [
    [undefined, /^is required$/],
    ...[null, 'x', 5, ['x']].map((value): [unknown, RegExp] => [value, /^must be an object whose values are texts$/]),
    [sized(4_097), /^must not hold more than 4096 bytes$/],
    [{ [a(4_097)]: '' }, /^must not hold more than 4096 bytes$/],
    [{ k: 'ü'.repeat(2_048) }, /^must not hold more than 4096 bytes$/],
  ],
  'data.k': [5, null, true, {}, ['x']].map((value) => [value, /^must be a text$/]),
  time_to_live: [-1, 1.5, 2_419_201, '5', null, true].map((value) => [
    value,
    /^must be a whole number from 0 to 2419200$/,
  ]),
};

const wrongReceipt: Readonly<Record<string, [unknown, RegExp][]>> = {
  ...ids,
  receipt: [
    [undefined, /^is required$/],
    [5, /^must be a text$/],
    ...['', 'fake', 'fake/', '/id', 'fa ke/id', 'fake/i d', '5/id', `${a(64)}/id`, 'fake/\u00fc', 'fake/a\n'].map(
      (value): [unknown, RegExp] => [value, /^must be what the message held under pushbridge_receipt$/],
    ),
    [`fake/${a(124)}`, /^must have at most 128 characters$/],
  ],
  status: [
    [5, /^must be a text$/],
    ...['', 'read', 'A B', '5A', a(65).toUpperCase(), 'A\n'].map((value): [unknown, RegExp] => [
      value,
      /^must be capital letters, digits and "_", at most 64$/,
    ]),
  ],
  timestamp: [-1, 1.5, 8_640_000_000_000_001, '5', null].map((value) => [
    value,
    /^must be a whole number from 0 to 8640000000000000$/,
  ]),
};

/** `fields` with one of them changed, `data.k` below `data`. */
function changed(fields: Json, name: string, value: unknown): Json {
  return name === 'data.k' ? { ...fields, data: { k: value } } : { ...fields, [name]: value };
}

const roomy: AppBenchOptions = { maxNoticeBytes: 100_000 };

test('every field of an upstream message that is missing, of another kind or too large is named', async (t) => {
  const { post, inbox } = await startApp(t, roomy);
  for (const [name, cases] of Object.entries(wrongUpstream)) {
    for (const [value, words] of cases) {
      const { status, json } = await post('/v1/upstream', changed(message, name, value));
      t.like({ status, json }, { status: 400, json: { error: 'bad_request' } }, `${name}: ${JSON.stringify(value)}`);
      t.true(String(json.message).startsWith(`${name}: `), String(json.message));
      t.regex(String(json.message).slice(name.length + 2), words);
    }
  }
  t.deepEqual(await inbox(), []);
});

test('every field of a receipt that is missing, of another kind or too large is named', async (t) => {
  const { post } = await startApp(t);
  for (const [name, cases] of Object.entries(wrongReceipt)) {
    for (const [value, words] of cases) {
      const { status, json } = await post('/v1/receipts', changed(receipt, name, value));
      t.like({ status, json }, { status: 400, json: { error: 'bad_request' } }, `${name}: ${JSON.stringify(value)}`);
      t.true(String(json.message).startsWith(`${name}: `), String(json.message));
      t.regex(String(json.message).slice(name.length + 2), words);
    }
  }
});

test('what is just within the limits is taken', async (t) => {
  const { upstream, receipt: hand, post } = await startApp(t, roomy);
  const from = a(4_096);
  t.is((await upstream({ from, message_id: a(255), data: sized(4_096), time_to_live: 2_419_200 })).status, 200);
  t.is((await upstream({ from, message_id: 'm2', data: {}, time_to_live: 0 })).status, 200);
  t.is((await upstream({ from, message_id: 'm3', data: { k: `${'ü'.repeat(2_047)}x` } })).status, 200);
  // Escaped as much as can be.
  const escaped = JSON.stringify({ ...message, from, message_id: a(255), data: sized(4_096) }).replaceAll(
    'a',
    '\\u0061',
  );
  t.true(escaped.length > 40_000);
  t.is((await post('/v1/upstream', escaped)).status, 200);
  t.is((await hand({ from, receipt: `fake/${a(123)}`, status: a(64).toUpperCase(), timestamp: 0 })).status, 404);
});

test('unknown fields are named, and the known ones told', async (t) => {
  const { post } = await startApp(t);
  t.deepEqual((await post('/v1/upstream', { ...message, ttl: 5, 'to"': 1 })).json, {
    error: 'bad_request',
    message: 'unknown field "ttl", "to\\""; known: from, category, message_id, data, time_to_live',
  });
  t.deepEqual((await post('/v1/receipts', { ...receipt, data: {} })).json, {
    error: 'bad_request',
    message: 'unknown field "data"; known: from, category, receipt, status, timestamp',
  });
});

test('a body that is no JSON object is refused', async (t) => {
  const { post, ask, upstream, inbox } = await startApp(t);
  const whole = JSON.stringify(message);
  const authorization = `Bearer ${KEY}`;
  for (const path of ['/v1/upstream', '/v1/receipts']) {
    for (const body of [
      '',
      '{',
      'null',
      '[]',
      '5',
      '"x"',
      `[${whole}]`,
      `${whole}x`,
      whole.replace('"from"', '"__proto__"'),
    ]) {
      t.like(await post(path, body), { status: 400, json: { error: 'bad_request' } }, body);
    }
    t.is((await post(path, `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`)).status, 400);
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/xml',
      'multipart/form-data; boundary=x',
    ]) {
      t.like(
        await post(path, whole, { 'content-type': type }),
        { status: 415, json: { error: 'unsupported_type' } },
        type,
      );
    }
    const bytes = { method: 'POST', headers: { authorization }, body: Buffer.from(whole) };
    t.is((await ask(path, bytes)).status, 415, 'no content type');
    t.is((await ask(path, { method: 'POST', headers: { authorization } })).status, 400, 'no body');
  }
  t.is((await upstream({}, { 'content-type': 'application/json; charset=utf-8' })).status, 200);
  t.is((await inbox()).length, 1);
});

test('a body that is too large is refused before its end, announced or in pieces', async (t) => {
  const { port, inbox } = await startApp(t);
  for (const [path, limit] of [
    ['/v1/upstream', 6 * 4_096 + 32_768],
    ['/v1/receipts', 32_768],
  ] as const) {
    const lines = ['content-type: application/json', `authorization: Bearer ${KEY}`];
    const announced = head(`POST ${path}`, ...lines, `content-length: ${limit + 1}`);
    const pieces = head(`POST ${path}`, ...lines, 'transfer-encoding: chunked');
    const size = (limit + 1).toString(16);
    for (const request of [announced, `${pieces}${size}\r\n${' '.repeat(limit + 1)}`]) {
      const { status, json } = await raw(port, request);
      t.is(status, 413);
      t.deepEqual(json, { error: 'too_large', message: 'the body is too large' });
    }
  }
  t.deepEqual(await inbox(), []);
});

test('a body that comes in pieces and in time is taken', async (t) => {
  const { port, inbox } = await startApp(t);
  const lines = ['content-type: application/json', `authorization: Bearer ${KEY}`, 'connection: close'];
  const pieces = [...JSON.stringify(message)].map((letter) => `1\r\n${letter}\r\n`).join('');
  const { status, json } = await raw(
    port,
    `${head('POST /v1/upstream', ...lines, 'transfer-encoding: chunked')}${pieces}0\r\n\r\n`,
  );
  t.deepEqual([status, json], [200, { status: 'stored' }]);
  t.is((await inbox()).length, 1);
});

test('a body that does not end in time is given up', async (t) => {
  const { port, inbox } = await startApp(t, { http: { request_timeout: '50ms' } });
  const lines = ['content-type: application/json', `authorization: Bearer ${KEY}`];
  const slow = await raw(port, `${head('POST /v1/upstream', ...lines, 'content-length: 500')}{"from":`);
  t.is(slow.status, 408);
  t.deepEqual(await inbox(), []);
});

test('there is nothing else', async (t) => {
  const { ask } = await startApp(t);
  for (const [method, path, expected, error] of [
    ['GET', '/v1/upstream', 404, 'not_found'],
    ['PUT', '/v1/receipts', 404, 'not_found'],
    ['POST', '/v1/upstream/', 404, 'not_found'],
    ['GET', '/', 404, 'not_found'],
    ['GET', '/%ff', 400, 'bad_request'],
    ['OPTIONS', '/v1/upstream', 404, 'not_found'],
  ] as const) {
    const { status, json, headers } = await ask(path, { method });
    t.deepEqual([status, json.error], [expected, error], path);
    t.is(headers.get('access-control-allow-origin'), null);
  }
});
