import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { checkLayers } from '../../scripts/check-layers.ts';

/** The problems of a tree that is made for the occasion, as `FILE:LINE message`. */
function problems(tree: Readonly<Record<string, string>>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'pushbridge-layers-'));
  try {
    for (const [file, text] of Object.entries(tree)) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    return checkLayers(root).map(({ file, line, message }) => `${file}:${line} ${message}`);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const imports = (...targets: string[]) => targets.map((target) => `import '${target}';\n`).join('');

test('the tree of this repository is in order', (t) => {
  t.deepEqual(checkLayers(fileURLToPath(new URL('../../src', import.meta.url))), []);
});

test('a file may import its own unit and lower ranks', (t) => {
  const tree = {
    'lib/clock.ts': '',
    'core/index.ts': imports('./router.ts'),
    'core/router.ts': imports('../lib/clock.ts', 'node:fs'),
    'providers/ccs/index.ts': imports('./lane.ts', '../../core/index.ts'),
    'providers/ccs/lane.ts': imports('../../lib/clock.ts'),
    'config/index.ts': imports('../providers/ccs/options.ts'),
    'providers/ccs/options.ts': '',
    'app.ts': imports('./config/index.ts', './core/index.ts'),
    'cli/index.ts': imports('../app.ts'),
    'main.ts': `await import('./cli/index.ts');`,
  };
  t.deepEqual(problems(tree), []);
});

test('a higher rank and a neighbour of the same rank are out of sight', (t) => {
  const tree = {
    'lib/a.ts': imports('../core/index.ts'),
    'core/index.ts': imports('../protocols/bal/index.ts'),
    'protocols/bal/index.ts': '',
    'doors/bal/index.ts': imports('../../providers/ccs/index.ts', '../http/index.ts'),
    'doors/http/index.ts': '',
    'providers/ccs/index.ts': '',
  };
  t.deepEqual(problems(tree), [
    'core/index.ts:1 core must not see protocols',
    'doors/bal/index.ts:1 doors/bal must not see providers/ccs',
    'doors/bal/index.ts:2 doors/bal must not see doors/http',
    'lib/a.ts:1 lib must not see core',
  ]);
});

test('types and exports count as imports, dynamic ones too', (t) => {
  const tree = {
    'core/index.ts': '',
    'lib/a.ts': `import type { X } from '../core/index.ts';`,
    'lib/b.ts': `export * from '../core/index.ts';`,
    'lib/c.ts': `\n\nconst x = await import('../core/index.ts');`,
    'lib/d.ts': `import {\n  type X,\n} from '../core/index.ts';`,
  };
  t.deepEqual(problems(tree), [
    'lib/a.ts:1 lib must not see core',
    'lib/b.ts:1 lib must not see core',
    'lib/c.ts:3 lib must not see core',
    'lib/d.ts:3 lib must not see core',
  ]);
});

test('another unit is entered through its index, its options or its ports, and nobody imports his own index', (t) => {
  const tree = {
    'core/index.ts': '',
    'core/router.ts': imports('./index.ts'),
    'admin/index.ts': imports('../core/router.ts', '../core/options.ts', '../core/ports.ts'),
    'core/options.ts': '',
    'core/ports.ts': '',
  };
  t.deepEqual(problems(tree), [
    'admin/index.ts:1 core is to be imported through its index.ts',
    'core/router.ts:1 a file must not import the index of its own folder',
  ]);
});

test('the client, the emulator and the distributor see protocols and lib alone', (t) => {
  const tree = {
    'core/index.ts': '',
    'lib/a.ts': '',
    'protocols/bal/index.ts': '',
    'client/index.ts': imports('../core/index.ts', '../protocols/bal/index.ts', '../lib/a.ts'),
    'emulator/index.ts': imports('../core/index.ts'),
    'distributor/index.ts': imports('../core/index.ts', '../protocols/bal/index.ts', '../lib/a.ts'),
  };
  t.deepEqual(problems(tree), [
    'client/index.ts:1 client sees only lib and protocols/bal, not core/index.ts',
    'distributor/index.ts:1 distributor sees only lib and protocols, not core/index.ts',
    'emulator/index.ts:1 emulator sees only lib and protocols, not core/index.ts',
  ]);
});

test('protocols do not mix, but for those that build on another', (t) => {
  const tree = {
    'protocols/xmpp/index.ts': '',
    'protocols/ccs/index.ts': imports('../xmpp/index.ts'),
    'protocols/bal/index.ts': imports('../xmpp/index.ts'),
  };
  t.deepEqual(problems(tree), ['protocols/bal/index.ts:1 protocols/bal must not see protocols/xmpp']);
});

test('a library has one importer', (t) => {
  const tree = {
    'lib/schema.ts': `import { z } from 'zod';`,
    'lib/other.ts': `import { z } from 'zod/v4';`,
    'lib/scoped.ts': `import { a } from '@x/a';`,
    'lib/scoped-too.ts': `import { b } from '@x/b';`,
  };
  t.deepEqual(problems(tree), ['lib/schema.ts:1 zod already has its importer: lib/other.ts']);
});

test('a cycle is found, types included', (t) => {
  const tree = {
    'lib/a.ts': imports('./b.ts'),
    'lib/b.ts': `import type { C } from './c.ts';`,
    'lib/c.ts': imports('./a.ts'),
  };
  t.deepEqual(problems(tree), ['lib/a.ts:1 import cycle: lib/a.ts → lib/b.ts → lib/c.ts → lib/a.ts']);
});

test('a target that does not exist, and a folder that nobody knows', (t) => {
  const tree = { 'lib/a.ts': imports('./gone.ts'), 'stuff/b.ts': imports('../lib/a.ts') };
  t.deepEqual(problems(tree), [
    'lib/a.ts:1 ./gone.ts does not exist',
    'stuff/b.ts:1 stuff/b.ts lies in no known folder',
  ]);
});
