import type { DatabaseSync } from 'node:sqlite';

export type Value = string | number | null | Uint8Array;

/** A prepared statement that gives rows of this shape. */
export interface Select<R> {
  get(...values: Value[]): R | undefined;
  all(...values: Value[]): R[];
}

/** A prepared statement that changes rows. */
export interface Change {
  run(...values: Value[]): { readonly changes: number | bigint };
}

/** Prepares a statement; the shape of its rows is what the caller says. */
export function select<R>(db: DatabaseSync, sql: string): Select<R> {
  return db.prepare(sql) as unknown as Select<R>;
}

export function change(db: DatabaseSync, sql: string): Change {
  return db.prepare(sql) as unknown as Change;
}
