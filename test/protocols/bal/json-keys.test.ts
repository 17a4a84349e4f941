import test from 'ava';
import { checkKeys, MAX_DEPTH } from '../../../src/protocols/bal/json-keys.ts';
import { seeded } from './helpers.ts';

const frameOf = (data: string): string => `{"message_type":"DOWNSTREAM","fcm_data":${data},"z":1}`;

test('a key that stands twice in the header', (t) => {
  t.deepEqual(checkKeys('{"a":1,"b":{"a":1},"c":[{"a":2},{"a":3}]}', 'frame'), {});
  t.is(checkKeys('{"a":1,"b":2,"a":3}', 'frame').header, 'a');
  t.is(checkKeys('{ "a" : 1 , "\\u0061":3}', 'frame').header, 'a', 'spelled in another way');
  t.is(checkKeys('{"fcm_data":{"x":1},"fcm_data":{"x":1}}', 'frame').header, 'fcm_data');
  t.is(checkKeys('{"__proto__":1,"__proto__":2}', 'frame').header, '__proto__');
});

test('a key that stands twice in fcm_data, at any depth', (t) => {
  t.is(checkKeys(frameOf('{"to":"a","to":"b"}'), 'frame').data, 'to');
  t.is(checkKeys(frameOf('{"a":[1,{"b":{"c":1,"d":2,"c":3}}]}'), 'frame').data, 'c');
  t.deepEqual(checkKeys(frameOf('{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}'), 'frame'), {});
  t.is(checkKeys('{"fcm\\u005fdata":{"x":1,"x":2}}', 'frame').data, 'x');
  t.is(checkKeys('{"a":{"x":1,"x":2}}', 'data').data, 'x');
  t.is(checkKeys('{"x":1,"x":2}', 'data').data, 'x');
});

test('objects of unknown header fields are not looked at', (t) => {
  t.deepEqual(checkKeys('{"other":{"x":1,"x":2},"fcm_data":{}}', 'frame'), {});
  t.deepEqual(checkKeys('{"fcm_data":{"y":1},"other":{"x":1,"x":2}}', 'frame'), {});
});

test('texts that look like keys are none', (t) => {
  t.deepEqual(checkKeys(frameOf('{"a":"\\"a\\":1,","b":["a","a"],"c":"{\\"c\\":1}","d":"\\\\"}'), 'frame'), {});
  t.is(checkKeys(frameOf('{"a":"\\\\","a":1}'), 'frame').data, 'a');
});

test('an object with many keys', (t) => {
  const members = Array.from({ length: 20_000 }, (_, i) => `"k${i}":${i}`);
  t.deepEqual(checkKeys(frameOf(`{${members.join(',')}}`), 'frame'), {});
  t.is(checkKeys(frameOf(`{${members.join(',')},"k13":0}`), 'frame').data, 'k13');
});

test('nesting of the limit passes, one level more does not', (t) => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  t.is(MAX_DEPTH, 64);
  t.deepEqual(checkKeys(frameOf(nested(63)), 'frame'), {});
  t.is(checkKeys(frameOf(nested(64)), 'frame').deep, 'data');
  t.deepEqual(checkKeys(nested(63), 'data'), {});
  t.is(checkKeys(nested(64), 'data').deep, 'data');
  t.is(checkKeys(`{"other":${nested(64)}}`, 'frame').deep, 'header');
});

test('agrees with a slow search through random JSON', (t) => {
  const random = seeded(11);
  const keys = ['a', 'b', '', 'fcm_data', '"', '\\', 'é', '\ud83d\ude00'];
  let found = 0;
  for (let round = 0; round < 5_000; round++) {
    const { text, twice } = randomObject(random, keys, 3);
    t.is(checkKeys(frameOf(text), 'frame').data !== undefined, twice, text);
    t.is(checkKeys(text, 'data').data !== undefined, twice, text);
    if (twice) found++;
  }
  t.true(found > 500 && found < 4_500, `${found}`);
});

function randomObject(random: () => number, keys: string[], depth: number): { text: string; twice: boolean } {
  const seen = new Set<string>();
  let twice = false;
  const members = Array.from({ length: Math.floor(random() * 4) }, () => {
    const key = keys[Math.floor(random() * keys.length)] ?? '';
    twice ||= seen.has(key);
    seen.add(key);
    const inner = random() < 0.3 && depth > 0 ? randomObject(random, keys, depth - 1) : undefined;
    twice ||= inner?.twice ?? false;
    const value = inner ? (random() < 0.5 ? inner.text : `[ ${inner.text},{}]`) : JSON.stringify(key);
    return `${random() < 0.5 ? ' ' : ''}${JSON.stringify(key)}${random() < 0.5 ? '\n' : ''}:${value}`;
  });
  return { text: `{${members.join(',')}}`, twice };
}
