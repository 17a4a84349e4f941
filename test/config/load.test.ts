import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ConfigError, loadConfig, loadSection } from '../../src/config/index.ts';
import { Secret } from '../../src/lib/secret.ts';
import { cert, key } from '../client/tls-fixture.ts';
import { ccs, problemsOf, smallest } from './sample.ts';

test('a small file gives a complete configuration', (t) => {
  const config = loadConfig({ text: smallest });
  t.like(config, {
    log: { level: 'info', format: 'json' },
    bal: { host: '127.0.0.1', max_connections: 1_000, logon_timeout: 10_000, idle_timeout: 0, write_timeout: 30_000 },
    retry: { base: 1_000 },
    stop_timeout: 15_000,
  });
  t.is(config.bal.ack_timeout, 300_000);
  t.is(config.bal.owner_grace, 30_000);
  t.is(config.sessions[0]?.providers, undefined);
  t.like(config.providers.ccs, { type: 'ccs', sender_id: '1234', pool: { window: 100 } });
  t.is(ccs(config)?.server_key.reveal(), 'hush');
});

test('the type of a provider is its name unless it says otherwise', (t) => {
  const text = smallest.replace('  ccs:\n', '  second_project:\n    type: ccs\n');
  const config = loadConfig({ text });
  t.deepEqual(Object.keys(config.providers), ['second_project']);
  t.is(config.providers.second_project?.type, 'ccs');
});

test('the configuration is frozen to the bottom', (t) => {
  const config = loadConfig({ text: smallest });
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' ||
    value === null ||
    value instanceof Secret ||
    (Object.isFrozen(value) && Object.values(value).every(frozen));
  t.true(frozen(config));
});

test('unknown keys are named with their line and what was probably meant', (t) => {
  const text = `${smallest}bal:\n  prot: 1\n  quite_other: 2\nlogs: {}\n`;
  const [first, second, third] = problemsOf(text);
  t.is(first, '9:3 bal.prot: unknown key; did you mean port?');
  t.regex(second ?? '', /^10:3 bal\.quite_other: unknown key; known keys: host, port, tls, /);
  t.is(third, '11:1 logs: unknown key; did you mean log?');
});

test('unknown keys are found at every depth', (t) => {
  const text = smallest
    .replace('    secret: sesame\n', '    secret: sesame\n    max_pendin: 5\n')
    .replace('server_key: hush\n', 'server_key: hush\n    pool: { maxx: 5 }\n    hots: x\n');
  t.deepEqual(problemsOf(text), [
    '4:5 sessions[0].max_pendin: unknown key; did you mean max_pending?',
    '9:13 providers.ccs.pool.maxx: unknown key; did you mean max?',
    '10:5 providers.ccs.hots: unknown key; did you mean host?',
  ]);
});

test('wrong types are told by what they must be and what they are', (t) => {
  const text = `
log: { level: loud }
store: { url: postgres://x }
bal:
  port: "5290"
  max_connections: 1.5
  max_frame_bytes: 10
  logon_timeout: 10
  allow_open_sessions: maybe
sessions:
  - id: 5
  - id: true
  - just text
  - id: ""
providers:
  ccs:
    sender_id: 123456
    server_key: [a]
    pool: 7
retry: nothing
admin: { port: 70000 }
stop_timeout: long
`;
  t.deepEqual(problemsOf(text), [
    '2:15 log.level: must be error or warn or info or debug',
    '3:15 store.url: must be sqlite:PATH or memory:',
    '5:9 bal.port: must be a number, not a text',
    '6:20 bal.max_connections: must be a whole number, not this number',
    '7:20 bal.max_frame_bytes: must be at least 1024',
    '8:18 bal.logon_timeout: must be a duration such as 250ms, 10s, 5m, 1h or 4w',
    '9:24 bal.allow_open_sessions: must be true or false, not a text',
    '11:9 sessions[0].id: must be a text, not a number (quotes make it a text)',
    '12:9 sessions[1].id: must be a text, not true (quotes make it a text)',
    '13:5 sessions[2]: must be a map of keys, not a text',
    '14:9 sessions[3].id: must not be empty',
    '17:16 providers.ccs.sender_id: must be a text, not a number (quotes make it a text)',
    '18:5 providers.ccs.server_key: must be a text, not a list',
    '19:11 providers.ccs.pool: must be a map of keys, not a number',
    '20:8 retry: must be a map of keys, not a text',
    '21:16 admin.port: must be at most 65535',
    '22:15 stop_timeout: must be a duration such as 250ms, 10s, 5m, 1h or 4w',
  ]);
});

test('what is missing is told at the line of its parent', (t) => {
  const text = 'sessions:\n  - secret: x\nproviders:\n  ccs:\n    sender_id: "1"\n';
  t.deepEqual(problemsOf(text), ['2:5 sessions[0].id: is required', '4:3 providers.ccs.server_key: is required']);
  t.deepEqual(problemsOf('bal: { tls: { cert: a } }\n').slice(-1), ['1:8 bal.tls.key: is required']);
});

