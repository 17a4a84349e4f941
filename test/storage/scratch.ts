import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';

/** Paths for fresh files in a folder that goes away with the tests of this process. */
export function scratch(): (name?: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-store-'));
  test.after.always(() => rmSync(folder, { recursive: true, force: true }));
  let files = 0;
  return (name = `${++files}.db`) => join(folder, name);
}
