import test from 'ava';
import {
  ackJson,
  answerStanza,
  badRequest,
  DRAINING_JSON,
  isCondition,
  nackJson,
  readAppServerMessage,
  refusalStanza,
  upstreamStanza,
} from '../../../src/protocols/ccs/index.ts';
import { stanzas } from './elements.ts';

const DOMAINS = ['gcm.googleapis.com'];

function read(xml: string) {
  const [stanza] = stanzas(xml);
  if (!stanza) throw new Error('no stanza');
  return readAppServerMessage(stanza, DOMAINS);
}

const gcm = (json: string): string => `<message><gcm xmlns="google:mobile:data"><![CDATA[${json}]]></gcm></message>`;
const message = (more: object) => read(gcm(JSON.stringify({ to: 'device:1', message_id: 'm1', ...more })));

test('a message is read whole, whatever the prefix of its element', (t) => {
  const json = '{"to":"device:1","message_id":"m1","delivery_receipt_requested":true}';
  t.deepEqual(read(`<message id="7"><d:gcm xmlns:d="google:mobile:data">${json}</d:gcm></message>`), {
    kind: 'message',
    target: 'device:1',
    id: 'm1',
    receipt: true,
    problem: undefined,
    fields: { to: 'device:1', message_id: 'm1', delivery_receipt_requested: true },
    json,
  });
});

test('an ack is read by its address and id', (t) => {
  t.deepEqual(message({ message_type: 'ack' }), { kind: 'ack', to: 'device:1', id: 'm1' });
  t.deepEqual(read(gcm('{"message_id":"m1","message_type":"ack"}')), { kind: 'ack', to: undefined, id: 'm1' });
});

for (const [what, xml, code, text] of [
  ['no element', '<message><body>hello</body></message>', 400, 'InvalidJson: missing gcm element'],
  ['an element of another namespace', '<message><gcm>{}</gcm></message>', 400, 'InvalidJson: missing gcm element'],
  ['no JSON', gcm('{'), 400, 'InvalidJson: JSON_PARSING_ERROR'],
  ['no object', gcm('[]'), 400, 'InvalidJson: JSON_PARSING_ERROR : not a JSON object'],
  [
    '64 levels and one more',
    gcm(`{"a":${'['.repeat(64)}${']'.repeat(64)}}`),
    400,
    'InvalidJson: JSON_PARSING_ERROR : nested deeper than 64 levels',
  ],
  ['no id', gcm('{"to":"a"}'), 400, 'InvalidJson: JSON_PARSING_ERROR : Missing Required Field: message_id'],
  [
    'an empty id',
    gcm('{"message_id":""}'),
    400,
    'InvalidJson: JSON_PARSING_ERROR : Missing Required Field: message_id',
  ],
  ['a number as id', gcm('{"message_id":5}'), 400, 'InvalidJson: JSON_TYPE_ERROR : message_id must be a string'],
  ['a token as address', '<message to="device:1"/>', 400, 'JID malformed'],
] as const) {
  test(`unreadable: ${what} [fcm.md §1.7]`, (t) => {
    t.like(read(xml), { kind: 'unreadable', error: { code, text, type: 'modify' } });
  });
}

for (const [what, fields, code, words] of [
  ['registration_ids', { registration_ids: ['a'] }, 'INVALID_JSON', /registration_ids/],
  ['a TTL in text', { time_to_live: '600' }, 'INVALID_JSON', /INVALID_TTL/],
  ['a TTL below zero', { time_to_live: -1 }, 'INVALID_JSON', /INVALID_TTL/],
  ['a TTL past four weeks', { time_to_live: 2_419_201 }, 'INVALID_JSON', /INVALID_TTL/],
  ['an unknown priority', { priority: 'urgent' }, 'INVALID_JSON', /priority/],
  ['data that is no object', { data: 'text' }, 'INVALID_JSON', /data must be a JSON object/],
  ['a flag in text', { dry_run: 'true' }, 'INVALID_JSON', /dry_run must be a boolean/],
  ['no target', { to: undefined }, 'INVALID_JSON', /MissingRegistration/],
  ['two targets', { condition: "'a' in topics" }, 'INVALID_JSON', /both to and condition/],
  ['a target that is no text', { to: 5 }, 'INVALID_JSON', /to must be a string/],
  ['a bad topic', { to: '/topics/a b' }, 'INVALID_JSON', /topic/],
  ['a bad condition', { to: undefined, condition: 'a && b' }, 'INVALID_JSON', /condition/],
  ['a token with a blank', { to: 'a b' }, 'BAD_REGISTRATION', /token/],
  ['a reserved key', { data: { google_x: '1' } }, 'INVALID_JSON', /InvalidDataKey : google_x/],
  ['4097 bytes of data', { data: { a: 'x'.repeat(4096) } }, 'INVALID_JSON', /MessageTooBig/],
  ['2049 bytes to a topic', { to: '/topics/a', data: { a: 'x'.repeat(2048) } }, 'INVALID_JSON', /MessageTooBig/],
  ['an unknown type', { message_type: 'control' }, 'INVALID_JSON', /unknown message_type/],
] as const) {
  test(`a problem: ${what} [fcm.md §1.4, §1.6]`, (t) => {
    const found = message(fields);
    if (found.kind !== 'message' || !found.problem) return t.fail('CCS would nack it');
    t.is(found.problem.code, code);
    t.regex(found.problem.description, words);
  });
}

