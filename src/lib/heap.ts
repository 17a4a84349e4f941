import { getHeapStatistics } from 'node:v8';

/**
 * How large each half of the young generation may become, in MiB. By itself V8 lets it grow to 64, which a bridge under
 * load fills with what is dead already: a third of its memory, and longer pauses, for no messages more.
 */
const SEMI_SPACE_MIB = 12;
/**
 * The bound of the old generation, in MiB. Below 2 GiB, V8 collects when it has doubled what lives; above, and on a large
 * machine the bound is above, only when it is four times as much.
 */
const OLD_SPACE_MIB = 2_000;
const SEMI_SPACE = '--max-semi-space-size';
const OLD_SPACE = '--max-old-space-size';

/**
 * Starts this program anew, as the same process, with a heap of the right size: V8 takes sizes only on its way up. Comes
 * back if it runs with such sizes already, of ours or of the operator's choice, or where a process can not replace itself.
 */
export function boundHeap(): void {
  const given = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' ').replaceAll('_', '-');
  if (/--max-(semi|old)-space|--max-heap-size/.test(given)) return;
  if (typeof process.execve !== 'function' || process.platform === 'win32') return;
  const bounds = [`${SEMI_SPACE}=${SEMI_SPACE_MIB}`];
  // On a small machine, or in a small container, the bound is lower already.
  if (getHeapStatistics().heap_size_limit > OLD_SPACE_MIB * 2 ** 20) bounds.push(`${OLD_SPACE}=${OLD_SPACE_MIB}`);
  const args = [...bounds, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, [process.execPath, ...args], process.env);
}
