/** XML that a broken or hostile peer may send within a stream: stanzas of CCS in both directions, and worse. */
import { escapeAttribute, escapeJson } from '../../src/protocols/xmpp/index.ts';
import type { Chance, Value } from './fuzz-chance.ts';

type Fields = Record<string, Value>;

/** Who speaks: the service with its answers, or an app server with its messages. */
export type Side = 'service' | 'app-server';

const GCM = 'google:mobile:data';
const NAMESPACES = [
  GCM,
  'jabber:client',
  'google:mobile:Data',
  'urn:xmpp:ping',
  'urn:ietf:params:xml:ns:xmpp-bind',
  '',
];
const CONDITIONS = ['bad-request', 'not-acceptable', 'internal-server-error', 'service-unavailable', 'text', 'x-own'];
const CODES = ['400', '406', '500', '503', '404', '', '-1', '1e999', 'NaN', '0x190'];
const ERRORS = [
  'BAD_REGISTRATION',
  'DEVICE_UNREGISTERED',
  'INVALID_JSON',
  'SERVICE_UNAVAILABLE',
  'INTERNAL_SERVER_ERROR',
  'DEVICE_MESSAGE_RATE_EXCEEDED',
  'BAD_ACK',
  'InvalidJson : JSON_PARSING_ERROR : Missing Required Field: message_id',
];
/** Nested so deep that what walks through it by calling itself falls over. */
const DEPTHS = [63, 64, 65, 1_000, 20_000, 32_000];

/** One case. `ids` are message ids that the other side waits for. Most cases leave the stream readable. */
export function stanza(chance: Chance, side: Side, ids: readonly string[]): Buffer {
  const roll = chance.float();
  if (roll < 0.015) return Buffer.from(chance.pick(FORBIDDEN));
  const xml = roll < 0.7 ? message(chance, payload(chance, side, ids)) : other(chance, ids);
  const bytes = Buffer.from(xml);
  return chance.odds(0.015) ? chance.mutated(bytes) : bytes;
}

/** What RFC 6120 §11.1 forbids, what is too much, and what is no XML. */
const FORBIDDEN = [
  '<!DOCTYPE a [<!ENTITY b "c">]>',
  '<message>&lol;</message>',
  '<!-- comment -->',
  '<?php echo 1 ?>',
  '<message><!-- x --></message>',
  '</stream:stream>',
  '<stream:stream xmlns="jabber:client">',
  '<stream:error><conflict xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error>',
  '<stream:error/>',
  '<stream:features/>',
  'text between stanzas',
  '<message',
  '<message><gcm xmlns="google:mobile:data">{',
  '<a><![CDATA[',
  '<x:message/>',
  '<message xmlns:a="u" xmlns:b="u" a:x="1" b:x="2"/>',
  `<message>${'<a>'.repeat(40)}`,
  `<message ${Array.from({ length: 40 }, (_, i) => `a${i}="1"`).join(' ')}/>`,
  `<message><gcm xmlns="google:mobile:data">${'x'.repeat(300_000)}</gcm></message>`,
  Buffer.from('<message>\xff\xfe</message>', 'latin1').toString('latin1'),
  '\u0000',
  '<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>',
  '<proceed xmlns="urn:ietf:params:xml:ns:xmpp-tls"/>',
];

function payload(chance: Chance, side: Side, ids: readonly string[]): string {
  const fields = side === 'service' ? answer(chance, ids) : downstream(chance);
  if (chance.odds(0.3)) fields[chance.pick(Object.keys(fields))] = chance.value();
  if (chance.odds(0.1)) fields[chance.text()] = chance.value(3);
  const json = JSON.stringify(fields);
  const roll = chance.float();
  if (roll < 0.85) return json;
  if (roll < 0.9) return chance.mutated(Buffer.from(json)).toString('utf8');
  if (roll < 0.97) {
    const depth = chance.pick(DEPTHS);
    const key = chance.pick(['deep', 'data', 'to', 'condition', 'message_id', 'error']);
    return `${json.slice(0, -1)},"${key}":{"k":${'['.repeat(depth)}${']'.repeat(depth)}}}`;
  }
  return chance.pick([
    '',
    'null',
    '[]',
    '"x"',
    '{',
    '{}',
    '{"message_id":',
    `${json}${json}`,
    '{"message_id":"\\u12"}',
  ]);
}

const idOf = (chance: Chance, ids: readonly string[]): string =>
  ids.length > 0 && chance.odds(0.6) ? chance.pick(ids) : `i${chance.int(1_000)}`;

