import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const ENSURE = fileURLToPath(new URL('../../scripts/ensure', import.meta.url));
/** Takes its time, notes that it was called, and leaves what an install leaves. */
const NPM = `#!/bin/sh
echo called >> calls
sleep 0.5
mkdir -p node_modules/.bin
touch node_modules/.bin/node node_modules/.package-lock.json
chmod +x node_modules/.bin/node
`;

test('two commands on a fresh clone install once, and both go on with what is there', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-ensure-'));
  for (const name of ['scripts', 'bin']) mkdirSync(join(folder, name));
  copyFileSync(ENSURE, join(folder, 'scripts/ensure'));
  writeFileSync(join(folder, 'package-lock.json'), '{}');
  writeFileSync(join(folder, 'bin/npm'), NPM, { mode: 0o755 });
  const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}`, TMPDIR: folder };
  const runs = Array.from({ length: 3 }, () =>
    spawn('bash', ['-c', '. scripts/ensure; [ -x node_modules/.bin/node ]'], { cwd: folder, env }),
  );
  const codes = await Promise.all(runs.map(async (run) => (await once(run, 'close'))[0] as number));
  t.deepEqual(codes, [0, 0, 0]);
  t.is(readFileSync(join(folder, 'calls'), 'utf8'), 'called\n');
  rmSync(folder, { recursive: true });
});
