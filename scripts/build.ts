/**
 * Builds `dist`, or the folder that `--out` names: types and JavaScript of everything below `src`, and looks afterwards
 * whether what package.json promises is there.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = resolve(fileURLToPath(new URL('..', import.meta.url)));
const SHEBANG = '#!/usr/bin/env node';

/** Removes `out` and builds into it. Throws if the compiler does, or if something is missing afterwards. */
export function build(out: string): void {
  if (`${root}/`.startsWith(`${out}/`)) throw new Error(`${out} holds the sources`);
  rmSync(out, { recursive: true, force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', out], { stdio: 'inherit' });
  copyDeclarations(out);
  chmodSync(join(out, 'main.js'), 0o755);
  const missing = missingIn(out);
  if (missing.length > 0) throw new Error(`the build is not complete:\n${missing.join('\n')}`);
}

/** The compiler leaves declarations written by hand behind, and others refer to them. */
function copyDeclarations(out: string): void {
  for (const file of globSync('**/*.d.ts', { cwd: join(root, 'src') })) {
    mkdirSync(dirname(join(out, file)), { recursive: true });
    copyFileSync(join(root, 'src', file), join(out, file));
  }
}

/** What a build in `out` lacks, in words. */
export function missingIn(out: string): string[] {
  const sources = globSync('**/*.ts', { cwd: join(root, 'src') }).filter((file) => !file.endsWith('.d.ts'));
  const outputs = sources.flatMap((file) => [file.replace(/\.ts$/, '.js'), file.replace(/\.ts$/, '.d.ts')]);
  const missing = outputs.filter((file) => !existsSync(join(out, file))).map((file) => `${file} was not made`);
  for (const file of promised()) {
    if (!existsSync(join(out, file))) missing.push(`package.json promises ${file}`);
  }
  const main = existsSync(join(out, 'main.js')) ? readFileSync(join(out, 'main.js'), 'utf8') : '';
  if (!main.startsWith(`${SHEBANG}\n`)) missing.push(`main.js does not begin with ${SHEBANG}`);
  for (const file of globSync('**/*.js', { cwd: out })) {
    for (const reference of dangling(join(out, file))) missing.push(`${file} refers to ${reference}`);
  }
  return missing;
}

/** Files of `dist` that package.json names as programs and exports. */
function promised(): string[] {
  const { bin, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    bin: Record<string, string>;
    exports: Record<string, Record<string, string>>;
  };
  const files = [...Object.values(bin), ...Object.values(exports).flatMap((entry) => Object.values(entry))];
  return files.map((file) => file.replace(/^(?:\.\/)?dist\//, ''));
}

/** Files that a module loads by address: the compiler rewrites imports, but not the text of a `new URL`. */
function dangling(file: string): string[] {
  const references = readFileSync(file, 'utf8').matchAll(/new URL\('(\.[^']+)', import\.meta\.url\)/g);
  return [...references]
    .map(([, reference = '']) => reference)
    .filter((reference) => !reference.startsWith('../..') && reference !== '../package.json')
    .filter((reference) => !existsSync(join(dirname(file), reference)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { out: { type: 'string', default: 'dist' } } });
  const out = resolve(root, values.out);
  try {
    build(out);
    process.stdout.write(`built ${out}\n`);
  } catch (error) {
    process.stderr.write(`build: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