/** What CCS says: answers, receipts, messages of devices, control messages. */
function answer(chance: Chance, ids: readonly string[]): Fields {
  const message_id = idOf(chance, ids);
  switch (chance.int(6)) {
    case 0:
      return { message_type: 'ack', from: 'token', message_id, ...(chance.odds(0.2) && { registration_id: 'new' }) };
    case 1:
    case 2: {
      const error = chance.odds(0.9) ? chance.pick(ERRORS) : chance.text();
      return { message_type: 'nack', from: 'token', message_id, error, error_description: chance.text() };
    }
    case 3: {
      const data = { message_status: 'MESSAGE_SENT_TO_DEVICE', original_message_id: message_id };
      return { message_type: 'receipt', from: 'gcm.googleapis.com', message_id: `dr2:${message_id}`, data };
    }
    case 4: {
      const category = chance.pick(['victim', 'unknown', '']);
      return {
        from: `device${chance.int(5)}`,
        message_id: `u${chance.int(1e6)}`,
        category,
        data: { k: chance.text() },
      };
    }
    default:
      return chance.odds(0.02)
        ? { message_type: 'control', control_type: 'CONNECTION_DRAINING' }
        : { message_type: chance.pick(['control', 'x-new', 'ACK']), control_type: chance.text() };
  }
}

/** What app servers say: messages and acks. */
function downstream(chance: Chance): Fields {
  const message_id = `f${chance.int(1e9)}`;
  if (chance.odds(0.3)) return { message_type: 'ack', to: 'device', message_id };
  const fields: Fields = { to: chance.pick(['token', '/topics/a', 'SERVICE_UNAVAILABLE', 'canonical:x']), message_id };
  if (chance.odds(0.3)) fields.data = chance.value(3);
  if (chance.odds(0.3)) {
    const names = ['condition', 'time_to_live', 'priority', 'collapse_key', 'notification', 'dry_run', 'from'];
    fields[chance.pick(names)] = chance.value(2);
  }
  if (chance.odds(0.05)) fields.condition = `${'('.repeat(500)}'a' in topics${')'.repeat(500)}`;
  if (chance.odds(0.1)) fields.delivery_receipt_requested = true;
  return fields;
}

function message(chance: Chance, json: string): string {
  const ns = chance.odds(0.95) ? GCM : chance.pick(NAMESPACES);
  const attributes = chance.odds(0.1)
    ? ` ${chance.pick(['id', 'type', 'to', 'from'])}="${escapeAttribute(chance.text())}"`
    : '';
  const text = chance.odds(0.95) ? escapeJson(json) : `<![CDATA[${escapeJson(json).replaceAll(']]>', '')}]]>`;
  if (chance.odds(0.05))
    return `<message type="error"${chance.odds(0.5) ? ' id="x"' : ''}>${gcm(ns, text)}${error(chance)}</message>`;
  const twice = chance.odds(0.03) ? gcm(ns, text) : '';
  return `<message${attributes}>${chance.odds(0.5) ? gcm(ns, text) : prefixed(ns || GCM, text)}${twice}</message>`;
}

const gcm = (ns: string, text: string) => `<gcm xmlns="${ns}">${text}</gcm>`;
const prefixed = (ns: string, text: string) => `<data:gcm xmlns:data="${ns}">${text}</data:gcm>`;

function error(chance: Chance): string {
  const type = chance.pick(['modify', 'wait', 'cancel', 'x', '']);
  const name = chance.pick(CONDITIONS);
  const condition = `<${name} xmlns="urn:ietf:params:xml:ns:xmpp-stanzas">${escapeJson(chance.text())}</${name}>`;
  return `<error code="${chance.pick(CODES)}" type="${type}">${condition}</error>`;
}

function other(chance: Chance, ids: readonly string[]): string {
  const id = chance.odds(0.7) ? ` id="${escapeAttribute(idOf(chance, ids))}"` : '';
  const type = chance.pick(['get', 'set', 'result', 'error', 'x']);
  const child = chance.pick([
    '',
    '<ping xmlns="urn:xmpp:ping"/>',
    '<ping xmlns="urn:xmpp:pong"/>',
    '<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/>',
    '<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>\u00e9&lt;</resource></bind>',
    '<session xmlns="urn:ietf:params:xml:ns:xmpp-session"/>',
    '<query xmlns="jabber:iq:roster"><item/><item/></query>',
    '<a:b xmlns:a="u"><a:c a:d="e">&#x1F600;</a:c></a:b>',
    'text only',
  ]);
  const roll = chance.float();
  if (roll < 0.5) return `<iq type="${type}"${id}>${child}</iq>`;
  if (roll < 0.6) return `<iq${id}>${child}${child}</iq>`;
  if (roll < 0.7) return `<presence type="${type}"${id}>${child}</presence>`;
  if (roll < 0.85) return `<message${id}>${child}</message>`;
  if (roll < 0.98) return ' \n'.repeat(1 + chance.int(3));
  return `<unknown xmlns="${chance.pick(NAMESPACES)}">${child}</unknown>`;
}
