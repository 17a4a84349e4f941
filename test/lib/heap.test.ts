import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** Tells at every start of the program who it is and what Node.js was told. */
const WITNESS = 'data:text/javascript,console.error("started", process.pid, ...process.execArgv)';

/** The starts that `serve --help` took. */
function starts(env: Readonly<Record<string, string>> = {}, ...nodeArgs: string[]): { pid: string; args: string }[] {
  const args = [...nodeArgs, '--import', WITNESS, MAIN, 'serve', '--help'];
  const { stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, ...env } });
  if (status !== 0) throw new Error(stderr);
  return [...stderr.matchAll(/^started (\d+) (.*)$/gm)].map(([, pid = '', given = '']) => ({ pid, args: given }));
}

test('serve replaces itself once, as the same process, by one with a bounded heap', (t) => {
  const [first, second, ...more] = starts();
  t.is(first?.pid, second?.pid);
  t.notRegex(first?.args ?? '', /semi-space/);
  t.regex(second?.args ?? '', /^--max-semi-space-size=12 (--max-old-space-size=2000 )?--import /);
  t.deepEqual(more, []);
});

test('what the operator chose is left alone', (t) => {
  t.is(starts({ NODE_OPTIONS: '--max-semi-space-size=32' }).length, 1);
  t.is(starts({}, '--max_semi_space_size=32').length, 1);
  t.is(starts({}, '--max-old-space-size=300').length, 1);
});
