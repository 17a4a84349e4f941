import test from 'ava';
import type { StreamStart, XmlLimits } from '../../../src/protocols/xmpp/index.ts';
import { StanzaParser, XmlElement, XmlError, XmlTokenizer } from '../../../src/protocols/xmpp/index.ts';

const OPEN =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='h' version='1.0'>";

type Event = string | StreamStart | XmlElement | XmlError;

function read(chunks: readonly (string | Uint8Array)[], limits: Partial<XmlLimits> = {}): Event[] {
  const events: Event[] = [];
  const parser = new StanzaParser(
    {
      onStart: (start) => events.push(start),
      onElement: (element) => events.push(element),
      onWhitespace: (text) => events.push(`space ${text.length}`),
      onEnd: () => events.push('end'),
      onError: (error) => events.push(error),
    },
    limits,
  );
  for (const chunk of chunks) parser.write(chunk);
  return events;
}

const elements = (events: readonly Event[]): XmlElement[] => events.filter((event) => event instanceof XmlElement);
const bytesOf = (xml: string): Uint8Array[] => [...Buffer.from(xml)].map((byte) => Uint8Array.of(byte));

/** The condition that `xml` inside a stream ends in, or undefined; whole and in single bytes alike. */
function condition(xml: string | Buffer, limits: Partial<XmlLimits> = {}, open = OPEN): string | undefined {
  const bytes = Buffer.concat([Buffer.from(open), Buffer.from(xml)]);
  const [whole, single] = [[bytes], [...bytes].map((byte) => Uint8Array.of(byte))].map((chunks) =>
    read(chunks, limits).find((event) => event instanceof XmlError),
  );
  if (whole?.condition !== single?.condition) return `whole ${whole?.condition}, single ${single?.condition}`;
  return whole?.condition;
}

test('reads a stream: header, stanzas, white space, end', (t) => {
  const xml = `<?xml version='1.0' encoding="UTF-8"?>${OPEN}<message id="1"><gcm xmlns="google:mobile:data">{"a":1}</gcm></message>\n </stream:stream>\n`;
  const [start, message, space, end, ...more] = read([xml]);
  t.deepEqual(start, {
    name: 'stream',
    ns: 'http://etherx.jabber.org/streams',
    attrs: Object.assign(Object.create(null), {
      xmlns: 'jabber:client',
      'xmlns:stream': 'http://etherx.jabber.org/streams',
      to: 'h',
      version: '1.0',
    }),
    selfClosed: false,
  });
  t.true(message instanceof XmlElement && message.is('message', 'jabber:client'));
  t.is((message as XmlElement).child('gcm', 'google:mobile:data')?.text, '{"a":1}');
  t.is((message as XmlElement).attrs.id, '1');
  t.is(space, 'space 2');
  t.is(end, 'end');
  t.deepEqual(more, []);
});

test('recognises elements by namespace, whatever the prefix', (t) => {
  const [message] = elements(
    read([`${OPEN}<message><data:gcm xmlns:data="google:mobile:data">{}</data:gcm><gcm xmlns=""/></message>`]),
  );
  t.is(message?.child('gcm', 'google:mobile:data')?.prefix, 'data');
  t.is(message?.child('gcm', '')?.prefix, '');
});

test('reads the same cut at every byte, and in single bytes', (t) => {
  const xml = `${OPEN}<m a='é&#x1F600;&lt;' b = "x>y"><c>ü😀 &amp;&#10;<![CDATA[<a>&amp;]]]></c>tail</m ></stream:stream>`;
  const bytes = Buffer.from(xml);
  const whole = read([bytes]);
  const [m] = elements(whole);
  t.is(m?.attrs.a, 'é😀<');
  t.is(m?.attrs.b, 'x>y');
  t.is(m?.child('c', 'jabber:client')?.text, 'ü😀 &\n<a>&amp;]');
  t.is(m?.text, 'tail');
  for (let cut = 1; cut < bytes.length; cut++) {
    t.deepEqual(read([bytes.subarray(0, cut), bytes.subarray(cut)]), whole, `cut at ${cut}`);
  }
  t.deepEqual(read(bytesOf(xml)), whole);
});

test('accepts strings as well as bytes', (t) => {
  t.is(elements(read([OPEN, '<a>é', '😀</a>']))[0]?.text, 'é😀');
});

