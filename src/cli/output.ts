import type { Writable } from 'node:stream';

/**
 * Writes and waits until the text has left the process.
 * @returns false if the reader has gone, as `head` does when it has seen enough
 */
export function writeText(stream: Writable, text: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (!error) resolve(true);
      else if (isGone(error)) resolve(false);
      else reject(error);
    });
  });
}

/** Writes one JSON line. See {@link writeText}. */
export const writeLine = (stream: Writable, value: unknown): Promise<boolean> =>
  writeText(stream, `${JSON.stringify(value)}\n`);

/** Whether a stream failed because nobody reads any more. */
export function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED' || code === 'ECONNRESET';
}

/** Host and port as they stand in a URL. */
export const address = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
