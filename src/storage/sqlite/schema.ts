/** "PuBr": marks a database file as ours (`PRAGMA application_id`). */
export const APPLICATION_ID = 0x50754272;

/**
 * What leads from one `user_version` to the next. Never change one that was released: add another.
 *
 * Sessions and providers have small numbers, because their names would stand in every row and index entry. An outbox row
 * lives until its outcome; `ids` says for every message which number it has, pending or settled, and never changes in
 * between; `outcomes` answers repeats. A frame of the inbox has the number `session * 2^40 + sequence`; an answer's
 * content stands in `outcomes` as long as both exist (`answers`), and only in the inbox afterwards.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    prefix TEXT NOT NULL,              -- of the ids towards providers
    epoch INTEGER NOT NULL,            -- openings so far: tells claims of different lives apart
    last_id INTEGER NOT NULL,
    last_mailbox INTEGER NOT NULL,
    outcomes INTEGER NOT NULL,         -- rows of the tables of these names, so that nobody has to count them
    receipts INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    holds INTEGER NOT NULL
  ) STRICT;
  INSERT INTO state VALUES (1, lower(hex(randomblob(3))), 0, 0, 0, 0, 0, 0, 0, 0);

  CREATE TABLE sessions (
    no INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last_sequence INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    waiting INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE providers (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, depth INTEGER NOT NULL) STRICT;

  CREATE TABLE ids (
    session INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (session, message_id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    provider INTEGER NOT NULL,
    retry_at INTEGER,                  -- asleep until then; NULL: claimable
    held INTEGER NOT NULL,             -- 1: asleep because its target is held
    session INTEGER NOT NULL,
    mailbox INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    first_answered_at INTEGER,
    last_reason TEXT,
    ttl INTEGER,
    priority TEXT NOT NULL,
    answer TEXT NOT NULL,
    receipt INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    group_id TEXT,
    target TEXT NOT NULL,
    collapse_key TEXT,
    digest TEXT NOT NULL,
    headers TEXT,                      -- of an opaque payload; NULL: the payload is JSON text
    payload ANY NOT NULL
  ) STRICT;
  CREATE INDEX outbox_awake ON outbox (provider, session) WHERE retry_at IS NULL;
  CREATE INDEX outbox_due ON outbox (provider, session, retry_at) WHERE retry_at IS NOT NULL;
  CREATE INDEX outbox_asleep ON outbox (provider) WHERE retry_at IS NOT NULL;
  CREATE INDEX outbox_held ON outbox (provider, target, retry_at) WHERE held = 1;
  CREATE INDEX outbox_group ON outbox (session, provider, group_id) WHERE group_id IS NOT NULL;
  CREATE INDEX outbox_collapse ON outbox (session, target, collapse_key) WHERE collapse_key IS NOT NULL;
  CREATE INDEX outbox_expiry ON outbox (expires_at);

  CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    session INTEGER NOT NULL,
    frame INTEGER,                     -- the last frame that carried it, which may be gone
    answer TEXT NOT NULL,
    message_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    type TEXT NOT NULL,
    notice_id TEXT NOT NULL,
    group_id TEXT,
    error TEXT,
    error_string TEXT,
    data TEXT NOT NULL
  ) STRICT;
  CREATE INDEX outcomes_at ON outcomes (at);

  CREATE TABLE inbox (
    number INTEGER PRIMARY KEY,
    mailbox INTEGER NOT NULL,
    at INTEGER NOT NULL,
    answers INTEGER,                   -- the outcome that has the content; NULL: it stands here
    type TEXT,
    notice_id TEXT,
    group_id TEXT,
    error TEXT,
    error_string TEXT,
    data TEXT
  ) STRICT;
  CREATE INDEX inbox_mailbox ON inbox (mailbox);

  CREATE TABLE receipts (
    id INTEGER PRIMARY KEY,
    provider INTEGER NOT NULL,
    session INTEGER NOT NULL,
    mailbox INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    group_id TEXT
  ) STRICT;
  CREATE INDEX receipts_expiry ON receipts (expires_at);

  CREATE TABLE seen (
    no INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    provider INTEGER NOT NULL,
    sender TEXT NOT NULL,
    id TEXT NOT NULL,
    UNIQUE (provider, sender, id)
  ) STRICT;
  CREATE INDEX seen_at ON seen (at);

  CREATE TABLE dead (
    no INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    because TEXT NOT NULL,
    provider TEXT,
    session TEXT,
    target TEXT,
    payload ANY,
    notice TEXT NOT NULL               -- what the backend was told or would have been told, as JSON
  ) STRICT;

  CREATE TABLE holds (
    provider INTEGER NOT NULL,
    target TEXT NOT NULL,
    until INTEGER NOT NULL,
    stir INTEGER NOT NULL,             -- 1: rows that sleep past 'until' are still to be woken
    PRIMARY KEY (provider, target)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX holds_until ON holds (until);
  CREATE INDEX holds_stir ON holds (provider) WHERE stir = 1;
  `,
  // Registrations are found by a digest of their token: how long a look-up takes tells nothing about tokens that exist.
  `
  ALTER TABLE state ADD COLUMN registrations INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE state ADD COLUMN revoked INTEGER NOT NULL DEFAULT 0;

  CREATE TABLE owners (
    no INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    registrations INTEGER NOT NULL     -- never 0: an owner without any is gone
  ) STRICT;

  CREATE TABLE registrations (
    no INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,       -- SHA-256 of the token
    token TEXT NOT NULL,               -- the same URL must be given out again
    owner INTEGER NOT NULL,
    name TEXT NOT NULL,
    provider TEXT NOT NULL,
    vapid TEXT,
    registered_at INTEGER NOT NULL,
    expires_at INTEGER,
    data TEXT NOT NULL,
    UNIQUE (owner, name)
  ) STRICT;
  CREATE INDEX registrations_expiry ON registrations (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE revoked (digest BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX revoked_at ON revoked (at);

  CREATE INDEX outbox_target ON outbox (session, target) WHERE headers IS NOT NULL;
  `,
];
