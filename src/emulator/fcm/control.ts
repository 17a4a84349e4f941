import type { Connection } from '../http2/connection.ts';
import type { FaultBook, Http2Stats } from '../http2/control.ts';
import { Http2Control } from '../http2/control.ts';
import type { World } from '../http2/world.ts';
import type { Access } from './access.ts';
import { fcmCodes } from './codes.ts';
import type { FcmFaultPatchInput, FcmFaults } from './options.ts';
import type { FcmCounters, FcmService } from './service.ts';
import { newFcmCounters } from './service.ts';

/** What the FCM emulator saw, and how it stands. */
export type FcmStats = Http2Stats & Readonly<FcmCounters>;

/** Everything that can be done to a running FCM emulator. */
export class FcmControl extends Http2Control<FcmFaults, FcmFaultPatchInput> {
  readonly #service: FcmService;
  readonly #access: Access;

  constructor(
    world: World<FcmFaults>,
    connections: ReadonlySet<Connection>,
    book: FaultBook<FcmFaults, FcmFaultPatchInput>,
    service: FcmService,
    access: Access,
  ) {
    super(world, connections, book, fcmCodes);
    this.#service = service;
    this.#access = access;
  }

  override stats(): FcmStats {
    const { counters } = this.#service;
    return { ...super.stats(), ...counters, targets: { ...counters.targets } };
  }

  override resetStats(): void {
    super.resetStats();
    this.#service.counters = newFcmCounters();
  }

  /** No access token that was given out is good any more. */
  expireTokens(): void {
    this.#access.expireAll();
  }
}
