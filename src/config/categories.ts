import type { Config } from './schema.ts';

/**
 * The categories that upstream messages may name, each with the session of the core that they go to: on the BAL, an app and
 * its session are one.
 */
export function categoriesOf({ sessions = [] }: Pick<Partial<Config>, 'sessions'>): ReadonlyMap<string, string> {
  return new Map(sessions.map(({ id }) => [id, id]));
}

/** Whether the public HTTP listener has anything to do. */
export function listensHttp({ doors }: Pick<Partial<Config>, 'doors'>): boolean {
  return doors?.app !== undefined;
}