for (const [what, fields] of [
  ['the longest TTL', { time_to_live: 2_419_200 }],
  ['the shortest TTL', { time_to_live: 0 }],
  ['4096 bytes of data', { data: { a: 'x'.repeat(4095) } }],
  ['2048 bytes to a topic', { to: '/topics/a', data: { a: 'x'.repeat(2047) } }],
  ['a condition', { to: undefined, condition: "'a' in topics" }],
] as const) {
  test(`no problem: ${what}`, (t) => {
    t.like(message(fields), { kind: 'message', problem: undefined });
  });
}

test('a receipt is for devices, not for topics and trials', (t) => {
  const receipt = (more: object) => {
    const found = message({ delivery_receipt_requested: true, ...more });
    return found.kind === 'message' && found.receipt;
  };
  t.true(receipt({}));
  t.false(receipt({ to: '/topics/a' }));
  t.false(receipt({ dry_run: true }));
  t.false(receipt({ to: undefined, condition: "'a' in topics" }));
});

test('conditions: at most two operators', (t) => {
  const topic = "'a' in topics";
  t.true(isCondition(`!(${topic}) && ${topic}`));
  t.true(isCondition(`(((${topic}))) || (${topic} && ${topic.toUpperCase()})`));
  t.false(isCondition(`${topic} && ${topic} && ${topic} && ${topic}`));
  for (const bad of ['', '()', `${topic} ${topic}`, `${topic} &&`, `(${topic}`, `${topic} & ${topic}`]) {
    t.false(isCondition(bad), bad);
  }
  const nested = (levels: number) => `${'('.repeat(levels)}${topic} && ${topic}${')'.repeat(levels)}`;
  t.true(isCondition(nested(30)));
  t.false(isCondition(nested(31)), 'more than 64 symbols');
});

test('what the server writes has the forms of the recordings [fcm.md §1.3]', (t) => {
  t.is(
    answerStanza(ackJson('a<', 'm1', 'new')),
    '<message><data:gcm xmlns:data="google:mobile:data">{"from":"a&lt;","message_id":"m1","message_type":"ack","registration_id":"new"}</data:gcm></message>',
  );
  t.is(
    answerStanza(nackJson('a', 'm1', 'BAD_ACK', 'why'), 'gcm'),
    '<message><gcm xmlns="google:mobile:data">{"message_type":"nack","from":"a","message_id":"m1","error":"BAD_ACK","error_description":"why"}</gcm></message>',
  );
  t.deepEqual(JSON.parse(DRAINING_JSON), { message_type: 'control', control_type: 'CONNECTION_DRAINING' });
  t.is(
    upstreamStanza('123@gcm.googleapis.com', '{}'),
    '<message to="123@gcm.googleapis.com" from="devices@gcm.googleapis.com" type="normal"><gcm xmlns="google:mobile:data">{}</gcm></message>',
  );
});

test('a refusal echoes what it refuses', (t) => {
  const [stanza] = stanzas('<message id="3"><gcm xmlns="google:mobile:data">{&lt;</gcm></message>');
  if (!stanza) return t.fail('no stanza');
  t.is(
    refusalStanza(stanza, '1@gcm.googleapis.com/R', badRequest('no')),
    '<message id="3" type="error" to="1@gcm.googleapis.com/R"><gcm xmlns="google:mobile:data">{&lt;</gcm>' +
      '<error code="400" type="modify"><bad-request xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/><text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas">no</text></error></message>',
  );
});
