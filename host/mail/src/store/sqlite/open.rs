//! Opening: the directory, its shards, and what is recorded of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use concierge_sqlite::{
    DomainError, GROUP_LIMIT, LockError, MetricNames, Readers, SchemaError, WriteTx, WriterOptions,
};
use rusqlite::{OptionalExtension, params};
use tokio::sync::broadcast;

use super::tell::Teller;
use super::{Database, Failure, SqliteStore, Writer, schema};
use crate::error::Error;
use crate::store::StateChange;

/// Shards of a new store: one groups best.
pub const DEFAULT_SHARDS: u16 = 1;
/// More shards than this would cost more threads and syncs than they give.
pub const SHARDS_MAX: u16 = 16;
/// How an account's id gives its shard; recorded, so that another way would be noticed.
const SHARD_HASH: &str = "uuid-low64-modulo";
/// When who was told that there are too many may come again, seconds.
const AGAIN_S: u32 = 1;

/// States that a subscriber may lag behind before it has to read them itself.
const STATES_KEPT: usize = 1024;

const FACT_SHARDS: &str = "shards";
const FACT_SHARD_HASH: &str = "shard-hash";

static METRICS: MetricNames = MetricNames {
    operations: "concierge_mail_store_operations_total",
    queue_depth: "concierge_mail_store_queue_depth",
    commits: "concierge_mail_store_commits_total",
    group_operations: "concierge_mail_store_group_operations",
    commit_seconds: "concierge_mail_store_commit_seconds",
};

impl DomainError for Error {
    fn internal() -> Self {
        Self::Internal
    }

    fn disk_full() -> Self {
        Self::Unavailable
    }

    fn too_many() -> Self {
        Self::SlowDown(AGAIN_S)
    }

    fn stopped() -> Self {
        Self::Unavailable
    }
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
    #[error("{what} of this mail is {found}, not {expected}")]
    Mismatch {
        /// What differs.
        what: &'static str,
        /// As recorded.
        found: String,
        /// As asked for, or as this program does it.
        expected: String,
    },
    /// The number of shards asked for.
    #[error("mail has 1 to {SHARDS_MAX} shards, not {0}")]
    Shards(u16),
    /// A write failed while opening.
    #[error("the mail cannot be written: {0}")]
    Write(Error),
}

impl SqliteStore {
    /// Opens the store in a directory, or makes one there. `shards`: 1 to [`SHARDS_MAX`], and the number that it was
    /// made with; `None`: that number, or [`DEFAULT_SHARDS`]. Blocks: it may have to recover.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(dir: &Path, shards: Option<u16>) -> Result<Self, OpenError> {
        if let Some(count) = shards.filter(|count| !(1..=SHARDS_MAX).contains(count)) {
            return Err(OpenError::Shards(count));
        }
        let lock = concierge_sqlite::lock_directory(dir)?;
        let directory = open_directory(dir)?;
        let new = shards.unwrap_or(DEFAULT_SHARDS);
        let (count, hash) = directory
            .writer
            .write("record_facts", move |tx| facts(tx, new))
            .await
            .map_err(OpenError::Write)?;
        check("the hash of the shards", hash, SHARD_HASH.to_owned())?;
        if let Some(asked) = shards {
            check("the number of shards", count.to_string(), asked.to_string())?;
        }
        let (told, _) = broadcast::channel(STATES_KEPT);
        let shards = (0..count)
            .map(|number| open_shard(dir, number, &told))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            directory,
            shards,
            told,
            _lock: lock,
        })
    }
}

fn open_directory(dir: &Path) -> Result<Database, OpenError> {
    let path = dir.join("directory.db");
    let readers = Arc::new(Readers::new(path.clone()));
    open(path, "directory", schema::DIRECTORY_STEPS, None, readers)
}

fn open_shard(
    dir: &Path,
    number: u16,
    told: &broadcast::Sender<Arc<StateChange>>,
) -> Result<Database, OpenError> {
    let name = format!("shard-{number:03}");
    let path = dir.join(format!("{name}.db"));
    let readers = Arc::new(Readers::new(path.clone()));
    let teller = Arc::new(Teller::new(Arc::clone(&readers), told.clone()));
    let telling = Arc::clone(&teller);
    let tell = Box::new(move || telling.tell());
    let shard = open(
        path.clone(),
        &name,
        schema::SHARD_STEPS,
        Some(tell),
        readers,
    )?;
    teller.begin().map_err(|source| OpenError::File {
        path,
        source: source.into(),
    })?;
    Ok(shard)
}

/// `numbered`: of a file with a sequence, what is done when numbers of it are durable.
fn open(
    path: PathBuf,
    name: &str,
    steps: &[&str],
    numbered: Option<Box<dyn Fn() + Send>>,
    readers: Arc<Readers>,
) -> Result<Database, OpenError> {
    let options = WriterOptions {
        name: format!("mail-{name}"),
        schema: steps.iter().map(ToString::to_string).collect(),
        sequence: numbered.is_some(),
        group_limit: GROUP_LIMIT,
        metrics: &METRICS,
        numbered: numbered.unwrap_or_else(|| Box::new(|| ())),
    };
    let writer = Writer::open(&path, options).map_err(|source| OpenError::File { path, source })?;
    Ok(Database { writer, readers })
}

/// The recorded number and hash of the shards; recorded now if the store is new.
fn facts(tx: &WriteTx<'_>, shards: u16) -> Result<(u16, String), Failure> {
    let mut insert = tx.prepare_cached("INSERT OR IGNORE INTO fact VALUES (?1, ?2)")?;
    insert.execute(params![FACT_SHARDS, shards])?;
    insert.execute(params![FACT_SHARD_HASH, SHARD_HASH])?;
    let mut select = tx.prepare_cached("SELECT value FROM fact WHERE name = ?1")?;
    let shards = select.query_row([FACT_SHARDS], |row| row.get(0))?;
    let hash = select
        .query_row([FACT_SHARD_HASH], |row| row.get(0))
        .optional()?;
    Ok((shards, hash.unwrap_or_default()))
}

fn check(what: &'static str, found: String, expected: String) -> Result<(), OpenError> {
    if found == expected {
        return Ok(());
    }
    Err(OpenError::Mismatch {
        what,
        found,
        expected,
    })
}
