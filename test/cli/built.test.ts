import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  constants,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { build, missingIn } from '../../scripts/build.ts';
import { smallest } from '../config/sample.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'pushbridge-built-'));
const main = join(root, 'dist/main.js');

test.before((t) => {
  t.timeout(60_000);
  // `npm test` builds before it tests; whoever runs this file alone gets the build here.
  if (!isFresh()) build(join(root, 'dist'));
});

test.after.always(() => rmSync(folder, { recursive: true, force: true }));

/** Whether the program was built after the last change of a source. */
function isFresh(): boolean {
  if (!existsSync(main)) return false;
  const changed = (file: string): number => statSync(file).mtimeMs;
  return globSync('src/**/*.ts', { cwd: root }).every((file) => changed(join(root, file)) <= changed(main));
}

const run = (...argv: string[]) => spawnSync(process.execPath, [main, ...argv], { encoding: 'utf8', cwd: folder });

test('the build is complete', (t) => {
  t.deepEqual(missingIn(join(root, 'dist')), []);
});

test('what is missing in a build is told', (t) => {
  const missing = missingIn(join(folder, 'nothing'));
  t.true(missing.includes('main.js was not made'));
  t.true(missing.includes('client/index.d.ts was not made'));
  t.true(missing.includes('package.json promises app.js'));
  t.true(missing.includes('main.js does not begin with #!/usr/bin/env node'));
});

test('a build does not remove the sources', (t) => {
  t.throws(() => build(root.replace(/\/$/, '')), { message: /holds the sources/ });
});

test('the built program can be executed, and says its version', (t) => {
  accessSync(main, constants.X_OK);
  t.true(readFileSync(main, 'utf8').startsWith('#!/usr/bin/env node\n'));
  const { status, stdout } = run('--version');
  t.is(status, 0);
  t.is(stdout, `${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version}\n`);
});

test('the built program works through a link, as npm installs it', (t) => {
  const link = join(folder, 'pushbridge');
  symlinkSync(main, link);
  t.is(spawnSync(process.execPath, [link, '--help']).status, 0);
});

test('the built program checks a configuration', (t) => {
  const config = join(folder, 'c.yaml');
  writeFileSync(config, smallest);
  const good = run('check', '--config', config);
  t.is(good.stderr, '');
  t.is(good.status, 0);
  t.regex(good.stdout, /secret: "\[hidden\]"/);
  const bad = run('check', '--config', config, '--bal-port', 'x');
  t.is(bad.status, 2);
  t.regex(bad.stderr, /^--bal-port bal\.port: /);
});

test('the built program serves, and stops in order', async (t) => {
  const flags = ['sessions[0].id=a', 'providers.ccs.sender_id=1', 'providers.ccs.server_key=k', 'providers.ccs.port=1'];
  const more = ['--bal-port', '0', '--admin-port', '0', '--store', `sqlite:${join(folder, 'b.db')}`];
  const sets = flags.flatMap((flag) => ['--set', flag]);
  const serve = spawn(process.execPath, [main, 'serve', ...more, ...sets, '--set', 'providers.ccs.host=localhost']);
  let printed = '';
  serve.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  await once(serve.stdout, 'data');
  t.regex(printed, /^pushbridge is ready: BAL on 127\.0\.0\.1:\d+, admin on http:\/\/127\.0\.0\.1:\d+\n$/);
  serve.kill('SIGTERM');
  const [code] = await once(serve, 'exit');
  t.is(code, 0);
});

test('a reader that goes away disturbs nobody', (t) => {
  const { status, stdout } = spawnSync('sh', ['-c', `'${process.execPath}' '${main}' --help | head -n 1; echo done`], {
    encoding: 'utf8',
  });
  t.is(status, 0);
  t.regex(stdout, /done\n$/);
});

const old = '/usr/bin/node';
const oldVersion = existsSync(old) ? spawnSync(old, ['--version'], { encoding: 'utf8' }).stdout.trim().slice(1) : '';

(Number.parseInt(oldVersion, 10) < 24 ? test : test.skip)(
  'an older Node.js on this machine gets the clear line',
  (t) => {
    const { status, stderr } = spawnSync(old, [main, '--version'], { encoding: 'utf8' });
    t.is(status, 2);
    t.is(stderr, `pushbridge needs Node.js 24 or newer; this is ${oldVersion}\n`);
  },
);
