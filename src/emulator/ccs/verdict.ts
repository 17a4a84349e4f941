import type { AppServerMessage } from '../../protocols/ccs/index.ts';
import type { StreamCondition } from '../../protocols/xmpp/index.ts';
import type { Magic, MagicFault } from '../magic.ts';
import { magicFaults, nackCodes } from '../magic.ts';
import type { Faults } from './options.ts';
import type { World } from './world.ts';

/** What becomes of a message. */
export type Verdict =
  | { readonly kind: 'ack'; readonly canonical: string | undefined; readonly receipt: boolean }
  | { readonly kind: 'nack'; readonly code: string; readonly description: string }
  | { readonly kind: 'drop'; readonly how: 'fin' | 'rst' }
  | { readonly kind: 'fail'; readonly condition: StreamCondition }
  | { readonly kind: 'silent' | 'black-hole' | 'drain' };

const BOOK = { codes: new Set<string>(nackCodes), faults: new Set(magicFaults) };

const nack = (code: string, description: string): Verdict => ({ kind: 'nack', code, description });

/** Decides on a message: poison first, then draining, then its faults, then its token, then chance. */
export function verdictOn(
  world: World,
  faults: Faults,
  message: Extract<AppServerMessage, { kind: 'message' }>,
  sender: string,
  draining: boolean,
): Verdict {
  const { id, target, problem, receipt } = message;
  if (faults.poison.length > 0 && faults.poison.includes(id))
    return { kind: 'fail', condition: faults.poison_condition };
  if (draining) return nack('CONNECTION_DRAINING', 'Connection is draining');
  const magic = world.spells.cast(target, BOOK, () => `${sender}\n${id}`);
  if (magic) return cast(magic, faults, receipt);
  if (problem) return nack(problem.code, problem.description);
  const known = world.tokens.size > 0 ? world.tokens.get(target) : undefined;
  if (known && 'nack' in known) return nack(known.nack, 'emulated');
  if (faults.nack_rate > 0 && world.random() < faults.nack_rate) return nack(faults.nack_code, 'emulated');
  return { kind: 'ack', canonical: known?.canonical, receipt };
}

function cast(magic: Magic<MagicFault>, faults: Faults, receipt: boolean): Verdict {
  switch (magic.do) {
    case 'nack':
      return nack(magic.code, 'emulated');
    case 'canonical':
      return { kind: 'ack', canonical: magic.token, receipt };
    case 'poison':
      return { kind: 'fail', condition: faults.poison_condition };
    case 'drop':
      return { kind: 'drop', how: 'fin' };
    case 'reset':
      return { kind: 'drop', how: 'rst' };
    default:
      return { kind: magic.do };
  }
}
