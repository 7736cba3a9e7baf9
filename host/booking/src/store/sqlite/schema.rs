//! The tables.
//!
//! A store is a directory of files `shard-NNN.db`; a hotel's rows are all in the one that its code is hashed to. Every
//! file records its schema version in `PRAGMA user_version`.
//!
//! Encodings: `hotel` is the hotel's number in its file; other codes are text; ids are 16 bytes; days are since
//! 1970-01-01; times are microseconds UTC; documents are JSON, as `serde` writes the types of this crate. Tables whose
//! rows are small are WITHOUT ROWID where the primary key is how they are read; rows with documents are not, since a
//! row that does not fit a page four times costs that kind of table an extra page (<https://sqlite.org/withoutrowid.html>).
//!
//! Invariant, by the CHECK of `inventory`: 0 ≤ reserved ≤ sellable. A night without a row has nothing reserved, and may
//! be sold as often as its room type and its hotel's overbooking say.

/// The steps from each schema version to the next; the first makes the tables. Released steps never change.
pub(super) const STEPS: &[&str] = &[FIRST];

const FIRST: &str = "
-- Where the order of feed, audit log and deliveries comes from: the last number given out.
CREATE TABLE sequence (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    last INTEGER NOT NULL
);
INSERT INTO sequence VALUES (1, 0);

-- Facts of the whole store, by name; in the first shard.
CREATE TABLE fact (
    name  TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

CREATE TABLE hotel (
    number              INTEGER PRIMARY KEY,
    code                TEXT NOT NULL UNIQUE,
    version             INTEGER NOT NULL,
    overbooking_percent INTEGER NOT NULL,
    document            TEXT NOT NULL,
    staff               TEXT NOT NULL
);

CREATE TABLE room_type (
    hotel    INTEGER NOT NULL,
    code     TEXT NOT NULL,
    rooms    INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (hotel, code)
);

CREATE TABLE rate_plan (
    hotel    INTEGER NOT NULL,
    code     TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (hotel, code)
);

-- Prices set for dates; NULL: not sold.
CREATE TABLE price (
    hotel     INTEGER NOT NULL,
    rate_plan TEXT NOT NULL,
    room_type TEXT NOT NULL,
    night     INTEGER NOT NULL,
    price     INTEGER,
    PRIMARY KEY (hotel, rate_plan, room_type, night)
) WITHOUT ROWID;
CREATE INDEX price_by_night ON price (night);

-- `allotted`: `sellable` was set for the night, and does not follow the room type. `version` counts changes of the row.
CREATE TABLE inventory (
    hotel     INTEGER NOT NULL,
    room_type TEXT NOT NULL,
    night     INTEGER NOT NULL,
    sellable  INTEGER NOT NULL,
    reserved  INTEGER NOT NULL DEFAULT 0,
    allotted  INTEGER NOT NULL DEFAULT 0,
    version   INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (hotel, room_type, night),
    CHECK (reserved BETWEEN 0 AND sellable)
) WITHOUT ROWID;

-- `name` and `email` in lower case, to be searched.
CREATE TABLE reservation (
    number         INTEGER PRIMARY KEY,
    hotel          INTEGER NOT NULL,
    id             BLOB NOT NULL,
    code           TEXT NOT NULL,
    version        INTEGER NOT NULL,
    arrival        INTEGER NOT NULL,
    departure      INTEGER NOT NULL,
    occupied_until INTEGER NOT NULL,
    name           TEXT NOT NULL,
    email          TEXT NOT NULL,
    changed_us     INTEGER NOT NULL,
    due_us         INTEGER,
    document       TEXT NOT NULL
);
CREATE UNIQUE INDEX reservation_by_id ON reservation (hotel, id);
CREATE UNIQUE INDEX reservation_by_code ON reservation (hotel, code);
CREATE INDEX reservation_by_arrival ON reservation (hotel, arrival, id, departure, occupied_until);
CREATE INDEX reservation_by_name ON reservation (hotel, name, id);
CREATE INDEX reservation_by_email ON reservation (hotel, email, id);
CREATE INDEX reservation_by_change ON reservation (hotel, changed_us, id);
CREATE INDEX reservation_by_due ON reservation (due_us) WHERE due_us IS NOT NULL;

-- Idempotency keys with what was decided, and the answer that was given (`status` NULL: none yet).
CREATE TABLE claimed (
    number       INTEGER PRIMARY KEY,
    hotel        INTEGER NOT NULL,
    scope        TEXT NOT NULL,
    key          TEXT NOT NULL,
    fingerprint  BLOB NOT NULL,
    at_us        INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    outcome      TEXT NOT NULL,
    status       INTEGER,
    content_type TEXT,
    headers      TEXT,
    body         BLOB
);
CREATE UNIQUE INDEX claimed_by_key ON claimed (hotel, scope, key);

CREATE TABLE waiting (
    hotel    INTEGER NOT NULL,
    id       BLOB NOT NULL,
    told_us  INTEGER,
    document TEXT NOT NULL,
    PRIMARY KEY (hotel, id)
);

CREATE TABLE feed (
    position INTEGER PRIMARY KEY,
    hotel    INTEGER NOT NULL,
    kind     INTEGER NOT NULL,
    subject  TEXT NOT NULL,
    at_us    INTEGER NOT NULL
);

CREATE TABLE audit (
    position    INTEGER PRIMARY KEY,
    hotel       INTEGER NOT NULL,
    at_us       INTEGER NOT NULL,
    who         TEXT NOT NULL,
    what        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    before      TEXT NOT NULL,
    after       TEXT NOT NULL
);
CREATE INDEX audit_by_hotel ON audit (hotel, position);
CREATE INDEX audit_by_subject ON audit (hotel, subject, position);

CREATE TABLE mail (
    number   INTEGER PRIMARY KEY,
    hotel    INTEGER NOT NULL,
    id       BLOB NOT NULL,
    document TEXT NOT NULL
);
CREATE UNIQUE INDEX mail_by_id ON mail (hotel, id);

CREATE TABLE webhook (
    hotel        INTEGER NOT NULL,
    id           BLOB NOT NULL,
    url          TEXT NOT NULL,
    secret       TEXT NOT NULL,
    last_failure TEXT NOT NULL,
    PRIMARY KEY (hotel, id)
) WITHOUT ROWID;

-- What webhooks are still to be told; each is told the one of the lowest position.
CREATE TABLE delivery (
    hotel       INTEGER NOT NULL,
    webhook     BLOB NOT NULL,
    position    INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    reservation BLOB NOT NULL,
    at_us       INTEGER NOT NULL,
    tries       INTEGER NOT NULL DEFAULT 0,
    due_us      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (hotel, webhook, position)
) WITHOUT ROWID;
CREATE INDEX delivery_by_time ON delivery (at_us);
";
