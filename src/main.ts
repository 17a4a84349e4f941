#!/usr/bin/env node
// Nothing is imported before the version is known to do: an older Node.js would fail on a detail, with a stack trace.
const NEEDED = 24;
const running = process.versions.node;

if (Number.parseInt(running, 10) < NEEDED) {
  process.stderr.write(`pushbridge needs Node.js ${NEEDED} or newer; this is ${running}\n`);
  process.exitCode = 2;
} else {
  if (process.argv[2] === 'serve') (await import('./lib/heap.ts')).boundHeap();
  const { main, processIo } = await import('./cli/index.ts');
  process.exitCode = await main(process.argv.slice(2), processIo());
}
