import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that this process really holds: of objects and of buffers. */
export function heapAfterCollection(): number {
  collect();
  collect(); // what the first run finalises
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
