import { hash } from 'node:crypto';
import {
  type Found,
  type NewRegistration,
  type Registered,
  type Registration,
  type RegistrationKey,
  registrationsMaxOf,
} from '../../core/index.ts';
import type { Context } from './context.ts';
import type { Outbox } from './outbox.ts';
import { change, select } from './sql.ts';

/** How many registrations, and how many tokens that were revoked, a sweep takes away at most. */
const SWEEP_ROWS = 1000;

interface Row {
  readonly no: number;
  readonly digest: Uint8Array;
  readonly token: string;
  readonly owner: number;
  readonly owner_name: string;
  readonly name: string;
  readonly provider: string;
  readonly vapid: string | null;
  readonly registered_at: number;
  readonly expires_at: number | null;
  readonly data: string;
}

/** Who may be pushed to, and which tokens lead nowhere any more. */
export class Registrations {
  readonly #context: Context;
  readonly #outbox: Outbox;
  readonly #owner;
  readonly #gain;
  readonly #lose;
  readonly #dropOwner;
  readonly #byDigest;
  readonly #byName;
  readonly #first;
  readonly #next;
  readonly #ended;
  readonly #add;
  readonly #renew;
  readonly #drop;
  readonly #wasRevoked;
  readonly #remember;
  readonly #revokedBefore;
  readonly #revokedOver;

