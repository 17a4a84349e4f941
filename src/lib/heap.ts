/**
 * How large each half of the young generation may become, in MiB. By itself V8 lets it grow to 64, which a bridge under
 * load fills with what is dead already: a third of its memory, and longer pauses, for no messages more.
 */
const SEMI_SPACE_MIB = 8;
const FLAG = '--max-semi-space-size';

/**
 * Starts this program anew, as the same process, with a young generation of the right size: V8 takes the size only on its
 * way up. Comes back if it runs with a size already, of ours or of the operator's choice, or where a process can not
 * replace itself.
 */
export function limitYoungGeneration(): void {
  const given = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' ').replaceAll('_', '-');
  if (given.includes(FLAG) || typeof process.execve !== 'function' || process.platform === 'win32') return;
  const args = [`${FLAG}=${SEMI_SPACE_MIB}`, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, [process.execPath, ...args], process.env);
}
