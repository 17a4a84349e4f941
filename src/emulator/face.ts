import type { Random } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { ServerCertificate } from './certificate.ts';

/** Time, chance and more, for those who bring their own. */
export interface CommonDeps<Watch> {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  readonly watch?: Watch;
  /** For an emulator that comes back as the same; without it there is a new authority at every start. */
  readonly certificate?: ServerCertificate;
}

/** A server that runs, or is about to. */
export interface CommonEmulator<Control> {
  /** Everything that can be done to it and asked of it. */
  readonly control: Control;
  /** The certificate of the authority that clients have to trust. */
  readonly caPem: string;
  /** The port it listens on; 0 before it does. */
  readonly port: number;
  /** The port of the control over HTTP; undefined if there is none. */
  readonly controlPort: number | undefined;
  /** @throws if a port is taken or a file cannot be written */
  start(): Promise<void>;
  /** Ends all connections and listens no more. */
  stop(): Promise<void>;
}
