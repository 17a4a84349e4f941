import type { Config } from './schema.ts';

/** The categories that upstream messages may name: on the BAL an app and its session are one, a CCS sender lists its apps. */
export function categoriesOf({ sessions = [], doors }: Pick<Partial<Config>, 'sessions' | 'doors'>): readonly string[] {
  return [...sessions.map(({ id }) => id), ...(doors?.ccs?.senders ?? []).flatMap(({ apps }) => apps)];
}

/** Whether the public HTTP listener has anything to do. */
export function listensHttp({ doors }: Pick<Partial<Config>, 'doors'>): boolean {
  return doors?.app !== undefined || doors?.webpush !== undefined;
}
