import type { Io } from './command.ts';
import { isGone } from './output.ts';

/** How long leftovers may keep the process alive after its work is done, in milliseconds. */
const LINGER_MS = 2_000;

/** The real process. */
export function processIo(): Io {
  // A reader that has gone is told by the callback of `write`; without a listener the event would end the process.
  process.stdout.on('error', (error) => {
    if (!isGone(error)) throw error;
  });
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    onSignal(listener) {
      const signals = ['SIGTERM', 'SIGINT'] as const;
      const listeners = signals.map((signal) => [signal, () => listener(signal)] as const);
      for (const [signal, heard] of listeners) process.on(signal, heard);
      return () => {
        for (const [signal, heard] of listeners) process.off(signal, heard);
      };
    },
    exit: (code) => process.exit(code),
  };
}

/** Ends the process with `code` even if a forgotten handle keeps it alive, but not before output had time to leave. */
export function endSoon(io: Pick<Io, 'exit'>, code: number): void {
  setTimeout(() => io.exit(code), LINGER_MS).unref();
}
