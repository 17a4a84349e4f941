import type { Outcome, Provider } from '../../src/core/index.ts';
import { message } from './contract.ts';

/** So long after "later" a message goes out again: the wait that a service asks for is looked at, and not waited for. */
const AGAIN_MS = 20;
const PATIENCE_MS = 30_000;

/** What became of messages. */
export interface Run {
  /** Final outcomes, by the number of the message. */
  readonly finals: ReadonlyMap<number, Outcome>;
  /** Outcomes that were not final, by kind. */
  readonly again: Readonly<Record<string, number>>;
}

/** As many targets with one name. */
export const many = (count: number, name = 'device'): string[] =>
  Array.from({ length: count }, (_, n) => `${name}:x${n}`);

/** Waits in real time until `check` holds. */
export async function until(check: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; !check(); ) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/**
 * Hands a message to each target over as the dispatcher does, when the provider says that there is room, until each has a
 * final outcome. @throws if the provider forgets to say it, or a message gets two outcomes
 */
export async function dispatch(provider: Provider, targets: readonly string[]): Promise<Run> {
  const queue = targets.map((target, number) => ({ number, message: message(target) }));
  const finals = new Map<number, Outcome>();
  const again: Record<string, number> = {};
  const deliver = async (next: (typeof queue)[number]): Promise<void> => {
    const outcome = await provider.deliver(next.message, Date.now());
    if (outcome.kind === 'later' || outcome.kind === 'unanswered' || outcome.kind === 'unsent') {
      again[outcome.kind] = (again[outcome.kind] ?? 0) + 1;
      if (outcome.kind === 'later') await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      queue.push(next);
    } else {
      if (finals.has(next.number)) throw new Error('two outcomes');
      finals.set(next.number, outcome);
    }
    pump();
  };
  const pump = (): void => {
    while (provider.room() > 0) {
      const next = queue.shift();
      if (!next) return;
      void deliver(next);
    }
  };
  provider.onRoom(pump);
  pump();
  await until(() => finals.size === targets.length, `${targets.length} outcomes`).catch((error) => {
    const { state, detail = '', facts } = provider.health();
    const found = `${finals.size} so far, ${queue.length} wait, room ${provider.room()}, ${state} ${detail}`;
    throw new Error(`${error.message}; ${found} ${JSON.stringify([facts, again])}`);
  });
  return { finals, again };
}
