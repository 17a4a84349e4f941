import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { PrivateBus } from '../distributor/private-bus.ts';
import { Console, until } from './console.ts';

const ACCOUNT = `jid: romeo@localhost, password: "\${WORD}", host: 127.0.0.1, port: 1, security: none`;

function home(t: ExecutionContext, text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-distributor-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'distributor.yaml');
  writeFileSync(file, text);
  return { folder, file, env: { HOME: folder, WORD: 'pencil' } };
}

test('it runs on the bus of the environment until it is told to stop', async (t) => {
  const bus = await PrivateBus.start();
  t.teardown(() => bus.stop());
  const { file, env, folder } = home(t, `distributor: { account: { ${ACCOUNT} } }\n`);
  const console = new Console();
  const ran = console.run(['distributor', '-c', file, '--log-level', 'error', '--set', 'name=mine'], {
    ...env,
    DBUS_SESSION_BUS_ADDRESS: bus.address,
  });
  await until(() => console.printed.includes('\n'), 'the distributor to be ready');
  t.is(console.printed, 'distributor is ready: org.unifiedpush.Distributor.mine\n');
  t.true(existsSync(join(folder, '.local/share/pushbridge/distributor.db')));
  console.signal('SIGTERM');
  t.is((await ran).code, 0);
});

for (const [what, more, message] of [
  [
    'is not there',
    { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/no/bus' },
    /no session bus at unix:path=\/no\/bus: .*ENOENT/,
  ],
  ['has no address of a kind', { DBUS_SESSION_BUS_ADDRESS: 'nonsense' }, /no session bus at nonsense: /],
  ['is not named', {}, /no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set/],
] as const) {
  test(`a bus that ${what} is said`, async (t) => {
    const { file, env } = home(t, `distributor: { account: { ${ACCOUNT} } }\n`);
    const { code, stderr } = await new Console().run(['distributor', '-c', file], { ...env, ...more });
    t.is(code, 1);
    t.regex(stderr, message);
  });
}

test('install writes two files, and again over its own, but not over others', async (t) => {
  const { folder, file, env } = home(t, `distributor: { account: { ${ACCOUNT} } }\n`);
  const unit = join(folder, '.config/systemd/user/pushbridge-distributor.service');
  const printed = await new Console().run(['distributor', 'install', '--print', '-c', file], env);
  t.is(printed.code, 0);
  t.true(printed.stdout.startsWith(`# ${unit}\n`));
  t.false(existsSync(unit));
  for (let times = 0; times < 2; times++) {
    const { code, stdout } = await new Console().run(['distributor', 'install', '-c', file], env);
    t.is(code, 0);
    t.regex(stdout, /systemctl --user enable --now pushbridge-distributor\.service\n$/);
  }
  t.true(readFileSync(unit, 'utf8').includes(`"distributor" "--config" "${file}"`));
  t.notRegex(readFileSync(unit, 'utf8'), /pencil/);
  writeFileSync(unit, '[Unit]\n');
  const refused = await new Console().run(['distributor', 'install', '-c', file], env);
  t.is(refused.code, 1);
  t.true(refused.stderr.includes(`${unit} is not from pushbridge`));
});

test('what is installed runs with what was said beside the file, but for the password', async (t) => {
  const { folder, file, env } = home(t, `distributor: { account: { ${ACCOUNT} } }\n`);
  const more = ['--set', 'name=other', '--set', 'gateway.jid=push.example', '--log-level', 'debug'];
  const { code } = await new Console().run(['distributor', 'install', '-c', file, ...more], env);
  t.is(code, 0);
  const unit = readFileSync(join(folder, '.config/systemd/user/pushbridge-distributor-other.service'), 'utf8');
  t.true(unit.includes(`"${file}" "--set" "name=other" "--set" "gateway.jid=push.example" "--log-level" "debug"\n`));
});

for (const [what, argv, text, message] of [
  [
    'a password for files that others may read',
    ['install', '--set', 'account.password=secret-word'],
    `distributor: { account: { ${ACCOUNT} } }\n`,
    /install writes no password/,
  ],
  [
    'a level that is none',
    ['install', '--log-level', 'loud'],
    `distributor: { account: { ${ACCOUNT} } }\n`,
    /--log-level/,
  ],
  ['another verb', ['instal'], '', /did you mean install\?/],
  ['two verbs', ['install', 'now'], '', /unexpected argument "now"/],
  ['--print alone', ['--print'], '', /--print needs install/],
  ['a file without the section', [], 'bal: {}\n', /has no section "distributor"/],
  [
    'a key that is none',
    [],
    `distributor: { account: { ${ACCOUNT} }, gatway: {} }\n`,
    /gatway: unknown key; did you mean gateway\?/,
  ],
  ['no password', [], 'distributor: { account: { jid: a@b } }\n', /account\.password/],
  [
    'a password in the clear to another machine',
    [],
    'distributor: { account: { jid: a@b, password: x, host: 10.0.0.1, security: none } }\n',
    /account\.security: none is only for a `host` on this machine/,
  ],
] as const) {
  test(`${what} is a mistake of usage`, async (t) => {
    const { file, env } = home(t, text);
    const { code, stderr } = await new Console().run(['distributor', ...argv, '-c', file], env);
    t.is(code, 2);
    t.regex(stderr, message);
  });
}
