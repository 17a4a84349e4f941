import test from 'ava';
import { accept, brief, FakeProvider, gcm, type Json, message, startDoor, until } from './harness.ts';

const xml = (json: string): string => gcm({}).replace('{}', json.replaceAll('&', '&amp;').replaceAll('<', '&lt;'));

/** Stanzas whose JSON nobody should write, and what is said to them: a nack, or a stanza error. */
const nacked: readonly (readonly [what: string, json: string, said: Json])[] = [
  [
    'a `to` that can not be made a text',
    '{"to":{"toString":1,"valueOf":1},"message_id":"m1"}',
    { from: '', error: 'INVALID_JSON', error_description: 'InvalidJson: JSON_TYPE_ERROR : to must be a string' },
  ],
  [
    'a condition that can not be made a text',
    '{"condition":{"toString":1},"message_id":"m1"}',
    { from: '', error: 'INVALID_JSON' },
  ],
  ['a list as `to`', '{"to":[],"message_id":"m1"}', { from: '', error: 'INVALID_JSON' }],
  [
    'no `to`',
    '{"message_id":"m1"}',
    { from: '', error: 'INVALID_JSON', error_description: 'InvalidJson: MissingRegistration' },
  ],
  [
    'half a surrogate pair as id',
    '{"to":"a","message_id":"\\ud800"}',
    {
      message_id: '\ud800',
      error: 'INVALID_JSON',
      error_description: 'InvalidJson: message_id has half a surrogate pair',
    },
  ],
  [
    'an id of 1,025 bytes',
    `{"to":"a","message_id":"${'x'.repeat(1_025)}"}`,
    { error: 'INVALID_JSON', error_description: 'InvalidJson: message_id is longer than 1024 bytes' },
  ],
  [
    'keys with a meaning in JavaScript',
    '{"to":"a","message_id":"m1","data":{"__proto__":"x","toJSON":"y","google":"z"}}',
    { error: 'INVALID_JSON', error_description: 'InvalidJson: InvalidDataKey : google' },
  ],
];

for (const [what, json, said] of nacked) {
  test(`nacked, and nobody else notices: ${what}`, async (t) => {
    const { login } = await startDoor(t, { provider: new FakeProvider('fake', 100, accept) });
    const [client, other] = [await login(), await login()];
    client.write(xml(json));
    t.like(await client.json(), said);
    for (const one of [client, other]) one.send(message(`after ${one === other}`));
    t.deepEqual(brief([await client.json(), await other.json()]), ['ack after false', 'ack after true']);
  });
}

for (const [what, json, text] of [
  ['no JSON', '{"to":', 'JSON_PARSING_ERROR'],
  ['a list', '[{"message_id":"m1"}]', 'JSON_PARSING_ERROR : not a JSON object'],
  ['a text', '"m1"', 'JSON_PARSING_ERROR : not a JSON object'],
  ['null', 'null', 'JSON_PARSING_ERROR : not a JSON object'],
  ['too deep', `{"message_id":"m1","to":"a","x":${'['.repeat(64)}${']'.repeat(64)}}`, 'nested deeper than 64 levels'],
  ['without end', '['.repeat(30_000), 'JSON_PARSING_ERROR'],
  ['deep without end', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, 'JSON_PARSING_ERROR : not a JSON object'],
  ['no id', '{"to":"a"}', 'Missing Required Field: message_id'],
  ['a number as id', '{"to":"a","message_id":5}', 'JSON_TYPE_ERROR : message_id must be a string'],
  ['null as id', '{"to":"a","message_id":null}', 'JSON_TYPE_ERROR : message_id must be a string'],
  ['an empty id', '{"to":"a","message_id":""}', 'Missing Required Field: message_id'],
] as const) {
  test(`a stanza error that says what is wrong: ${what}`, async (t) => {
    const { login } = await startDoor(t);
    const client = await login();
    client.write(xml(json));
    const [, said] = await client.expect(
      /<error code="400" type="modify"><bad-request [^>]*\/><text[^>]*>([^<]*)<\/text><\/error><\/message>/,
    );
    t.true(said?.includes(text), said);
    t.is(await client.said(), '');
  });
}

for (const [what, stanza] of [
  ['the prefix of CCS itself', '<message><data:gcm xmlns:data="google:mobile:data">JSON</data:gcm></message>'],
  ['a prefix declared outside', '<message xmlns:x="google:mobile:data"><x:gcm>JSON</x:gcm></message>'],
  ['CDATA', '<message id=""><gcm xmlns="google:mobile:data"><![CDATA[JSON]]></gcm></message>'],
  [
    'CDATA in the middle',
    '<message><gcm xmlns="google:mobile:data">  {<![CDATA["to":"device:1","message_id":"é]"]]>}\n</gcm></message>',
  ],
  [
    'entities',
    '<message><gcm xmlns="google:mobile:data">{&quot;to&quot;:&#34;device:1&#x22;,"message_id":"&#233;]"}</gcm></message>',
  ],
  [
    'other children around',
    '<message type="normal"><subject>x</subject><gcm xmlns="google:mobile:data">JSON</gcm><body/></message>',
  ],
] as const) {
  test(`understood: ${what}`, async (t) => {
    const { login } = await startDoor(t, { provider: new FakeProvider('fake', 100, accept) });
    const client = await login();
    client.write(stanza.replace('JSON', '{"to":"device:1","message_id":"é]"}'));
    t.deepEqual(await client.json(), { from: 'device:1', message_id: 'é]', message_type: 'ack' });
  });
}

test('of a key that stands twice the last counts, for the bridge and for the service', async (t) => {
  const { login, provider } = await startDoor(t, { provider: new FakeProvider('fake', 100, accept) });
  const client = await login();
  client.write(xml('{"message_id":"a","to":"one","to":"two","message_id":"b"}'));
  t.like(await client.json(), { message_id: 'b', from: 'two' });
  t.deepEqual((await provider.attempt(1)).message.payload, { kind: 'fcm', json: '{"to":"two"}' });
});

test('a fault of ours that one connection brings to light costs that connection alone', async (t) => {
  const provider = new FakeProvider('fake', 100, accept);
  const { login, door } = await startDoor(t, { provider });
  const [client, other] = [await login(), await login()];
  provider.inspect = () => {
    throw new Error('a fault of ours');
  };
  client.send(message('m1'));
  await client.expect(/<stream:error><internal-server-error /);
  await client.untilClosed();
  await until(() => door.connections().length === 1);
  provider.inspect = () => undefined;
  other.send(message('m2'));
  t.deepEqual(brief([await other.json()]), ['ack m2']);
});
