import type { Connection } from '../http2/connection.ts';
import type { FaultBook } from '../http2/control.ts';
import { Http2Control } from '../http2/control.ts';
import type { World } from '../http2/world.ts';
import type { ApnsFaultPatchInput, ApnsFaults } from './options.ts';
import type { ProviderKey, ProviderKeys } from './provider-keys.ts';
import { apnsCodes } from './reasons.ts';

/** Everything that can be done to a running APNs emulator. */
export class ApnsControl extends Http2Control<ApnsFaults, ApnsFaultPatchInput> {
  readonly #keys: ProviderKeys;

  constructor(
    world: World<ApnsFaults>,
    connections: ReadonlySet<Connection>,
    book: FaultBook<ApnsFaults, ApnsFaultPatchInput>,
    keys: ProviderKeys,
  ) {
    super(world, connections, book, apnsCodes);
    this.#keys = keys;
  }

  /** Makes another key that provider tokens may be signed with, of this team or of a new one. */
  addKey(team?: string): ProviderKey {
    return this.#keys.add(undefined, team);
  }
}
