//! The tables, and how old ones become new ones.
//!
//! A catalogue is a directory of SQLite files: `directory.db` with what is
//! known across shards, and `shard-NNN.db` with the rows of the buckets whose
//! id falls to that shard. Every file records its schema version in
//! `PRAGMA user_version`.
//!
//! Rows of versions: `current` has the newest version of a key if that is an
//! object, and `former` has all the others. So a listing is a range scan of
//! `current`; and a key whose newest version is a delete marker has no row
//! there. Invariant: where a key has no row in `current`, its newest row in
//! `former`, if any, is a delete marker.
//!
//! Encodings: ids are 16 bytes; the null version is an empty blob; keys are
//! UTF-8 bytes (a blob, so that a scan may end at bytes that are no UTF-8);
//! a delete marker has an empty `md5`; checksum algorithms and kinds are the
//! numbers of `rows.rs`; times are microseconds UTC; metadata and tags are
//! JSON, NULL where there are none; class NULL is STANDARD.

/// Columns of a version, the same in `current` and `former`.
const VERSION_TABLE_COLUMNS: &str = "
    bucket       BLOB NOT NULL,
    key          BLOB NOT NULL,
    sequence     INTEGER NOT NULL,
    version      BLOB NOT NULL,
    modified_us  INTEGER NOT NULL,
    size         INTEGER NOT NULL,
    md5          BLOB NOT NULL,
    parts        INTEGER,
    class        TEXT,
    sum_algorithm INTEGER,
    sum_kind     INTEGER,
    sum          BLOB,
    object       BLOB,
    extent_bytes INTEGER,
    replicas     INTEGER,
    manifest     BLOB,
    metadata     TEXT,
    tags         TEXT,";

const SHARD_TABLES: &str = "
-- Where the order of versions comes from: the last number given out.
CREATE TABLE sequence (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    last INTEGER NOT NULL
);
INSERT INTO sequence VALUES (1, 0);

-- What decides about writes. The rest about a bucket is in the directory.
CREATE TABLE bucket (
    id         BLOB PRIMARY KEY,
    versioning INTEGER NOT NULL,
    deleted    INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX bucket_deleted ON bucket (id) WHERE deleted = 1;

-- Uploads in progress.
CREATE TABLE upload (
    bucket        BLOB NOT NULL,
    key           BLOB NOT NULL,
    id            BLOB NOT NULL,
    initiated_us  INTEGER NOT NULL,
    class         TEXT,
    sum_algorithm INTEGER,
    sum_kind      INTEGER,
    metadata      TEXT,
    tags          TEXT,
    PRIMARY KEY (bucket, key, id)
) WITHOUT ROWID;

-- Parts of uploads, in progress and completed: the manifest of an object.
CREATE TABLE part (
    upload        BLOB NOT NULL,
    number        INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    md5           BLOB NOT NULL,
    modified_us   INTEGER NOT NULL,
    sum_algorithm INTEGER,
    sum           BLOB,
    object        BLOB,
    extent_bytes  INTEGER,
    replicas      INTEGER,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;

-- Answers of completions, for those who ask again.
CREATE TABLE completed (
    upload       BLOB PRIMARY KEY,
    bucket       BLOB NOT NULL,
    key          BLOB NOT NULL,
    answer       TEXT NOT NULL,
    completed_us INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX completed_by_time ON completed (completed_us);

-- Every blob that a version or a part names.
CREATE TABLE data (
    object       BLOB PRIMARY KEY,
    size         INTEGER NOT NULL,
    extent_bytes INTEGER NOT NULL,
    replicas     INTEGER NOT NULL
) WITHOUT ROWID;

-- Copies that nodes lack.
CREATE TABLE missing (
    object BLOB NOT NULL,
    node   INTEGER NOT NULL,
    PRIMARY KEY (object, node)
) WITHOUT ROWID;

-- What nobody needs any more: a blob, or a manifest with its parts' blobs.
CREATE TABLE garbage (
    entry        INTEGER PRIMARY KEY,
    object       BLOB,
    size         INTEGER,
    extent_bytes INTEGER,
    replicas     INTEGER,
    manifest     BLOB
);
";

const DIRECTORY_TABLES: &str = "
-- Facts of the whole catalogue, by name.
CREATE TABLE fact (
    name  TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

CREATE TABLE bucket (
    name       TEXT PRIMARY KEY,
    id         BLOB NOT NULL,
    owner      BLOB NOT NULL,
    owner_name TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    region     TEXT NOT NULL,
    tags       TEXT,
    cors       TEXT
) WITHOUT ROWID;
CREATE INDEX bucket_by_owner ON bucket (owner);

-- How often each host has started.
CREATE TABLE host (
    number INTEGER PRIMARY KEY,
    epoch  INTEGER NOT NULL
);
";

/// Which tables a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `directory.db`.
    Directory,
    /// `shard-NNN.db`.
    Shard,
}

impl Kind {
    /// The steps from each schema version to the next; the first makes the
    /// tables. Released steps never change.
    pub(super) fn migrations(self) -> Vec<String> {
        match self {
            Self::Directory => vec![DIRECTORY_TABLES.to_owned()],
            Self::Shard => vec![format!(
                "{SHARD_TABLES}
                 CREATE TABLE current ({VERSION_TABLE_COLUMNS}
                     PRIMARY KEY (bucket, key)) WITHOUT ROWID;
                 CREATE TABLE former ({VERSION_TABLE_COLUMNS}
                     PRIMARY KEY (bucket, key, sequence DESC)) WITHOUT ROWID;
                 CREATE UNIQUE INDEX former_version ON former (bucket, key, version);"
            )],
        }
    }
}