test('a key without a value is an error and not an absent key', (t) => {
  const text = smallest.replace('secret: sesame', 'secret:');
  t.deepEqual(problemsOf(text), ['3:12 sessions[0].secret: has no value; give it one or remove the key']);
  t.deepEqual(problemsOf(`${smallest}bal:\n`), ['8:5 bal: has no value; give it one or remove the key']);
});

test('a configuration without providers and sessions does nothing, and is refused', (t) => {
  t.deepEqual(
    problemsOf(''),
    [
      '1:1 sessions: needs at least one session, or doors.ccs, or doors.webpush',
      '1:1 providers: needs at least one provider',
    ].toSorted(),
  );
  t.deepEqual(
    problemsOf('sessions: []\nproviders: {}\n'),
    [
      '1:11 sessions: needs at least one session, or doors.ccs, or doors.webpush',
      '2:12 providers: needs at least one provider',
    ].map((line) => line.replace(/:\d+ /, ':1 ')),
  );
});

test('a type of provider that nobody knows', (t) => {
  t.deepEqual(problemsOf(smallest.replace('  ccs:', '  pigeon:')), [
    '5:3 providers.pigeon: is of no known type; `type` must be one of: apns, ccs, fcm, webpush, xmpp',
  ]);
  t.deepEqual(problemsOf(smallest.replace('  ccs:', '  ccs:\n    type: cccs')), [
    '6:11 providers.ccs.type: is of no known type; `type` must be one of: apns, ccs, fcm, webpush, xmpp',
  ]);
});

test('no problem shows a secret', (t) => {
  const text = `
sessions:
  - id: a
    secret: { nested: sesame1 }
  - id: b
    secret: [sesame2]
  - id: c
    secret: sesame3
    providers: sesame4
providers:
  ccs:
    sender_id: "has space sesame5"
    server_key: "\${NOT sesame6}"
  other:
    type: sesame7
store: { url: "postgres://user:sesame8@host" }
log: { level: sesame9 }
`;
  const problems = problemsOf(text, { overrides: [{ key: 'bal.port', value: 'sesame10', flag: '--set' }] });
  t.true(problems.length >= 7);
  t.notRegex(problems.join('\n'), /sesame/);
});

test('files that the configuration names are looked for when that is wanted', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-config-'));
  const present = join(folder, 'present.pem');
  writeFileSync(present, cert + key); // good for either
  const text = `${smallest}bal:\n  tls: { cert: ${present}, key: ${join(folder, 'gone.pem')} }\n`;
  t.deepEqual(problemsOf(text), []);
  const [problem, ...rest] = problemsOf(text, { files: true });
  t.regex(problem ?? '', /^9:\d+ bal\.tls\.key: can not be read: ENOENT/);
  t.deepEqual(rest, []);
  t.deepEqual(problemsOf(text.replace('gone', 'present'), { files: true }), []);
  const door = `${smallest}doors:\n  ccs:\n    tls: { cert: ${present}, key: ${join(folder, 'gone.pem')} }\n    senders: [{ id: "1", key: hush, provider: ccs }]\n`;
  t.regex(problemsOf(door, { files: true }).join(), /^10:\d+ doors\.ccs\.tls\.key: can not be read: ENOENT/);
  rmSync(folder, { recursive: true });
});

test('a file is read, and one that can not be read is a problem with its name', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-config-'));
  const file = join(folder, 'c.yaml');
  writeFileSync(file, `${smallest}nope: 1\n`);
  t.throws(() => loadConfig({ file }), { message: new RegExp(`^${file}:8:1 nope: unknown key`) });
  const gone = t.throws(() => loadConfig({ file: join(folder, 'gone.yaml') }), { instanceOf: ConfigError });
  t.regex(gone.message, /gone\.yaml: can not be read: ENOENT/);
  t.throws(() => loadConfig({ file: folder }), { message: /can not be read: EISDIR/ });
  rmSync(folder, { recursive: true });
});

test('a section alone does not need the others, and comes as it was written', (t) => {
  t.deepEqual(loadSection('emulator', { flags: true }), {});
  const text = `emulator: { latency: 20ms }\nsessions: 5\nbal: { port: "\${GONE}" }\n`;
  t.is(loadSection('emulator', { text }).latency, '20ms');
  const overrides = [{ key: 'emulator.port', value: '0', flag: '--port' }];
  t.is(loadSection('emulator', { text }, { overrides }).port, 0);
  t.throws(() => loadSection('emulator', { text: 'emulator: { latncy: 20ms }\n', name: 'f' }), {
    message: 'f:1:13 emulator.latncy: unknown key; did you mean latency?',
  });
  t.throws(() => loadSection('emulator', { text: `emulator: { port: "\${GONE}" }\n`, name: 'f' }), {
    message: 'f:1:19 emulator.port: the environment variable GONE is not set',
  });
});
