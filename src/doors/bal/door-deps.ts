import type { Endpoints, Router, Sessions, Telemetry } from '../../core/index.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { BalOptions } from './options.ts';

/** What every connection of the door works with. */
export interface DoorDeps {
  readonly router: Router;
  readonly sessions: Sessions;
  /** Absent: nobody could post to endpoints. */
  readonly endpoints?: Endpoints;
  readonly clock: Clock;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly options: BalOptions;
  /** What LOGON_RESPONSE says in `server`. */
  readonly server: string;
}
