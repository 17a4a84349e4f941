import type { Router, Sessions, Telemetry } from '../../core/index.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { CcsDoorOptions } from './options.ts';

/** What every connection of the door works with. */
export interface DoorDeps {
  readonly router: Router;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly options: CcsDoorOptions;
}