for (const [what, xml, expected] of [
  ['a closing tag that does not match', '<a></b>', 'not-well-formed'],
  ['a closing tag too many', '<a></a></b>', 'not-well-formed'],
  ['an attribute twice', '<a b="1" b="2"/>', 'not-well-formed'],
  ['an attribute twice under two prefixes', '<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>', 'not-well-formed'],
  ['an attribute without quotes', '<a b=1/>', 'not-well-formed'],
  ['an attribute without value', '<a b/>', 'not-well-formed'],
  ['no space between attributes', '<a b="1"c="2"/>', 'not-well-formed'],
  ['< in an attribute', '<a b="<"/>', 'not-well-formed'],
  ['< in a tag', '<a <b/>', 'not-well-formed'],
  ['a bad name', '<1a/>', 'not-well-formed'],
  ['two colons', '<a:b:c/>', 'not-well-formed'],
  ['an empty tag', '<>', 'not-well-formed'],
  ['an undeclared prefix', '<x:a/>', 'bad-namespace-prefix'],
  ['an undeclared prefix of an attribute', '<a x:b="1"/>', 'bad-namespace-prefix'],
  ['a prefix that was declared inside a sibling', '<a xmlns:x="u"/><x:a/>', 'bad-namespace-prefix'],
  ['an undeclared prefix by undeclaring', '<a xmlns:x=""/>', 'bad-namespace-prefix'],
  ['the prefix xml with another meaning', '<a xmlns:xml="u"/>', 'bad-namespace-prefix'],
  ['a comment', '<!-- a -->', 'restricted-xml'],
  ['a comment in a stanza', '<a><!-- a --></a>', 'restricted-xml'],
  ['a processing instruction', '<?php x ?>', 'restricted-xml'],
  ['a processing instruction in a stanza', "<a><?it's?></a>", 'restricted-xml'],
  ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]>', 'restricted-xml'],
  ['an own entity', '<a>&b;</a>', 'restricted-xml'],
  ['an own entity in an attribute', '<a b="&c;"/>', 'restricted-xml'],
  ['a bare ampersand', '<a>a & b</a>', 'not-well-formed'],
  ['a reference to no character', '<a>&#0;</a>', 'not-well-formed'],
  ['a reference to a surrogate', '<a>&#xD800;</a>', 'not-well-formed'],
  ['a reference to a non-character', '<a>&#xFFFF;</a>', 'not-well-formed'],
  ['a reference beyond Unicode', '<a>&#x110000;</a>', 'not-well-formed'],
  ['a control character', '<a>\u0001</a>', 'not-well-formed'],
  ['a non-character', '<a>\uffff</a>', 'not-well-formed'],
  ['text between stanzas', 'x<a/>', 'not-well-formed'],
  ['CDATA between stanzas', '<![CDATA[x]]>', 'restricted-xml'],
  ['something after the end', '</stream:stream><a/>', 'not-well-formed'],
  ['invalid UTF-8', Buffer.from([0x3c, 0x61, 0x3e, 0xc3, 0x28, 0x3c, 0x2f, 0x61, 0x3e]), 'not-well-formed'],
  ['an overlong form', Buffer.from([0x3c, 0x61, 0x3e, 0xc0, 0xaf, 0x3c, 0x2f, 0x61, 0x3e]), 'not-well-formed'],
  [
    'a surrogate in UTF-8',
    Buffer.from([0x3c, 0x61, 0x3e, 0xed, 0xa0, 0x80, 0x3c, 0x2f, 0x61, 0x3e]),
    'not-well-formed',
  ],
] as const) {
  test(`refuses ${what}`, (t) => t.is(condition(xml), expected));
}

for (const [what, xml] of [
  ['a name that ends in the byte A0', '<à></à>'],
  ['tags with white space in them', '<a\n b = "1"\t></a\n>'],
  ['quotes in text', `<a>"it's"</a>`],
  ['] and > in text', '<a>]]></a>'],
  ['xml:lang', '<a xml:lang="en"/>'],
  ['the attribute __proto__', '<a __proto__="x" constructor="y"/>'],
  ['an attribute of the same name under two namespaces', '<a xmlns:p="u" b="1" p:b="2"/>'],
] as const) {
  test(`accepts ${what}`, (t) => t.is(condition(xml), undefined));
}

test('refuses a declaration of another encoding', (t) => {
  t.is(condition('', {}, `<?xml version="1.0" encoding="ISO-8859-1"?>${OPEN}`), 'unsupported-encoding');
});

