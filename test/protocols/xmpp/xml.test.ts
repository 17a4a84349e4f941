import test from 'ava';
import { escapeAttribute, escapeJson, escapeText } from '../../../src/protocols/xmpp/index.ts';

test('escapes text and attributes', (t) => {
  t.is(escapeText(`a<b>&"c'`), `a&lt;b&gt;&amp;"c'`);
  t.is(escapeAttribute(`a<b>&"c'\n`), 'a&lt;b&gt;&amp;&quot;c&apos;&#10;');
  t.is(escapeText('plain é 😀'), 'plain é 😀');
  t.is(escapeText('a\0b\ud800c\uffff'), 'a\ufffdb\ufffdc\ufffd');
});

test('JSON survives: what XML forbids becomes a JSON escape [XML §2.2]', (t) => {
  const value = { text: '\ufffe\uffff😀\ud800 <&> \u0001\u007f', '\uffff': 1 };
  const xml = escapeJson(JSON.stringify(value));
  t.notRegex(xml, /[\ufffe\uffff\0-\x1f<>]/);
  t.deepEqual(JSON.parse(xml.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')), value);
  t.is(escapeJson('"\ud800\udbff\udc00"'), '"\\ud800\udbff\udc00"');
});
