import test from 'ava';
import { StanzaParser, type XmlElement, type XmlLimits } from '../../../src/protocols/xmpp/index.ts';
import { chunks, fc, holds, same } from '../../properties.ts';
import { element, type Model, style, written, xmlText } from './xml-model.ts';

const OPEN = '<stream:stream xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams">';

/** What comes out of a stream: plain models, texts that lie side by side joined, and the condition at its end. */
function read(pieces: readonly Buffer[], limits: Partial<XmlLimits> = {}): (Model | string)[] {
  const events: (Model | string)[] = [];
  const parser = new StanzaParser(
    {
      onStart() {},
      onElement: (stanza) => void events.push(modelOf(stanza)),
      onEnd: () => void events.push('end'),
      onError: (error) => void events.push(error.condition),
    },
    limits,
  );
  parser.write(OPEN);
  for (const piece of pieces) parser.write(piece);
  return events;
}

function modelOf({ name, prefix, ns, attrs, children }: XmlElement): Model {
  const plain = Object.entries(attrs).filter(([key]) => !key.startsWith('xmlns'));
  const inner = children.map((child) => (typeof child === 'string' ? child : modelOf(child)));
  return { name, prefix, ns, attrs: Object.fromEntries(plain), children: joined(inner) };
}

function joined(children: readonly (Model | string)[]): (Model | string)[] {
  const out: (Model | string)[] = [];
  for (const child of children) {
    const last = out.at(-1);
    if (typeof child === 'string' && typeof last === 'string') out[out.length - 1] = last + child;
    else if (child !== '') out.push(child);
  }
  return out;
}

const normal = (model: Model): Model => ({
  ...model,
  children: joined(model.children.map((child) => (typeof child === 'string' ? child : normal(child)))),
});

test('an element is read as it is meant, however it is written', (t) => {
  holds(t, fc.tuple(element(3), style), ([model, by]) => {
    same(read([Buffer.from(written(model, by))]), [normal(model)]);
  });
});

test('however the bytes are cut, also inside of characters, the same comes out', (t) => {
  const cut = fc
    .tuple(fc.array(element(3), { minLength: 1, maxLength: 3 }), style)
    .map(([models, by]) => Buffer.from(`${models.map((model) => written(model, by)).join(' ')}</stream:stream>`))
    .chain((bytes) => chunks(bytes).map((pieces) => ({ bytes, pieces })));
  holds(t, cut, ({ bytes, pieces }) => same(read(pieces), read([bytes])));
});

test('rubbish, too, comes to the same however it is cut, and to conditions of RFC 6120', (t) => {
  const conditions = [
    'bad-namespace-prefix',
    'invalid-namespace',
    'not-well-formed',
    'policy-violation',
    'restricted-xml',
    'unsupported-encoding',
  ];
  const bits = fc.oneof(
    fc.constantFrom(
      '<',
      '>',
      '</',
      '/>',
      '&',
      ';',
      '<!',
      '<![CDATA[',
      ']]>',
      '<?xml version="1.0"?>',
      '&#x',
      'xmlns=',
      '"',
      "'",
      '<a>',
      '</a>',
      '<a b="',
      ' ',
      ':',
      '<!DOCTYPE a>',
      '<!--',
    ),
    xmlText(),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  );
  const rubbish = fc
    .array(bits, { maxLength: 25 })
    .map((list) => Buffer.from(list.join(''), 'latin1'))
    .chain((bytes) => chunks(bytes).map((pieces) => ({ bytes, pieces })));
  holds(
    t,
    rubbish,
    ({ bytes, pieces }) => {
      const events = read(pieces);
      same(events, read([bytes]));
      const strings = events.filter((event) => typeof event === 'string' && event !== 'end');
      same(
        strings.filter((condition) => !conditions.includes(String(condition))),
        [],
      );
    },
    1_500,
  );
});

test('an element prints as XML that means the same', (t) => {
  holds(t, fc.tuple(element(3), style), ([model, by]) => {
    let printed = '';
    const parser = new StanzaParser({
      onStart() {},
      onElement: (stanza) => (printed = stanza.toXml()),
      onEnd() {},
      onError: (error) => {
        throw error;
      },
    });
    parser.write(OPEN + written(model, by));
    same(read([Buffer.from(printed)]), [normal(model)]);
  });
});

test('any limit of bytes holds to the byte, wherever the bytes are and however they come', (t) => {
  const sized = fc
    .tuple(element(3), style)
    .map(([model, by]) => Buffer.from(written(model, by)))
    .chain((bytes) => chunks(bytes).map((pieces) => ({ bytes, pieces })));
  holds(t, sized, ({ bytes, pieces }) => {
    const room = Math.max(bytes.length, OPEN.length); // the stream's own header has the same limit
    const last = (stanzaBytes: number) => read(pieces, { stanzaBytes, depth: 100 }).at(-1);
    same(typeof last(room), 'object');
    if (bytes.length > OPEN.length) same(last(bytes.length - 1), 'policy-violation');
  });
});

test('any limit of depth and of attributes holds at the limit and one past it', (t) => {
  holds(t, fc.tuple(fc.integer({ min: 2, max: 60 }), fc.integer({ min: 1, max: 60 })), ([depth, attributes]) => {
    const deep = (levels: number) => Buffer.from('<a>'.repeat(levels) + '</a>'.repeat(levels));
    const wide = (count: number) => Buffer.from(`<a${Array.from({ length: count }, (_, i) => ` b${i}=""`).join('')}/>`);
    same(typeof read([deep(depth - 1)], { depth }).at(-1), 'object'); // the stream is the first level
    same(read([deep(depth)], { depth }), ['policy-violation']);
    const limits = { attributes: Math.max(attributes, 2) }; // the stream's header has two
    same(typeof read([wide(limits.attributes)], limits).at(-1), 'object');
    same(read([wide(limits.attributes + 1)], limits), ['policy-violation']);
  });
});

test('what comes out of a stream is no more than what went in', (t) => {
  const size = (model: Model | string): number =>
    typeof model === 'string'
      ? Buffer.byteLength(model)
      : Object.entries(model.attrs)
          .flat()
          .concat(model.name)
          .reduce((sum, text) => sum + Buffer.byteLength(text), 0) +
        model.children.reduce((sum: number, child) => sum + size(child), 0);
  holds(t, fc.tuple(element(3), style), ([model, by]) => {
    const bytes = Buffer.from(written(model, by));
    t.true(read([bytes]).reduce((sum: number, event) => sum + size(event), 0) <= bytes.length);
  });
});

test('nothing at all is read from a stream after its error', (t) => {
  const bad = fc.constantFrom(
    '<!DOCTYPE a [<!ENTITY b "c">]>',
    '<?p i?>',
    '<!-- c -->',
    '<a>&b;</a>',
    '<a></b>',
    '<x:a/>',
    '\u0000',
  );
  holds(t, fc.tuple(element(2), bad, element(2), style), ([before, rubbish, after, by]) => {
    const events = read([Buffer.from(written(before, by) + rubbish), Buffer.from(written(after, by))]);
    same(events.length, 2);
    same(typeof events[1], 'string');
  });
});