test('normalises line ends and white space in attributes [XML §2.11, §3.3.3]', (t) => {
  const [a] = elements(read([`${OPEN}<a b="1\r\n2\t3&#10;4">1\r\n2\r3</a>`]));
  t.is(a?.attrs.b, '1 2 3\n4');
  t.is(a?.text, '1\n2\n3');
});

test('reports a self-closed stream header and reads no further', (t) => {
  const events = read([`${OPEN.slice(0, -1)}/><a/>`]);
  t.is(events.length, 1);
  t.true((events[0] as StreamStart).selfClosed);
});

test('limits the bytes of a stanza: at the limit and one past it', (t) => {
  const stanza = '<a b="é"><c>ü</c></a>';
  const size = Buffer.byteLength(stanza);
  t.is(condition(stanza + stanza, { stanzaBytes: size }, '<s>'), undefined);
  t.is(condition(stanza, { stanzaBytes: size - 1 }, '<s>'), 'policy-violation');
  t.is(condition(`<a>${'x'.repeat(100)}`, { stanzaBytes: 50 }, '<s>'), 'policy-violation');
  t.is(condition(`<a b="${'x'.repeat(100)}`, { stanzaBytes: 50 }, '<s>'), 'policy-violation');
  t.is(condition(`<a><![CDATA[${'x'.repeat(100)}`, { stanzaBytes: 50 }, '<s>'), 'policy-violation');
  t.is(condition('', { stanzaBytes: OPEN.length - 1 }), 'policy-violation');
  t.is(condition(' '.repeat(1000), { stanzaBytes: 50 }, '<s>'), undefined);
});

test('limits depth and attributes: at the limit and one past it', (t) => {
  t.is(condition('<a><b/></a>', { depth: 3 }, '<s>'), undefined);
  t.is(condition('<a><b><c/></b></a>', { depth: 3 }, '<s>'), 'policy-violation');
  t.is(condition('<a b="1" c="2"/>', { attributes: 2 }, '<s>'), undefined);
  t.is(condition('<a b="1" c="2" d="3"/>', { attributes: 2 }, '<s>'), 'policy-violation');
});

test('nothing comes after an error', (t) => {
  const events = read([OPEN, '<a></b>', '<c/>', '</stream:stream>']);
  t.is(events.length, 2);
  t.true(events[1] instanceof XmlError);
});

test('restarts in the middle of a chunk', (t) => {
  const seen: string[] = [];
  const parser = new StanzaParser({
    onStart: (start) => seen.push(`start ${start.attrs.to}`),
    onElement(element) {
      seen.push(element.name);
      if (element.name === 'auth') parser.restart();
    },
    onEnd: () => seen.push('end'),
    onError: (error) => seen.push(error.message),
  });
  parser.write(`${OPEN}<auth/><?xml version="1.0"?>${OPEN.replace("'h'", "'i'")}<iq/></stream:stream>`);
  t.deepEqual(seen, ['start h', 'auth', 'start i', 'iq', 'end']);
});

test('the tokenizer tells opening, text and closing, self-closed or not', (t) => {
  const seen: unknown[] = [];
  const tokenizer = new XmlTokenizer({
    onOpen: (name, attrs, selfClosing, ns) => seen.push([name, { ...attrs }, selfClosing, ns]),
    onText: (text) => seen.push(text),
    onClose: (name) => seen.push(`/${name}`),
    onError: (error) => seen.push(error),
  });
  tokenizer.write('<s xmlns="n"><p:a xmlns:p="m">x<b/></p:a></s>');
  t.deepEqual(seen, [
    ['s', { xmlns: 'n' }, false, 'n'],
    ['p:a', { 'xmlns:p': 'm' }, false, 'm'],
    'x',
    ['b', {}, true, 'n'],
    '/b',
    '/p:a',
    '/s',
  ]);
});

test('an element prints as XML that means the same', (t) => {
  const source = `<message id="a&amp;b"><data:gcm xmlns:data="google:mobile:data">{"a":"&lt;"}<x/></data:gcm></message>`;
  const [message] = elements(read([OPEN, source]));
  t.is(message?.toXml(), source);
  const [again] = elements(read([OPEN, message?.toXml('') ?? '']));
  t.true(again?.is('message', 'jabber:client'));
});
