import test from 'ava';
import { answerJson, readServerMessage, receiptJson, type ServerMessage } from '../../../src/protocols/ccs/index.ts';
import { stanzas } from './elements.ts';

function read(text: string): ServerMessage {
  const [element] = stanzas(text);
  if (!element) throw new Error('no stanza');
  return readServerMessage(element);
}

const gcm = (json: string): ServerMessage =>
  read(
    `<message><data:gcm xmlns:data="google:mobile:data">${json.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</data:gcm></message>`,
  );

test('draining is found in JSON that is none', (t) => {
  t.is(gcm('{"message_type":"control","control_type":"CONNECTION_DRAINING"}').kind, 'draining');
  t.is(gcm('{\n "message_type":"control"\n "control_type" : "CONNECTION_DRAINING"\n}').kind, 'draining');
  t.deepEqual(gcm('{"data": CONNECTION_DRAINING'), { kind: 'unknown', reason: 'bad_json' });
});

test('a device cannot make a connection drain by what it sends', (t) => {
  const text = JSON.stringify({
    from: 'd',
    message_id: '1',
    category: 'a',
    data: { x: '"control_type":"CONNECTION_DRAINING"' },
  });
  t.is(gcm(text).kind, 'upstream');
});

test('codes of nacks: the first word, at most 64 characters', (t) => {
  const code = (error: unknown) => {
    const nack = gcm(JSON.stringify({ message_type: 'nack', message_id: '1', error }));
    return nack.kind === 'nack' ? [nack.code, nack.description] : undefined;
  };
  t.deepEqual(code('BAD_REGISTRATION'), ['BAD_REGISTRATION', '']);
  t.deepEqual(code('InvalidJson : INVALID_TTL : Invalid value'), ['InvalidJson', 'INVALID_TTL : Invalid value']);
  t.deepEqual(code(undefined), ['', '']);
  t.deepEqual(code({}), ['', '']);
  t.is(code('X'.repeat(100))?.[0]?.length, 64);
});

test('an id may be a number', (t) => {
  t.like(gcm('{"message_type":"ack","message_id":17}'), { kind: 'ack', wireId: '17' });
});

test('__proto__ is a key like any other', (t) => {
  const ack = gcm('{"message_type":"ack","message_id":"w","__proto__":{"a":1}}');
  t.is(
    ack.kind === 'ack' && answerJson(ack.fields, 'own'),
    '{"message_type":"ack","message_id":"own","__proto__":{"a":1}}',
  );
});

test('receipts: the original id from data, or from behind dr2:', (t) => {
  t.like(gcm('{"message_type":"receipt","from":"g","message_id":"dr2:a","data":{"original_message_id":"b"}}'), {
    kind: 'receipt',
    id: 'dr2:a',
    wireId: 'b',
  });
  const bare = gcm('{"message_type":"receipt","from":"g","message_id":"dr2:a"}');
  t.like(bare, { wireId: 'a' });
  t.is(
    bare.kind === 'receipt' && receiptJson(bare.fields, 'own'),
    '{"message_type":"receipt","from":"g","message_id":"dr2:own","data":{"original_message_id":"own"}}',
  );
  t.deepEqual(gcm('{"message_type":"receipt","from":"g"}'), { kind: 'unknown', reason: 'bad_fields' });
});

test('stanza errors by number, by condition, with words in both places', (t) => {
  const error = (inner: string, attrs = '') =>
    read(`<message type="error" id="i"><error ${attrs}>${inner}</error></message>`);
  const stanza = 'xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"';
  t.like(error(`<bad-request ${stanza}/><text ${stanza}>why</text>`, 'code="400" type="modify"'), {
    code: 400,
    type: 'modify',
    condition: 'bad-request',
    text: 'why',
    ids: ['i'],
  });
  t.like(error(`<not-acceptable ${stanza}/>`), { code: 406, text: 'not-acceptable' });
  t.like(error('InvalidJson : JSON_PARSING_ERROR', 'code="400"'), {
    code: 400,
    text: 'InvalidJson : JSON_PARSING_ERROR',
  });
  t.like(error('', 'code="x"'), { code: 0, text: '' });
  t.like(read('<message type="error"/>'), { kind: 'stanza-error', code: 0, ids: [] });
});

test('nothing that CCS could send throws', (t) => {
  const values = [
    'null',
    '[]',
    '1',
    '"x"',
    '{}',
    '',
    '{"message_type":1}',
    '{"message_type":null}',
    '{"message_type":"ack"}',
  ];
  for (const value of values) t.truthy(gcm(value).kind);
  for (const type of ['ack', 'nack', 'receipt', 'control', '']) {
    for (const junk of ['null', '{}', '[]', '1', '"s"']) {
      t.truthy(
        gcm(`{"message_type":"${type}","message_id":${junk},"from":${junk},"data":${junk},"error":${junk}}`).kind,
      );
    }
  }
});

test('of JSON nested too deep the values that are not nested count: 63 levels are taken, 64 are not', (t) => {
  const deep = (levels: number) => '['.repeat(levels - 1) + ']'.repeat(levels - 1);
  for (const type of ['ack', 'nack', 'receipt', 'upstream'] as const) {
    const head = type === 'upstream' ? '' : `"message_type":"${type}",`;
    const json = (levels: number) => `{${head}"message_id":"w","from":"d","data":{"k":${deep(levels - 1)}}}`;
    const kept = gcm(json(63));
    const left = gcm(json(64));
    const bottomless = gcm(json(20_000));
    t.deepEqual(bottomless, left);
    t.is(left.kind, type);
    t.true('fields' in kept ? 'data' in kept.fields : 'json' in kept && kept.json === json(63));
    t.is('fields' in left ? answerJson(left.fields, 'own') : 'json' in left && left.json, flat(type));
    if (left.kind === 'receipt') t.true(receiptJson(left.fields, 'own').includes('"original_message_id":"own"'));
  }
});

const flat = (type: string) =>
  type === 'upstream' ? '{"message_id":"w","from":"d"}' : `{"message_type":"${type}","message_id":"own","from":"d"}`;