  constructor(context: Context, outbox: Outbox) {
    const { db } = context;
    this.#context = context;
    this.#outbox = outbox;
    this.#owner = select<{ registrations: number }>(db, 'SELECT registrations FROM owners WHERE name = ?');
    this.#gain = select<{ no: number }>(
      db,
      `INSERT INTO owners (name, registrations) VALUES (?, 1)
       ON CONFLICT (name) DO UPDATE SET registrations = registrations + 1 RETURNING no`,
    );
    this.#lose = change(db, 'UPDATE owners SET registrations = registrations - 1 WHERE no = ?');
    this.#dropOwner = change(db, 'DELETE FROM owners WHERE no = ? AND registrations = 0');
    const whole = `SELECT r.*, o.name AS owner_name FROM registrations AS r JOIN owners AS o ON o.no = r.owner`;
    this.#byDigest = select<Row>(db, `${whole} WHERE r.digest = ?`);
    this.#byName = select<Row>(db, `${whole} WHERE o.name = ? AND r.name = ?`);
    const living = `${whole} WHERE o.name = ? AND (r.expires_at IS NULL OR r.expires_at > ?)`;
    this.#first = select<Row>(db, `${living} ORDER BY r.name LIMIT ?`);
    this.#next = select<Row>(db, `${living} AND r.name > ? ORDER BY r.name LIMIT ?`);
    this.#ended = select<Row>(db, `${whole} WHERE r.expires_at <= ? ORDER BY r.expires_at LIMIT ${SWEEP_ROWS}`);
    this.#add = change(
      db,
      `INSERT INTO registrations (digest, token, owner, name, provider, vapid, registered_at, expires_at, data)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#renew = change(
      db,
      'UPDATE registrations SET provider = ?, registered_at = ?, expires_at = ?, data = ? WHERE no = ?',
    );
    this.#drop = change(db, 'DELETE FROM registrations WHERE no = ?');
    this.#wasRevoked = select<{ at: number }>(db, 'SELECT at FROM revoked WHERE digest = ?');
    this.#remember = change(db, 'INSERT OR IGNORE INTO revoked VALUES (?, ?)');
    const oldest = (condition: string): string =>
      `DELETE FROM revoked WHERE digest IN (SELECT digest FROM revoked ${condition} ORDER BY at LIMIT ?)`;
    this.#revokedBefore = change(db, oldest('WHERE at < ?'));
    this.#revokedOver = change(db, oldest(''));
  }

  register(asked: NewRegistration): Registered {
    const now = asked.registeredAt;
    const old = this.#byName.get(asked.owner, asked.name);
    if (old && lives(old, now) && old.vapid === (asked.vapid ?? null)) {
      this.#renew.run(asked.provider, now, asked.expiresAt ?? null, asked.data, old.no);
      return { kind: 'known', registration: { ...asked, token: old.token } };
    }
    if (old) this.#end(old, now);
    else if (this.#isFull(asked.owner, now)) return { kind: 'full' };
    const { token, owner, name, provider, vapid, expiresAt, data } = asked;
    const no = this.#gain.get(owner)?.no ?? 0;
    this.#add.run(digestOf(token), token, no, name, provider, vapid ?? null, now, expiresAt ?? null, data);
    this.#context.ledger.changeState().registrations++;
    return { kind: 'new', registration: asked, ...(old && { replaced: old.token }) };
  }

  find(token: string, now: number): Found {
    const digest = digestOf(token);
    const row = this.#byDigest.get(digest);
    if (row) return lives(row, now) ? registrationOf(row) : 'revoked';
    return this.#wasRevoked.get(digest) && 'revoked';
  }

  of(owner: string, after: string | undefined, limit: number, now: number): Registration[] {
    const rows = after === undefined ? this.#first.all(owner, now, limit) : this.#next.all(owner, now, after, limit);
    return rows.map(registrationOf);
  }

  /** @returns the registration that ends by this; undefined if there is none that has not ended yet */
  revoke(key: RegistrationKey, now: number): Registration | undefined {
    const row = 'token' in key ? this.#byDigest.get(digestOf(key.token)) : this.#byName.get(key.owner, key.name);
    if (!row || !lives(row, now)) return undefined;
    if ('token' in key && key.registeredAt !== undefined && row.registered_at > key.registeredAt) return undefined;
    this.#end(row, now);
    return registrationOf(row);
  }

  /** @returns true if there is more to do */
  sweep(now: number): boolean {
    const { ledger, limits } = this.#context;
    const ended = this.#sweepEnded(now);
    const past = Number(this.#revokedBefore.run(now - limits.revokedMs, SWEEP_ROWS).changes);
    if (past) ledger.changeState().revoked -= past;
    const excess = ledger.state.revoked - limits.registrationsMax;
    const over = excess > 0 ? Number(this.#revokedOver.run(Math.min(excess, SWEEP_ROWS)).changes) : 0;
    if (over) ledger.changeState().revoked -= over;
    return Math.max(ended, past, over) >= SWEEP_ROWS;
  }

  #sweepEnded(now: number): number {
    const rows = this.#ended.all(now);
    for (const row of rows) this.#end(row, now);
    return rows.length;
  }

  #isFull(owner: string, now: number): boolean {
    const { ledger, limits } = this.#context;
    const full = (): boolean =>
      ledger.state.registrations >= limits.registrationsMax ||
      (this.#owner.get(owner)?.registrations ?? 0) >= registrationsMaxOf(limits, owner);
    if (!full()) return false;
    this.#sweepEnded(now);
    return full();
  }

  /** Its token is revoked since now, or since its end. */
  #end({ no, digest, owner, expires_at, provider, token }: Row, now: number): void {
    this.#drop.run(no);
    this.#lose.run(owner);
    this.#dropOwner.run(owner);
    const state = this.#context.ledger.changeState();
    state.registrations--;
    state.revoked += Number(this.#remember.run(digest, Math.min(now, expires_at ?? now)).changes);
    this.#outbox.wake(provider, token);
  }
}

const digestOf = (token: string): Buffer => hash('sha256', token, 'buffer');

const lives = ({ expires_at }: Row, now: number): boolean => expires_at === null || expires_at > now;

function registrationOf(row: Row): Registration {
  return {
    token: row.token,
    owner: row.owner_name,
    name: row.name,
    provider: row.provider,
    ...(row.vapid !== null && { vapid: row.vapid }),
    data: row.data,
    registeredAt: row.registered_at,
    ...(row.expires_at !== null && { expiresAt: row.expires_at }),
  };
}
