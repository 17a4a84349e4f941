import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { commands } from '../../src/cli/commands.ts';
import { smallest } from '../config/sample.ts';
import { run } from './console.ts';

const folder = mkdtempSync(join(tmpdir(), 'pushbridge-cli-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

test('every command of the issue is there', (t) => {
  const names = commands.map(({ name }) => name);
  for (const name of ['serve', 'emulate', 'send', 'listen', 'check', 'demo']) t.true(names.includes(name), name);
});

for (const { name, examples, options } of commands) {
  test(`${name} --help shows options and examples, whatever stands beside it`, async (t) => {
    for (const argv of [['--help'], ['-h'], ['--nonsense', '--help']]) {
      const { code, stdout, stderr } = await run([name, ...argv]);
      t.is(code, 0);
      t.is(stderr, '');
      t.true(stdout.startsWith(`Usage: pushbridge ${name} `));
      for (const option of Object.keys(options)) t.true(stdout.includes(`--${option}`), option);
      t.true(examples.length > 0);
      for (const { line, meaning } of examples) {
        t.true(stdout.includes(line));
        t.true(stdout.includes(meaning));
      }
      t.true(stdout.includes('Exit codes: 0 '));
      t.true(
        stdout.split('\n').every((text) => text.length <= 120),
        'lines fit',
      );
    }
    t.deepEqual(await run(['help', name]), await run([name, '--help']));
  });
}

test('the overview lists the commands', async (t) => {
  for (const argv of [['--help'], ['-h'], ['help']]) {
    const { code, stdout } = await run(argv);
    t.is(code, 0);
    for (const { name, summary } of commands) t.regex(stdout, new RegExp(`^ {2}${name} +${summary.slice(0, 20)}`, 'm'));
  }
});

test('without a command the overview goes to standard error', async (t) => {
  const { code, stdout, stderr } = await run([]);
  t.is(code, 2);
  t.is(stdout, '');
  t.regex(stderr, /^Usage: /m);
});

test('the version', async (t) => {
  t.regex((await run(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  t.deepEqual(await run(['-V']), await run(['--version']));
});

test('wrong usage is one line with the way to the help, and exit code 2', async (t) => {
  const cases: [string[], string][] = [
    [['chek'], 'pushbridge: unknown command chek; did you mean check? (see pushbridge --help)\n'],
    [['--verison'], 'pushbridge: unknown option --verison; '],
    [
      ['check', '--confg', 'x'],
      'pushbridge check: unknown option --confg; did you mean --config? (see pushbridge check --help)\n',
    ],
    [
      ['check', '--set', 'x'],
      'pushbridge check: --set needs two sides: --set KEY=VALUE (see pushbridge check --help)\n',
    ],
    [['send'], 'pushbridge send: nowhere to send to: give --to, --json or --file (see pushbridge send --help)\n'],
    [['listen'], 'pushbridge listen: --session ID is missing (see pushbridge listen --help)\n'],
    [['help', 'nothing-like-it'], 'pushbridge: unknown command nothing-like-it; commands: serve, '],
  ];
  for (const [argv, text] of cases) {
    const { code, stdout, stderr } = await run(argv);
    t.is(code, 2, argv.join(' '));
    t.is(stdout, '');
    t.true(stderr.startsWith(text), stderr);
    t.is(stderr.split('\n').length, 2);
  }
});

test('check prints the effective configuration, secrets hidden, flags over file', async (t) => {
  const config = file('good.yaml', smallest.replace('hush', `\${KEY}`));
  const { code, stdout, stderr } = await run(
    [
      'check',
      '--config',
      config,
      '--bal-port',
      '6000',
      '--set',
      'retry.cap=5m',
      '--store',
      'memory:',
      '--log-level=debug',
    ],
    { KEY: 'very hush' },
  );
  t.is(stderr, '');
  t.is(code, 0);
  for (const line of ['  port: 6000', '  cap: 5m', '  url: "memory:"', '  level: debug', '    secret: "[hidden]"']) {
    t.true(stdout.split('\n').includes(line), line);
  }
  t.notRegex(stdout, /hush|sesame/);
});

test('check names path and line of what is wrong, and exits with 2', async (t) => {
  const config = file('bad.yaml', `${smallest.replace('hush', `\${KEY}`)}bal:\n  prot: 1\n  logon_timeout: 10\n`);
  const { code, stdout, stderr } = await run(['check', '-c', config, '--bal-port', 'x']);
  t.is(code, 2);
  t.is(stdout, '');
  t.deepEqual(stderr.split('\n'), [
    `${config}:7:17 providers.ccs.server_key: the environment variable KEY is not set`,
    `${config}:9:3 bal.prot: unknown key; did you mean port?`,
    `${config}:10:18 bal.logon_timeout: must be a duration such as 250ms, 10s, 5m, 1h or 4w`,
    '--bal-port bal.port: must be a number, not a text',
    '',
  ]);
});

test('check looks whether files can be read', async (t) => {
  const gone = join(folder, 'gone.pem');
  const config = file('tls.yaml', `${smallest}bal: { tls: { cert: ${gone}, key: ${gone} } }\n`);
  const { code, stderr } = await run(['check', '-c', config]);
  t.is(code, 2);
  t.regex(stderr, /tls\.yaml:8:21 bal\.tls\.cert: can not be read: ENOENT/);
  t.regex(stderr, /bal\.tls\.key: can not be read/);
});

test('the configuration is found by flag, then environment, then name, and flags alone will do', async (t) => {
  const config = file('env.yaml', smallest);
  t.is((await run(['check'], { PUSHBRIDGE_CONFIG: config })).code, 0);
  t.is((await run(['check', '-c', config], { PUSHBRIDGE_CONFIG: '/nowhere' })).code, 0);
  const flags = ['sessions[0].id=a', 'providers.ccs.sender_id=1', 'providers.ccs.server_key=k'];
  t.is((await run(['check', ...flags.flatMap((flag) => ['--set', flag])])).code, 0);
  const none = await run(['check']);
  t.is(none.code, 2);
  t.regex(none.stderr, /there is no pushbridge\.yaml here; name the configuration with --config FILE/);
  t.is((await run(['check', '-c', join(folder, 'gone.yaml')])).code, 2);
});

test('serve with a wrong configuration begins nothing', async (t) => {
  const config = file('wrong.yaml', 'nope: 1\n');
  const { code, stderr } = await run(['serve', '-c', config]);
  t.is(code, 2);
  t.regex(stderr, /wrong\.yaml:1:1 nope: unknown key/);
});
