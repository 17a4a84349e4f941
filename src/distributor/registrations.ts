import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import type { Version } from './names.ts';

/** Who asked for an endpoint, and how it has to be called. Times: milliseconds since the epoch. */
export interface Registration {
  /** The app's own word for it: unique among all apps. */
  readonly token: string;
  /** The app's name on the bus. */
  readonly app: string;
  readonly version: Version;
  readonly description: string;
  /** The public key of the only server that may push. */
  readonly vapid?: string;
  /** Our word for it, towards the gateway: the token stays between the app and us. */
  readonly publicToken: string;
  /** The bus could start the app when it registered: when it no longer can, the app is gone. */
  readonly activatable: boolean;
  readonly endpoint: Endpoint;
}

/** What the gateway gave. */
export interface Endpoint {
  readonly url: string;
  /** Where it comes from: gateway, dialect and our full JID. In another place it is worth nothing. */
  readonly source: string;
  readonly registeredAt: number;
  /** Absent: it does not end by itself. */
  readonly expiresAt?: number;
}

/** Where endpoints come from, as {@link Endpoint.source}. @param jid ours, with its resource */
export const sourceOf = (service: { readonly jid: string; readonly dialect: string }, jid: string): string =>
  `${service.jid} ${service.dialect} ${jid}`;

/** The push service that gave an endpoint. */
export const giverOf = ({ source }: Endpoint): string => source.slice(0, source.indexOf(' '));

/** "PuBd": marks a database file as ours (`PRAGMA application_id`). */
const APPLICATION_ID = 0x50754264;

/** What leads from one `user_version` to the next. Never change one that was released: add another. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE registrations (
    token TEXT PRIMARY KEY,
    app TEXT NOT NULL,
    version INTEGER NOT NULL,
    description TEXT NOT NULL,
    vapid TEXT,
    public_token TEXT NOT NULL UNIQUE,
    activatable INTEGER NOT NULL,
    url TEXT NOT NULL,
    source TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    expires_at INTEGER
  ) STRICT;
  CREATE INDEX registrations_app ON registrations (app);
  CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  `,
  // The endpoint that the app was told last; null: none.
  'ALTER TABLE registrations ADD COLUMN told TEXT; UPDATE registrations SET told = url;',
];

/** Columns in the order of {@link Registrations.put}. */
const COLUMNS = [
  'token',
  'app',
  'version',
  'description',
  'vapid',
  'public_token',
  'activatable',
  'url',
  'source',
  'registered_at',
  'expires_at',
];
const PUT = `INSERT INTO registrations (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (token) DO UPDATE SET ${COLUMNS.map((name) => `${name} = excluded.${name}`).join(', ')}`;

type Row = Record<string, SQLOutputValue>;

/**
 * The registrations, on disk before anybody is told of them. A device has tens of them and changes one in a while: the
 * database is used from the event loop.
 */
export class Registrations {
  readonly #db: DatabaseSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /**
   * Opens the file, or makes it, in a folder that nobody else may look into.
   * @throws Error if it can not be opened, or belongs to another program or a newer version
   */
  static open(file: string): Registrations {
    if (file !== ':memory:') {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    }
    const db = new DatabaseSync(file);
    try {
      if (file !== ':memory:') chmodSync(file, 0o600);
      prepare(db, file);
      return new Registrations(db);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  get size(): number {
    return Number(this.#db.prepare('SELECT count(*) AS n FROM registrations').get()?.n);
  }

  /** How many an app has. */
  countOf(app: string): number {
    return Number(this.#db.prepare('SELECT count(*) AS n FROM registrations WHERE app = ?').get(app)?.n);
  }

  byToken(token: string): Registration | undefined {
    return read(this.#db.prepare('SELECT * FROM registrations WHERE token = ?').get(token));
  }

  byPublicToken(token: string): Registration | undefined {
    return read(this.#db.prepare('SELECT * FROM registrations WHERE public_token = ?').get(token));
  }

  /** All of them: whoever puts them in has bounded their number. */
  all(): Registration[] {
    const rows = this.#db.prepare('SELECT * FROM registrations ORDER BY token').all();
    return rows.map((row) => read(row)).filter((one) => one !== undefined);
  }

  /** Apps that have an endpoint which they were not told. */
  appsUntold(): string[] {
    const rows = this.#db.prepare('SELECT DISTINCT app FROM registrations WHERE told IS NOT url').all();
    return rows.map(({ app }) => text(app));
  }

  /** One that `app` was not told the endpoint of. */
  untoldOf(app: string): Registration | undefined {
    return read(this.#db.prepare('SELECT * FROM registrations WHERE app = ? AND told IS NOT url LIMIT 1').get(app));
  }

  /** The app of this token has been told this endpoint. */
  told(token: string, url: string): void {
    this.#db.prepare('UPDATE registrations SET told = ? WHERE token = ?').run(url, token);
  }

  /** Adds one, or puts it in the place of the one with the same token: what its app was told stays true. */
  put(one: Registration): void {
    const { token, app, version, description, vapid, publicToken, activatable, endpoint } = one;
    this.#db
      .prepare(PUT)
      .run(
        token,
        app,
        version,
        description,
        vapid ?? null,
        publicToken,
        activatable ? 1 : 0,
        endpoint.url,
        endpoint.source,
        endpoint.registeredAt,
        endpoint.expiresAt ?? null,
      );
  }

  /** @returns false if there was none */
  remove(token: string): boolean {
    return this.#db.prepare('DELETE FROM registrations WHERE token = ?').run(token).changes > 0;
  }

  /** What is remembered under this key, made by `make` the first time. */
  remembered(key: string, make: () => string): string {
    const known = this.#db.prepare('SELECT value FROM state WHERE key = ?').get(key)?.value;
    if (typeof known === 'string') return known;
    const value = make();
    this.#db.prepare('INSERT INTO state VALUES (?, ?)').run(key, value);
    return value;
  }

  close(): void {
    this.#db.close();
  }
}

function prepare(db: DatabaseSync, file: string): void {
  db.exec('PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  const owner = Number(db.prepare('PRAGMA application_id').get()?.application_id);
  const tables = Number(db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n);
  if (owner !== APPLICATION_ID && (owner !== 0 || tables > 0)) {
    throw new Error(`${file} is the database of another program`);
  }
  if (version > MIGRATIONS.length) throw new Error(`${file} was written by a newer version of pushbridge`);
  for (const [step, sql] of MIGRATIONS.slice(version).entries()) {
    const next = version + step + 1;
    db.exec(`BEGIN; ${sql} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${next}; COMMIT;`);
  }
}

const text = (value: SQLOutputValue | undefined): string => (typeof value === 'string' ? value : '');

function read(row: Row | undefined): Registration | undefined {
  if (!row) return undefined;
  return {
    token: text(row.token),
    app: text(row.app),
    version: row.version === 2 ? 2 : 1,
    description: text(row.description),
    ...(row.vapid !== null && { vapid: text(row.vapid) }),
    publicToken: text(row.public_token),
    activatable: row.activatable === 1,
    endpoint: {
      url: text(row.url),
      source: text(row.source),
      registeredAt: Number(row.registered_at),
      ...(row.expires_at !== null && { expiresAt: Number(row.expires_at) }),
    },
  };
}
