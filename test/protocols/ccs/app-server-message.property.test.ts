import test from 'ava';
import { readAppServerMessage, refusalStanza } from '../../../src/protocols/ccs/index.ts';
import { XmlElement } from '../../../src/protocols/xmpp/index.ts';
import { anyText, fc, holds, jsonObject, jsonValue, nested, same } from '../../properties.ts';
import { stanzas } from './elements.ts';

function message(json: string, attrs: Record<string, string>): XmlElement {
  const element = new XmlElement('message', 'jabber:client', attrs);
  const gcm = new XmlElement('gcm', 'google:mobile:data', {});
  gcm.children.push(json);
  element.children.push(gcm);
  return element;
}

const target = fc.oneof(anyText(), fc.constantFrom('a:b', '/topics/x', '/topics/', "'a' in topics"), jsonValue(1));
const known = fc.record(
  {
    message_type: fc.constantFrom('ack', 'nack', 'x'),
    message_id: fc.oneof(anyText(), jsonValue(1)),
    to: target,
    condition: target,
    time_to_live: fc.oneof(fc.integer(), jsonValue(1)),
    priority: jsonValue(0),
    data: jsonValue(2),
    notification: jsonValue(2),
    registration_ids: jsonValue(1),
    delivery_receipt_requested: jsonValue(0),
  },
  { requiredKeys: [] },
);
const json = fc.oneof(
  anyText(60),
  jsonValue(3).map((value) => JSON.stringify(value)),
  fc.tuple(known, jsonObject(2)).map(([fields, more]) => JSON.stringify({ ...more, ...fields })),
  fc.constantFrom(1, 63, 64, 65, 500).map((levels) => JSON.stringify(nested(levels, 1))),
);
const attrs = fc.dictionary(
  fc.constantFrom('id', 'type', 'to'),
  fc.oneof(anyText(), fc.constant('gcm.googleapis.com')),
  {
    noNullPrototype: true,
  },
);

test('whatever an app server says is read or refused with a stanza that can be sent', (t) => {
  holds(t, fc.tuple(json, attrs), ([text, own]) => {
    const stanza = message(text, own);
    const read = readAppServerMessage(stanza, ['gcm.googleapis.com']);
    if (read.kind === 'unreadable') {
      const [refused] = stanzas(refusalStanza(stanza, '1@gcm.googleapis.com/r', read.error));
      same(refused?.attrs.type, 'error');
      same(refused?.child('error', 'jabber:client')?.attrs.code, '400');
    } else same(typeof read.id === 'string' && read.id !== '', true);
  });
});
