import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Runs the command line in a process that takes itself for another version. */
function runAs(version: string) {
  const fake = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const preload = `data:text/javascript,${encodeURIComponent(fake)}`;
  return spawnSync(process.execPath, ['--import', preload, main, '--version'], { encoding: 'utf8' });
}

test('an older Node.js is told which one is needed, in one line', (t) => {
  for (const version of ['20.20.2', '23.11.0', '9.0.0']) {
    const { status, stdout, stderr } = runAs(version);
    t.is(status, 2);
    t.is(stdout, '');
    t.is(stderr, `pushbridge needs Node.js 24 or newer; this is ${version}\n`);
  }
});

test('Node.js 24 and its successors are not held up', (t) => {
  for (const version of ['24.0.0', '24.21.0', '100.0.0']) t.is(runAs(version).status, 0);
});

test('nothing is imported before the version is known', (t) => {
  const source = readFileSync(main, 'utf8');
  t.true(source.startsWith('#!/usr/bin/env node\n'));
  t.notRegex(source, /^\s*import\b(?!\()/m);
});
