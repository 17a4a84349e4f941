import { createHash } from 'node:crypto';
import test from 'ava';
import { canonicalJson } from '../../../src/lib/canonical-json.ts';
import { digest } from '../../../src/protocols/bal/index.ts';

test('keys are sorted at every depth, lists keep their order', (t) => {
  t.is(
    canonicalJson({ b: [{ d: 1, c: 2 }, 3, null], a: { z: 'é', y: true } }),
    '{"a":{"y":true,"z":"é"},"b":[{"c":2,"d":1},3,null]}',
  );
  t.is(
    canonicalJson(JSON.parse('{"b":1,"__proto__":{"y":1,"x":2},"10":1,"9":1}')),
    '{"10":1,"9":1,"__proto__":{"x":2,"y":1},"b":1}',
  );
  t.is(canonicalJson({ '～': 1, '\u{1f600}': 2 }), '{"\u{1f600}":2,"～":1}');
  t.is(canonicalJson({ a: '"\\\n\ud800' }), '{"a":"\\"\\\\\\n\\ud800"}');
  t.is(canonicalJson([1.0, -0, 1e21, []]), '[1,0,1e+21,[]]');
});

test('[BAL §Downstream rules] a repeat has the same digest, other content another one', (t) => {
  const content = { to: 'x', data: { a: '1', b: '2' } };
  const base = digest(content, 'g', 'p');
  t.is(digest({ data: { b: '2', a: '1' }, to: 'x' }, 'g', 'p'), base);
  t.is(base, createHash('sha256').update('[{"data":{"a":"1","b":"2"},"to":"x"},"g","p"]').digest('base64'));
  const others = [
    digest(content, 'h', 'p'),
    digest(content, 'g', 'q'),
    digest(content, undefined, 'p'),
    digest(content, 'g', undefined),
    digest(content, 'null', 'p'),
    digest({ ...content, data: { a: '1', b: 2 } }, 'g', 'p'),
    digest({ ...content, data: { a: '1' } }, 'g', 'p'),
  ];
  t.is(new Set([base, ...others]).size, others.length + 1);
});
