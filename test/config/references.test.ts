import test from 'ava';
import { loadConfig } from '../../src/config/index.ts';
import { expand } from '../../src/config/references.ts';
import { ccs, problemsOf, smallest } from './sample.ts';

test('variables stand in for their names, several in one text', (t) => {
  const env = { HOST: 'db', PORT_2: '5', _x: '' };
  t.deepEqual(expand(`a \${HOST}:\${PORT_2}\${_x} b`, env), { text: 'a db:5 b', referred: true, wrong: [] });
});

test('an escaped reference and lonely dollars are left alone', (t) => {
  t.deepEqual(expand(`$\${HOST} costs $5 or $HOST`, {}), {
    text: `\${HOST} costs $5 or $HOST`,
    referred: false,
    wrong: [],
  });
});

test('a value that looks like a reference is not looked up again', (t) => {
  t.is(expand(`\${A}`, { A: `\${B}`, B: 'no' }).text, `\${B}`);
});

test('what is missing or malformed is told by the name of the variable', (t) => {
  t.deepEqual(expand(`\${A}\${B}`, { A: 'x' }).wrong, ['the environment variable B is not set']);
  t.is(expand(`\${not a name}`, {}).wrong.length, 1);
  t.is(expand(`\${`, {}).wrong.length, 1);
  t.is(expand(`\${1A}`, {}).wrong.length, 1);
});

test('references work in every string, quoted or not, and take the type that the key asks for', (t) => {
  const text = `
sessions:
  - { id: "\${APP}.app", secret: "\${SECRET}", max_pending: "\${PENDING}" }
providers:
  ccs:
    sender_id: \${SENDER}
    server_key: \${KEY}
bal:
  port: \${PORT}
  allow_open_sessions: \${OPEN}
  logon_timeout: \${WAIT}
  idle_timeout: \${ZERO}
`;
  const env = {
    APP: 'com.example',
    SECRET: '0x10',
    PENDING: '7',
    SENDER: '1234',
    KEY: 'true',
    PORT: '6000',
    OPEN: 'true',
    WAIT: '3s',
    ZERO: '0',
  };
  const config = loadConfig({ text }, { env });
  t.like(config.sessions[0], { id: 'com.example.app', max_pending: 7 });
  t.is(config.sessions[0]?.secret?.reveal(), '0x10');
  t.is(ccs(config)?.sender_id, '1234');
  t.is(ccs(config)?.server_key.reveal(), 'true');
  t.like(config.bal, { port: 6_000, allow_open_sessions: true, logon_timeout: 3_000, idle_timeout: 0 });
});

test('a missing variable names key, line and variable, once', (t) => {
  const text = smallest.replace('hush', `\${CCS_KEY}`);
  t.deepEqual(problemsOf(text), ['7:17 providers.ccs.server_key: the environment variable CCS_KEY is not set']);
});

test('an empty variable does not open a session', (t) => {
  const text = smallest.replace('sesame', `\${S}`);
  t.deepEqual(problemsOf(text, { env: { S: '' } }), ['3:13 sessions[0].secret: must not be empty']);
});

test('a variable of the wrong type is told without its value', (t) => {
  const text = `${smallest}bal: { port: "\${PORT}" }\n`;
  t.deepEqual(problemsOf(text, { env: { PORT: 'sesame' } }), ['8:14 bal.port: must be a number, not a text']);
});

test('references in keys are not followed', (t) => {
  t.regex(problemsOf(`"\${A}": 1\n`, { env: { A: 'bal' } }).join('\n'), /^1:1 "\$\{A\}": unknown key/m);
});
