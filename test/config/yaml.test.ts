import test from 'ava';
import { MAX_FILE_BYTES } from '../../src/config/yaml.ts';
import { problemsOf, smallest } from './sample.ts';

test('text that is no YAML is told with its place, and nothing of it is quoted', (t) => {
  t.deepEqual(problemsOf('bal: "open'), ['1:11: is not valid YAML: Missing closing "quote']);
  t.deepEqual(problemsOf('a: b: sesame'), [
    '1:4: is not valid YAML: Nested mappings are not allowed in compact mappings',
  ]);
  const all = ['a: [sesame', '- a\nsesame: 1', 'a: !sesame 1', 'a: @sesame', '%sesame 1\n---\na: 1', 'a: "\\sesame"'];
  for (const text of all) {
    const problems = problemsOf(text).join('\n');
    t.regex(problems, /is not valid YAML/);
    t.notRegex(problems, /sesame/, text);
  }
});

test('two documents are one too many', (t) => {
  t.regex(problemsOf('a: 1\n---\nb: 2\n').join(), /multiple documents/);
});

test('a duplicate key is an error', (t) => {
  t.deepEqual(problemsOf(`${smallest}bal: { port: 1, port: 2 }\n`), ['8:17 bal.port: stands there twice']);
  t.deepEqual(problemsOf(`${smallest}sessions: []\n`), ['8:1 sessions: stands there twice']);
});

test('bytes that are no UTF-8 are an error, a byte order mark is none', (t) => {
  t.deepEqual(problemsOf(Buffer.from([0x61, 0x3a, 0x20, 0xff])), ['1:1: is not valid UTF-8']);
  t.deepEqual(problemsOf(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(smallest)])), []);
});

test('a file at the limit is read, one byte more is refused', (t) => {
  const padded = (size: number) => `${smallest}#${'x'.repeat(size - smallest.length - 1)}`;
  t.deepEqual(problemsOf(padded(MAX_FILE_BYTES)), []);
  t.deepEqual(problemsOf(padded(MAX_FILE_BYTES + 1)), [`1:1: is larger than ${MAX_FILE_BYTES} bytes`]);
});

test('anchors may be used', (t) => {
  const text = `${smallest}  second:
    type: ccs
    sender_id: "5"
    server_key: k
    pool: &pool { max: 3 }
  third: { type: ccs, sender_id: "6", server_key: k, pool: *pool }
`;
  t.deepEqual(problemsOf(text), []);
});

test('a chain of anchors that grows without bound is refused, and quickly', (t) => {
  const lines = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi']) {
    lines.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join(', ')}]`);
  }
  const start = performance.now();
  t.regex(problemsOf(`${lines.join('\n')}\n`).join('\n'), /is one value too many/);
  t.true(performance.now() - start < 3_000);
});

test('an anchor inside itself and deep nesting end somewhere', (t) => {
  t.regex(problemsOf('a: &a [*a]\n').join('\n'), /is nested deeper than 32 levels/);
  const nested = (depth: number) => problemsOf(`a: ${'['.repeat(depth)}${']'.repeat(depth)}\n`).join('\n');
  t.notRegex(nested(31), /nested/);
  t.regex(nested(33), /is nested deeper than 32 levels/);
  t.regex(nested(50_000), /is nested (?:deeper than 32 levels|too deeply)/);
  t.regex(problemsOf('a: *nobody\n').join('\n'), /1:1 a: is an alias without its anchor/);
});

test('keys that are no names', (t) => {
  t.regex(problemsOf('? [a]\n: 1\n').join('\n'), /has a key that is no text/);
  t.regex(problemsOf('? \n: 1\n').join('\n'), /has a key that is no text/);
  t.regex(problemsOf('__proto__: { a: 1 }\n').join('\n'), /1:1 __proto__: unknown key/);
  t.regex(problemsOf('constructor: 1\n').join('\n'), /1:1 constructor: unknown key/);
  t.regex(problemsOf(`${smallest}  __proto__: { type: ccs }\n`).join('\n'), /8:3 providers\.__proto__: is no name/);
});

test('a key with strange characters can not disturb the terminal', (t) => {
  t.regex(problemsOf('"a\\e[31mb": 1\n').join('\n'), /1:1 "a\\u001b\[31mb": unknown key/);
});

test('the root must be a map', (t) => {
  t.deepEqual(problemsOf('- a\n'), ['1:1: must be a map of keys']);
  t.deepEqual(problemsOf('text\n'), ['1:1: must be a map of keys']);
});
