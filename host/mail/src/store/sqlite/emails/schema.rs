//! The tables of emails, threads and blobs, in a shard.
//!
//! Encodings: times are microseconds UTC. Keywords are sorted and joined by spaces, mailboxes likewise as decimal numbers.
//! Keys of threads are the first 16 bytes of a SHA-256 ([`super::keys`]). `headers` is a document
//! ([`super::super::documents`]).
//!
//! Flags: 1 `$seen`, 2 `$draft`, 4 `$flagged`, 8 `$answered`, 16 has an attachment, 32 has other keywords.

/// The step of a shard's schema.
pub(in super::super) const STEP: &str = "
-- By which the states of a transaction are found.
CREATE INDEX state_by_number ON state (number);

-- Rows of the log up to `floor` are forgotten, and are gone up to `swept`; `log_mark` tells how far the log was at some times.
CREATE TABLE log_trim (
    only  INTEGER PRIMARY KEY CHECK (only = 1),
    floor INTEGER NOT NULL,
    swept INTEGER NOT NULL
);
INSERT INTO log_trim VALUES (1, 0, 0);
CREATE TABLE log_mark (
    at_us  INTEGER PRIMARY KEY,
    number INTEGER NOT NULL
);

-- What lists are made of; narrow, since an order by subject reads all of them. A destroyed email stays until its grace is
-- over: where it was is in `mailboxes`.
CREATE TABLE email (
    storage      INTEGER PRIMARY KEY,
    account      INTEGER NOT NULL,
    generation   INTEGER NOT NULL,
    thread       INTEGER NOT NULL,
    blob         BLOB NOT NULL,
    size         INTEGER NOT NULL,
    received_us  INTEGER NOT NULL,
    sent_us      INTEGER,
    flags        INTEGER NOT NULL,
    keywords     TEXT NOT NULL,
    mailboxes    TEXT NOT NULL,
    sort_from    TEXT NOT NULL,
    sort_to      TEXT NOT NULL,
    sort_subject TEXT NOT NULL,
    destroyed_us INTEGER
);
CREATE INDEX email_by_blob ON email (account, blob);
CREATE INDEX email_destroyed ON email (account, destroyed_us) WHERE destroyed_us IS NOT NULL;
CREATE INDEX email_over ON email (destroyed_us) WHERE destroyed_us IS NOT NULL;

-- What a list shows of an email. `ids`: the keys of the ids that it connects, one behind the other; `subject`: the key of
-- its subject; `by_subject`: it goes by it.
CREATE TABLE email_shown (
    storage    INTEGER PRIMARY KEY,
    preview    TEXT NOT NULL,
    headers    BLOB NOT NULL,
    ids        BLOB NOT NULL,
    subject    BLOB,
    by_subject INTEGER NOT NULL
);

-- Emails by time: in a mailbox, in a thread, and (`list` 0) in the account. Numbers of mailboxes and threads come from
-- one sequence, so that no list is two things.
CREATE TABLE listed (
    account     INTEGER NOT NULL,
    list        INTEGER NOT NULL,
    received_us INTEGER NOT NULL,
    storage     INTEGER NOT NULL,
    generation  INTEGER NOT NULL,
    thread      INTEGER NOT NULL,
    size        INTEGER NOT NULL,
    flags       INTEGER NOT NULL,
    PRIMARY KEY (account, list, received_us, storage)
) WITHOUT ROWID;

-- `unread_live`: its unread emails that are in a mailbox that is not the trash.
CREATE TABLE thread (
    number      INTEGER PRIMARY KEY,
    account     INTEGER NOT NULL,
    emails      INTEGER NOT NULL,
    unread_live INTEGER NOT NULL
);
CREATE INDEX thread_by_account ON thread (account);

CREATE TABLE thread_in (
    thread  INTEGER NOT NULL,
    mailbox INTEGER NOT NULL,
    emails  INTEGER NOT NULL,
    unread  INTEGER NOT NULL,
    PRIMARY KEY (thread, mailbox)
) WITHOUT ROWID;

-- The thread of each message id, and of each subject that a reply goes by.
CREATE TABLE thread_key (
    account INTEGER NOT NULL,
    key     BLOB NOT NULL,
    thread  INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) WITHOUT ROWID;
CREATE INDEX thread_key_by_thread ON thread_key (thread);

-- The threads that have a message of a subject: a reply that goes by it connects them.
CREATE TABLE thread_subject (
    account INTEGER NOT NULL,
    key     BLOB NOT NULL,
    thread  INTEGER NOT NULL,
    PRIMARY KEY (account, key, thread)
) WITHOUT ROWID;
CREATE INDEX thread_subject_by_thread ON thread_subject (thread);

CREATE TABLE delivery (
    account   INTEGER NOT NULL,
    delivery  TEXT NOT NULL,
    recipient TEXT NOT NULL,
    at_us     INTEGER NOT NULL,
    PRIMARY KEY (account, delivery, recipient)
) WITHOUT ROWID;
CREATE INDEX delivery_by_time ON delivery (at_us);

-- Bytes. `state`: 1 claimed, 2 stored, 3 collected; of a hash at most one row is not collected. `uses`: emails, destroyed
-- ones too, submissions and uploads. `kept_until_us`: it is not collected before.
CREATE TABLE blob (
    hash          BLOB NOT NULL,
    generation    INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    uses          INTEGER NOT NULL DEFAULT 0,
    kept_until_us INTEGER NOT NULL,
    PRIMARY KEY (hash, generation)
) WITHOUT ROWID;
CREATE UNIQUE INDEX blob_present ON blob (hash) WHERE state <> 3;
CREATE INDEX blob_unused ON blob (kept_until_us) WHERE uses = 0 AND state <> 3;
CREATE INDEX blob_collected ON blob (state) WHERE state = 3;

CREATE TABLE upload (
    account  INTEGER NOT NULL,
    blob     BLOB NOT NULL,
    size     INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    PRIMARY KEY (account, blob)
) WITHOUT ROWID;
CREATE INDEX upload_by_time ON upload (until_us);
";
