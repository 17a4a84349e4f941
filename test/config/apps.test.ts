import { join } from 'node:path';
import test from 'ava';
import { loadConfig } from '../../src/config/index.ts';
import { folder, rsa, spki } from '../doors/app/tokens.ts';
import { problemsOf, smallest } from './sample.ts';

const key = 'a-key-of-at-least-16';
/** The smallest configuration with these lines below `doors.app`. */
const withApp = (lines: string, rest = '') =>
  `${smallest}doors:\n  app:\n${lines.replace(/^(?=.)/gm, '    ')}\n${rest}`;
const one = (fields: string) => withApp(`applications:\n  - { id: com.example.app, ${fields} }`);

test('the door for apps is closed unless it is configured, and then has its defaults', (t) => {
  t.is(loadConfig({ text: smallest }).doors.app, undefined);
  const { doors, http } = loadConfig({ text: one(`key: ${key}`) });
  t.like(doors.app, { rate: { per_minute: 60, burst: 60 }, devices_max: 100_000, max_bytes: 4_096 });
  t.like(http, { host: '127.0.0.1', port: 8_080, body_limit: 65_536, request_timeout: 10_000 });
});

test('an application is one of a known category, once, with a key or a token', (t) => {
  const cases: [string, string[]][] = [
    ['applications: []', ['10:5 doors.app.applications: needs at least 1 entry']],
    [
      `applications:\n  - { id: com.example.ap, key: ${key} }`,
      ['11:15 doors.app.applications[0].id: is no session and no app of a sender; did you mean com.example.app?'],
    ],
    [
      `applications:\n  - { id: other, key: ${key} }`,
      ['11:15 doors.app.applications[0].id: is no session and no app of a sender'],
    ],
    [
      `applications:\n  - { id: com.example.app, key: ${key} }\n  - { id: com.example.app, key: ${key} }`,
      ['12:15 doors.app.applications[1].id: is the id of an earlier application too'],
    ],
    [
      'applications:\n  - { id: com.example.app }',
      ['11:9 doors.app.applications[0]: needs a key or a token: nobody could hand in anything'],
    ],
  ];
  for (const [lines, problems] of cases) t.deepEqual(problemsOf(withApp(lines)), problems, lines);
});

test('keys are long enough and fit into a header', (t) => {
  const at = '11:37 doors.app.applications[0].key: ';
  const short = `${at}must have at least 16 characters, or it could be guessed`;
  const odd = `${at}must be visible ASCII characters without spaces: it travels in a header`;
  for (const [text, problems] of [
    ['a'.repeat(16), []],
    ['a'.repeat(15), [short]],
    [`"${'a b'.repeat(6)}"`, [odd]],
    ['ü'.repeat(16), [odd]],
  ] as const) {
    t.deepEqual(problemsOf(one(`key: ${text}`)), problems as never, text);
  }
});

test('a token key is read, and must be one', (t) => {
  const write = folder(t);
  const pem = write('key.pem', spki(rsa().publicKey));
  const token = (fields: string) => problemsOf(one(`token: { ${fields} }`), { files: true });
  const at = '11:46 doors.app.applications[0].token.key: ';
  t.deepEqual(token(`key: ${pem}`), []);
  t.deepEqual(token(`key: ${pem}, algorithms: [RS256]`), []);
  t.deepEqual(token(`key: ${pem}, algorithms: [HS256]`), [
    `${at}checks RS256, RS384, RS512, PS256, PS384, PS512, none of which \`algorithms\` names`,
  ]);
  t.regex(token(`key: ${pem}x`).join(), /11:46 doors\.app\.applications\[0\]\.token\.key: can not be read: ENOENT/);
  t.is(token(`key: ${pem}x`).length, 1);
  t.deepEqual(token(`key: ${write('bad.pem', '-----BEGIN PUBLIC KEY-----\nhush')}`), [
    `${at}can not be parsed as a key`,
  ]);
  t.regex(token(`key: ${join(pem, '..')}`).join(), /token\.key: EISDIR/);
  t.regex(token(`key: ${pem}, algorithms: [none]`).join(), /algorithms\[0\]: must be HS256 or/);
  t.regex(token(`key: ${pem}, algorithms: []`).join(), /algorithms: needs at least 1 entry/);
});

test('plain HTTP is for loopback, unless it is expressly allowed or nothing listens', (t) => {
  const write = folder(t);
  const host = (fields: string) => `http: { host: 0.0.0.0${fields} }\n`;
  const app = `applications:\n  - { id: com.example.app, key: ${key} }`;
  t.deepEqual(problemsOf(smallest + host('')), []);
  t.deepEqual(problemsOf(withApp(app, host(', allow_plain: true'))), []);
  t.deepEqual(problemsOf(withApp(app, host(`, tls: { cert: ${write('c', '')}, key: ${write('k', '')} }`))), []);
  t.deepEqual(problemsOf(withApp(app, host(''))), [
    '12:15 http.host: is reachable from other machines, which would send their keys in clear; give http.tls, or set http.allow_plain',
  ]);
});

test('a provider does not have the name of the door', (t) => {
  const text = one(`key: ${key}`).replace('  ccs:', '  app:\n    type: ccs');
  t.deepEqual(problemsOf(text), ['5:3 providers.app: is the name of the door for apps; take another one']);
  t.deepEqual(problemsOf(smallest.replace('  ccs:', '  app:\n    type: ccs')), []);
});

test('an app of a CCS sender is a category too', (t) => {
  const write = folder(t);
  const tls = `{ cert: ${write('c', '')}, key: ${write('k', '')} }`;
  const ccs = `  ccs:\n    tls: ${tls}\n    senders: [{ id: "1", key: any, provider: ccs, apps: [com.example.shop] }]\n`;
  const shop = (id: string) => withApp(`applications:\n  - { id: ${id}, key: ${key} }`) + ccs;
  t.deepEqual(problemsOf(shop('com.example.shop')), []);
  t.is(problemsOf(shop('com.example.other')).length, 1);
});
