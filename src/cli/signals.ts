import type { Io } from './command.ts';

const EXIT_CODE = { SIGINT: 130, SIGTERM: 143 } as const;

/** The wait for the first signal. */
export interface FirstSignal {
  /** Resolves with the first SIGTERM or SIGINT. */
  readonly came: Promise<'SIGTERM' | 'SIGINT'>;
  /** Signals have their usual effect again. */
  forget(): void;
}

/** Listens from now on. A second signal ends the process at once: whoever asks twice does not want to wait. */
export function firstSignal(io: Pick<Io, 'onSignal' | 'exit'>): FirstSignal {
  const { promise, resolve } = Promise.withResolvers<'SIGTERM' | 'SIGINT'>();
  let heard = false;
  const forget = io.onSignal((signal) => {
    if (heard) io.exit(EXIT_CODE[signal]);
    heard = true;
    resolve(signal);
  });
  return { came: promise, forget };
}
