import type { AppServerMessage } from '../../protocols/ccs/index.ts';
import type { StreamCondition } from '../../protocols/xmpp/index.ts';
import type { Magic } from '../magic.ts';
import { spellOf } from '../magic.ts';
import type { Faults } from '../options.ts';
import type { World } from './world.ts';

/** What becomes of a message. */
export type Verdict =
  | { readonly kind: 'ack'; readonly canonical: string | undefined; readonly receipt: boolean }
  | { readonly kind: 'nack'; readonly code: string; readonly description: string }
  | { readonly kind: 'drop'; readonly how: 'fin' | 'rst' }
  | { readonly kind: 'fail'; readonly condition: StreamCondition }
  | { readonly kind: 'silent' | 'black-hole' | 'drain' };

const SPELLS_REMEMBERED = 100_000;

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
  const magic = magicOf(world, target, sender, id);
  if (magic) return cast(magic, faults, receipt);
  if (problem) return nack(problem.code, problem.description);
  const known = world.tokens.size > 0 ? world.tokens.get(target) : undefined;
  if (known && 'nack' in known) return nack(known.nack, 'emulated');
  if (faults.nack_rate > 0 && world.random() < faults.nack_rate) return nack(faults.nack_code, 'emulated');
  return { kind: 'ack', canonical: known?.canonical, receipt };
}

function cast(magic: Magic, faults: Faults, receipt: boolean): Verdict {
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

/** The magic of the token, unless this message has used it up. */
function magicOf(world: World, target: string, sender: string, id: string): Magic | undefined {
  const spell = spellOf(target);
  if (spell?.times === undefined) return spell?.magic;
  const key = `${sender}\n${id}`;
  const used = world.spells.get(key) ?? 0;
  if (used >= spell.times) return undefined;
  if (used === 0 && world.spells.size >= SPELLS_REMEMBERED) {
    const [oldest] = world.spells.keys();
    if (oldest !== undefined) world.spells.delete(oldest);
  }
  world.spells.set(key, used + 1);
  return spell.magic;
}
