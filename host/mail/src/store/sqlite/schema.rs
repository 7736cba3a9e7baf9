//! The tables.
//!
//! A store is a directory of `directory.db` (who has which address, who sees what) and files `shard-NNN.db`; an account's
//! rows are all in the one that its id is hashed to. Every file records its schema version in `PRAGMA user_version`.
//!
//! Encodings: ids of identity are 16 bytes; columns that are called documents hold [`super::documents`].

/// The steps of `directory.db`. Released steps never change.
pub(super) const DIRECTORY_STEPS: &[&str] = &["
CREATE TABLE fact (
    name  TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

CREATE TABLE account (
    id   BLOB PRIMARY KEY,
    name TEXT NOT NULL
) WITHOUT ROWID;

-- In lower case.
CREATE TABLE address (
    address  TEXT PRIMARY KEY,
    account  BLOB NOT NULL,
    position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX address_by_account ON address (account, position);

CREATE TABLE share (
    principal BLOB NOT NULL,
    account   BLOB NOT NULL,
    read_only INTEGER NOT NULL,
    PRIMARY KEY (principal, account)
) WITHOUT ROWID;
CREATE INDEX share_by_account ON share (account);

-- `types`: a byte for each data type, its number.
CREATE TABLE push (
    principal  BLOB NOT NULL,
    id         BLOB NOT NULL,
    device     TEXT NOT NULL,
    url        TEXT NOT NULL,
    public_key TEXT,
    secret     TEXT,
    verified   INTEGER NOT NULL,
    code       TEXT NOT NULL,
    expires_us INTEGER NOT NULL,
    types      BLOB NOT NULL,
    PRIMARY KEY (principal, id)
);
"];

/// The steps of a shard. Released steps never change.
pub(super) const SHARD_STEPS: &[&str] = &["
-- Numbers changes, mailboxes and senders alike: the last given out.
CREATE TABLE sequence (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    last INTEGER NOT NULL
);
INSERT INTO sequence VALUES (1, 0);

CREATE TABLE account (
    number          INTEGER PRIMARY KEY,
    id              BLOB NOT NULL UNIQUE,
    used_octets     INTEGER NOT NULL DEFAULT 0,
    used_count      INTEGER NOT NULL DEFAULT 0,
    uploaded_octets INTEGER NOT NULL DEFAULT 0,
    quota_octets    INTEGER NOT NULL,
    quota_count     INTEGER NOT NULL
);

-- The last change of each data type.
CREATE TABLE state (
    account INTEGER NOT NULL,
    type    INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    PRIMARY KEY (account, type)
) WITHOUT ROWID;

-- For each thing its making (kind 1), its last update (2), of a mailbox the last change of its counts alone (3), and its
-- end (4): more is not needed to tell what changed since any state.
CREATE TABLE log (
    number     INTEGER PRIMARY KEY,
    account    INTEGER NOT NULL,
    type       INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    object     INTEGER NOT NULL,
    generation INTEGER NOT NULL
);
CREATE INDEX log_by_account ON log (account, type, number);
-- By which an earlier update makes place for a later one.
CREATE UNIQUE INDEX log_by_object ON log (object, type, generation, kind);

-- `parent` is 0 at the top.
CREATE TABLE mailbox (
    number         INTEGER PRIMARY KEY,
    account        INTEGER NOT NULL,
    name           TEXT NOT NULL,
    parent         INTEGER NOT NULL,
    role           TEXT,
    sort_order     INTEGER NOT NULL,
    subscribed     INTEGER NOT NULL,
    total_emails   INTEGER NOT NULL DEFAULT 0,
    unread_emails  INTEGER NOT NULL DEFAULT 0,
    total_threads  INTEGER NOT NULL DEFAULT 0,
    unread_threads INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX mailbox_by_name ON mailbox (account, parent, name);
CREATE UNIQUE INDEX mailbox_by_role ON mailbox (account, role);
", super::emails::STEP, super::sending::STEP];
