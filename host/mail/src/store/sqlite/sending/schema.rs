//! The tables of what is sent.

/// A step of a shard's schema.
pub(in crate::store::sqlite) const STEP: &str = "
-- As whom an account may send. `reply_to` and `bcc` are documents.
CREATE TABLE sender (
    number         INTEGER PRIMARY KEY,
    account        INTEGER NOT NULL,
    name           TEXT NOT NULL,
    email          TEXT NOT NULL,
    reply_to       BLOB NOT NULL,
    bcc            BLOB NOT NULL,
    text_signature TEXT NOT NULL,
    html_signature TEXT NOT NULL,
    may_delete     INTEGER NOT NULL
);
CREATE INDEX sender_by_account ON sender (account, number);

-- What was handed over for sending, numbered by the sequence. Of a component's, `sender`, `storage`, `generation` and
-- `thread` are NULL. `mail_from` is a document. `undo`: 1 pending, 2 final, 3 canceled. `holds_blob`: something of it
-- may still be sent. `gone_us`: since then it is there only to tell its id to who asks what changed.
CREATE TABLE submission (
    number      INTEGER PRIMARY KEY,
    account     INTEGER NOT NULL,
    id          BLOB NOT NULL,
    sender      INTEGER,
    storage     INTEGER,
    generation  INTEGER,
    thread      INTEGER,
    blob        BLOB NOT NULL,
    category    INTEGER NOT NULL,
    mail_from   BLOB NOT NULL,
    accepted_us INTEGER NOT NULL,
    send_at_us  INTEGER NOT NULL,
    undo        INTEGER NOT NULL,
    holds_blob  INTEGER NOT NULL,
    gone_us     INTEGER
);
CREATE UNIQUE INDEX submission_by_id ON submission (account, id);
CREATE INDEX submission_shown ON submission (account, number) WHERE gone_us IS NULL AND sender IS NOT NULL;
CREATE INDEX submission_kept ON submission (send_at_us) WHERE gone_us IS NULL OR holds_blob;
CREATE INDEX submission_gone ON submission (gone_us) WHERE gone_us IS NOT NULL;

-- The recipients of submissions: entries of the outgoing queue, and what they came to. `parameters` is a document.
-- `due_us`: from when on it may be taken; NULL: not any more. `taken`: who has it has it until `due_us`. `delivered`:
-- 1 queued, 2 yes, 3 no, 4 unknown. `failed_us`: it was given up then, and can be tried again.
CREATE TABLE recipient (
    submission INTEGER NOT NULL,
    email      TEXT NOT NULL,
    position   INTEGER NOT NULL,
    parameters BLOB NOT NULL,
    due_us     INTEGER,
    taken      INTEGER NOT NULL DEFAULT FALSE,
    since_us   INTEGER NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 0,
    delivered  INTEGER NOT NULL DEFAULT 1,
    smtp_reply TEXT NOT NULL DEFAULT '',
    failed_us  INTEGER,
    PRIMARY KEY (submission, email)
) WITHOUT ROWID;
CREATE INDEX recipient_due ON recipient (due_us, submission, position) WHERE due_us IS NOT NULL;
CREATE INDEX recipient_failed ON recipient (failed_us, submission, position) WHERE failed_us IS NOT NULL;

-- The keys of components, and what they were told.
CREATE TABLE sending_key (
    account     INTEGER NOT NULL,
    key         TEXT NOT NULL,
    submission  BLOB NOT NULL,
    accepted_us INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) WITHOUT ROWID;
CREATE INDEX sending_key_by_time ON sending_key (accepted_us);

CREATE TABLE vacation (
    account INTEGER PRIMARY KEY,
    enabled INTEGER NOT NULL,
    from_us INTEGER,
    to_us   INTEGER,
    subject TEXT,
    text    TEXT,
    html    TEXT
);

-- Who was answered last when, in lower case.
CREATE TABLE vacation_answer (
    account INTEGER NOT NULL,
    sender  TEXT NOT NULL,
    at_us   INTEGER NOT NULL,
    PRIMARY KEY (account, sender)
) WITHOUT ROWID;
CREATE INDEX vacation_answer_by_time ON vacation_answer (at_us);
";
