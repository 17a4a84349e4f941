import test from 'ava';
import { answerJson, downstreamStanza, readServerMessage, receiptJson } from '../../../src/protocols/ccs/index.ts';
import { XmlElement } from '../../../src/protocols/xmpp/index.ts';
import { anyText, fc, holds, jsonObject, jsonValue, same } from '../../properties.ts';
import { stanzas } from './elements.ts';

const GCM = 'google:mobile:data';

/** A `<message>` as a parser would hand it over. */
function message(json: string, attrs: Record<string, string> = {}, error?: XmlElement): XmlElement {
  const element = new XmlElement('message', 'jabber:client', attrs);
  const gcm = new XmlElement('gcm', GCM, {});
  gcm.children.push(json);
  element.children.push(gcm, ...(error ? [error] : []));
  return element;
}

const known = fc.record(
  {
    message_type: fc.constantFrom('ack', 'nack', 'receipt', 'control', 'x'),
    message_id: fc.oneof(anyText(), jsonValue(2)),
    from: fc.oneof(anyText(), jsonValue(2)),
    category: jsonValue(1),
    error: fc.oneof(anyText(80), jsonValue(2)),
    error_description: jsonValue(1),
    control_type: fc.oneof(fc.constant('CONNECTION_DRAINING'), jsonValue(1)),
    data: jsonValue(3),
  },
  { requiredKeys: [] },
);
const depth = fc.constantFrom(1, 62, 63, 64, 3_000, 30_000);
const json = fc.oneof(
  anyText(60),
  jsonValue(3).map((value) => JSON.stringify(value)),
  known.map((fields) => JSON.stringify(fields)),
  fc.tuple(known, jsonObject(2)).map(([fields, more]) => JSON.stringify({ ...more, ...fields })),
  fc.tuple(known, fc.nat(200)).map(([fields, end]) => JSON.stringify(fields).slice(0, end)),
  fc.tuple(known, depth).map(([fields, levels]) => {
    return `${JSON.stringify(fields).slice(0, -1)},"deep":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  }),
);
const error = fc.record({ code: anyText(6), type: anyText(6), name: anyText(12), text: anyText() }).map((parts) => {
  const element = new XmlElement('error', 'jabber:client', { code: parts.code, type: parts.type });
  element.children.push(new XmlElement(parts.name, 'urn:ietf:params:xml:ns:xmpp-stanzas', {}), parts.text);
  return element;
});

test('whatever the service says is understood or one of a few fixed words, and can be passed on', (t) => {
  const attrs = fc.dictionary(fc.constantFrom('id', 'type', 'from'), fc.oneof(anyText(), fc.constant('error')), {
    noNullPrototype: true,
  });
  const given = fc.tuple(json, attrs, fc.option(error, { nil: undefined, freq: 4 }));
  holds(
    t,
    given,
    ([text, own, about]) => {
      const read = readServerMessage(message(text, own, about));
      if ('fields' in read) {
        same(JSON.parse(answerJson(read.fields, 'own')).message_id, 'own');
        same(JSON.parse(receiptJson(read.fields, 'own')).message_id, 'dr2:own');
      }
      if (read.kind === 'upstream') same(typeof JSON.parse(read.json), 'object');
      if (read.kind === 'nack') same(/^[\w.-]{0,64}$/.test(read.code), true);
      if (read.kind === 'stanza-error') same(Number.isNaN(read.code), false);
    },
    1_500,
  );
});

test('a message goes out as JSON that means the same, whatever XML makes of its characters', (t) => {
  const fields = jsonObject(3).map((object) => {
    for (const name of ['message_id', 'time_to_live']) delete object[name];
    return object;
  });
  const wireId = fc.string({ minLength: 1 });
  holds(t, fc.tuple(wireId, fields, fc.option(fc.nat(2_419_200), { nil: undefined })), ([id, object, ttl]) => {
    const xml = downstreamStanza({ wireId: id, json: JSON.stringify(object), ...(ttl !== undefined && { ttl }) });
    const [element, ...more] = stanzas(xml);
    same(more.length, 0);
    same(element?.attrs.id, id);
    const sent = JSON.parse(
      JSON.stringify({ ...object, message_id: id, ...(ttl !== undefined && { time_to_live: ttl }) }),
    );
    same(JSON.parse(element?.child('gcm', GCM)?.text ?? ''), sent);
  });
});
