//! Opening: the directory, its shards, and what is recorded of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use concierge_sqlite::{
    GROUP_LIMIT, LockError, MetricNames, Readers, SchemaError, WriteTx, WriterOptions,
};
use rand::TryRng;
use rand::rngs::SysRng;
use rusqlite::{Connection, OptionalExtension, params};

use super::bell::Bell;
use super::{Failure, Inner, Shard, SqliteStore, Writer, schema};
use crate::error::Error;
use crate::store::Strategy;

/// Shards of a new store.
pub const DEFAULT_SHARDS: u16 = 1;

/// More shards than this would cost more threads and syncs than they give.
pub const SHARDS_MAX: u16 = 16;

/// How a hotel's code gives its shard; recorded, so that another way would be noticed.
const SHARD_HASH: &str = "sha256-high64-modulo";

const FACT_SHARDS: &str = "shards";
const FACT_SHARD_HASH: &str = "shard-hash";
const FACT_SECRET: &str = "secret";

static METRICS: MetricNames = MetricNames {
    operations: "concierge_booking_store_operations_total",
    queue_depth: "concierge_booking_store_queue_depth",
    commits: "concierge_booking_store_commits_total",
    group_operations: "concierge_booking_store_group_operations",
    commit_seconds: "concierge_booking_store_commit_seconds",
};

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// Where its files are; made where it is not there.
    pub directory: PathBuf,
    /// How many files: 1 to [`SHARDS_MAX`], and the number that it was made with. `None`: that number, or
    /// [`DEFAULT_SHARDS`] for a new store.
    pub shards: Option<u16>,
    /// How rooms are counted.
    pub strategy: Strategy,
    /// Whether operations that wait are written together, with one sync for all. Without it, each has its own: only to
    /// measure what the group is worth.
    pub group_commit: bool,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be had.
    #[error(transparent)]
    Directory(#[from] LockError),
    /// A file cannot be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: SchemaError,
    },
    /// What is recorded is not what was asked for, or not what this program understands.
    #[error("{what} of these bookings is {found}, not {expected}")]
    Mismatch {
        /// What differs.
        what: &'static str,
        /// As recorded.
        found: String,
        /// As asked for, or as this program does it.
        expected: String,
    },
    /// The number of shards asked for.
    #[error("bookings have 1 to {SHARDS_MAX} shards, not {0}")]
    Shards(u16),
    /// The operating system gives no random numbers.
    #[error("no random numbers: {0}")]
    Random(rand::rngs::SysError),
    /// A write failed while opening.
    #[error("the bookings cannot be written: {0}")]
    Write(Error),
}

/// What is recorded in the first shard.
struct Facts {
    shards: u16,
    shard_hash: String,
    secret: [u8; 32],
}

impl SqliteStore {
    /// Opens the store in a directory, or makes one there. Blocks: it may have to recover.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(options: SqliteOptions) -> Result<Self, OpenError> {
        let asked = options.shards;
        if let Some(count) = asked.filter(|count| !(1..=SHARDS_MAX).contains(count)) {
            return Err(OpenError::Shards(count));
        }
        let lock = concierge_sqlite::lock_directory(&options.directory)?;
        let bell = Arc::new(Bell::new());
        let first = open_shard(&options, 0, &bell)?;
        let mut secret = [0; 32];
        SysRng
            .try_fill_bytes(&mut secret)
            .map_err(OpenError::Random)?;
        let new = Facts {
            shards: asked.unwrap_or(DEFAULT_SHARDS),
            shard_hash: SHARD_HASH.to_owned(),
            secret,
        };
        let facts = first
            .writer
            .write("record_facts", |tx| facts(tx, new))
            .await
            .map_err(OpenError::Write)?;
        check(&facts, asked)?;
        let others = (1..facts.shards).map(|number| open_shard(&options, number, &bell));
        let shards = std::iter::once(Ok(first)).chain(others);
        Ok(Self {
            inner: Arc::new(Inner {
                shards: shards.collect::<Result<_, _>>()?,
                strategy: options.strategy,
                secret: facts.secret,
                bell,
                _lock: lock,
            }),
        })
    }
}

fn open_shard(options: &SqliteOptions, number: u16, bell: &Arc<Bell>) -> Result<Shard, OpenError> {
    let path = options.directory.join(format!("shard-{number:03}.db"));
    let bell = Arc::clone(bell);
    let writer = WriterOptions {
        name: format!("booking-{number:03}"),
        schema: schema::STEPS.iter().map(ToString::to_string).collect(),
        sequence: true,
        group_limit: if options.group_commit { GROUP_LIMIT } else { 1 },
        metrics: &METRICS,
        numbered: Box::new(move || bell.ring()),
    };
    Ok(Shard {
        writer: open_writer(&path, writer)?,
        readers: Readers::new(path),
    })
}

fn open_writer(path: &Path, options: WriterOptions) -> Result<Writer, OpenError> {
    Writer::open(path, options).map_err(|source| OpenError::File {
        path: path.to_owned(),
        source,
    })
}

/// The recorded facts; recorded now if the store is new.
fn facts(tx: &WriteTx<'_>, new: Facts) -> Result<Facts, Failure> {
    if let Some(shards) = fact(tx, FACT_SHARDS)? {
        return Ok(Facts {
            shards,
            shard_hash: fact(tx, FACT_SHARD_HASH)?.unwrap_or_default(),
            secret: fact(tx, FACT_SECRET)?.ok_or(Error::Internal)?,
        });
    }
    let mut insert = tx.prepare_cached("INSERT INTO fact (name, value) VALUES (?1, ?2)")?;
    insert.execute(params![FACT_SHARDS, new.shards])?;
    insert.execute(params![FACT_SHARD_HASH, new.shard_hash])?;
    insert.execute(params![FACT_SECRET, new.secret])?;
    Ok(new)
}

fn fact<T: rusqlite::types::FromSql>(
    connection: &Connection,
    name: &str,
) -> rusqlite::Result<Option<T>> {
    connection
        .prepare_cached("SELECT value FROM fact WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

fn check(facts: &Facts, asked: Option<u16>) -> Result<(), OpenError> {
    if facts.shard_hash != SHARD_HASH {
        return Err(OpenError::Mismatch {
            what: "the hash of the shards",
            found: facts.shard_hash.clone(),
            expected: SHARD_HASH.to_owned(),
        });
    }
    match asked {
        Some(asked) if asked != facts.shards => Err(OpenError::Mismatch {
            what: "the number of shards",
            found: facts.shards.to_string(),
            expected: asked.to_string(),
        }),
        _ => Ok(()),
    }
}
