/**
 * Writes the tables of README.md that are made from the code: what stands between `<!-- NAME -->` and `<!-- /NAME -->`.
 * A test holds the README against them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cliTable } from '../src/cli/index.ts';
import { configTable, distributorTable, emulatorTable, table } from '../src/config/index.ts';
import { type MetricName, metrics } from '../src/core/index.ts';
import { type ErrorCode, errorCodes } from '../src/protocols/bal/index.ts';

/** The tables by the name of their block. */
export const blocks: Readonly<Record<string, () => string>> = {
  config: configTable,
  emulator: emulatorTable,
  distributor: distributorTable,
  cli: cliTable,
  errors: errorTable,
  metrics: metricTable,
};

/** The text with every block that it has written anew. */
export function rewrite(text: string): string {
  return Object.entries(blocks).reduce((before, [name, make]) => {
    const block = new RegExp(`<!-- ${name} -->.*?<!-- /${name} -->`, 's');
    // A function, because `$` in a table must not be taken for a reference.
    return before.replace(block, () => `<!-- ${name} -->\n${make()}\n<!-- /${name} -->`);
  }, text);
}

function errorTable(): string {
  return table(
    ['code', 'in', 'the connection', 'meaning'],
    (Object.keys(errorCodes) as ErrorCode[]).map((code) => {
      const { frame, closes, meaning } = errorCodes[code];
      return [`\`${code}\``, frame, closes ? 'closes' : 'stays', meaning];
    }),
  );
}

function metricTable(): string {
  return table(
    ['metric', 'type', 'labels', 'meaning'],
    (Object.keys(metrics) as MetricName[]).map((name) => {
      const { type, labels, help } = metrics[name];
      return [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help];
    }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = fileURLToPath(new URL('../README.md', import.meta.url));
  const before = readFileSync(file, 'utf8');
  const after = rewrite(before);
  if (after !== before) writeFileSync(file, after);
  process.stdout.write(after === before ? 'README.md is up to date\n' : 'README.md rewritten\n');
}
