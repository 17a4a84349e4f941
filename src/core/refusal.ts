import { type Facts, type Log, reason } from '../lib/log.ts';
import { StoreError } from './ports.ts';

/**
 * A line for work that the store refused and that is tried again. Trouble of the store is told once when it begins and
 * once when it ends, so those who meanwhile try again only whisper; anything else is a fault of ours.
 */
export function tellRefusal(log: Log, event: string, error: unknown, facts: Facts = {}): void {
  const told = error instanceof StoreError && error.code !== 'fault';
  log[told ? 'debug' : 'warn'](event, { ...facts, error: reason(error) });
}
