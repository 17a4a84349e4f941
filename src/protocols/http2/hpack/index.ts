export { CompressionError } from './compression-error.ts';
export { HeaderDecoder } from './decoder.ts';
export { HeaderEncoder } from './encoder.ts';
export type { HeaderLine } from './static-table.ts';
