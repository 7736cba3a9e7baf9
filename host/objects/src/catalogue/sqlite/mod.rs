//! The catalogue in SQLite files.
//!
//! Files: `lock` (held while open), `directory.db`, `shard-NNN.db`. Each file
//! has one writing thread, which commits in groups, and a pool of reading
//! connections (`concierge_sqlite`).
//! Point lookups run on the caller's thread: they take some microseconds, of
//! which a hop to another thread and back would be several times as much, and
//! what they read is in the page cache or a few reads of the disk away.
//! Listings may read thousands of pages and go to the blocking pool.
//!
//! Shards: a bucket's rows are in one shard, chosen by its id; the number is
//! recorded when the catalogue is made and checked whenever it is opened.

mod behind;
mod directory;
mod engine;
mod listing;
mod objects;
mod range;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod uploads;

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use concierge_sqlite::{
    DomainError, GROUP_LIMIT, LockError, MetricNames, Readers, SchemaError, WriterOptions,
};
use rusqlite::Connection;

pub(crate) use objects::marker_error;

use self::directory::Buckets;
use self::rows::{read_uuid, read_versioning};
use self::schema::Kind;
use crate::catalogue::{Bucket, BucketId};
use crate::error::Error;
use crate::types::Versioning;

/// Shards of a new catalogue.
///
/// Measured with `examples/throughput.rs` on two cores, whose disk does 860 to
/// 5,400 synced writes a second depending on what else runs: durable puts of
/// 4 KiB a second by 32 callers over 32 buckets (operations a transaction, CPU
/// a put) in three runs:
///
/// | shards | 1 | 4 | 16 |
/// | --- | --- | --- | --- |
/// | run 1 | 18,700 (12, 45 µs) | 13,300 (3.6, 62 µs) | 11,000 (1.4, 107 µs) |
/// | run 2 | 13,100 (11, 47 µs) | 21,800 (3.4, 55 µs) | 18,000 (1.8, 73 µs) |
/// | run 3 | 20,400 (11, 47 µs) | 22,400 (3.4, 54 µs) | 14,400 (1.5, 85 µs) |
///
/// Sixteen group badly, as each syncs for itself. One costs the least CPU. Four
/// are as fast for a few µs more, and an operation that takes long (joining
/// 10,000 parts) holds a quarter of the buckets, not all; and the number can
/// never be changed, while machines have more than two cores.
pub const DEFAULT_SHARDS: u16 = 4;

/// More shards than this would cost more threads and syncs than they give.
pub const SHARDS_MAX: u16 = 256;

/// How a bucket's id gives its shard; recorded, so that another way would be
/// noticed: the low 64 bits, which UUIDv7 fills at random, modulo the shards.
const SHARD_HASH: &str = "uuid-low64-modulo";

const FACT_SHARDS: &str = "shards";
const FACT_SHARD_HASH: &str = "shard-hash";
const FACT_STORE: &str = "store";
const FACT_CLUSTER_MAPS: &str = "cluster-maps";

type Failure = concierge_sqlite::Failure<Error>;
type Writer = concierge_sqlite::Writer<Error>;

static METRICS: MetricNames = MetricNames {
    operations: "concierge_objects_catalogue_operations_total",
    queue_depth: "concierge_objects_catalogue_queue_depth",
    commits: "concierge_objects_catalogue_commits_total",
    group_operations: "concierge_objects_catalogue_group_operations",
    commit_seconds: "concierge_objects_catalogue_commit_seconds",
};

impl DomainError for Error {
    fn internal() -> Self {
        Self::Internal
    }

    fn disk_full() -> Self {
        Self::InsufficientStorage
    }

    fn too_many() -> Self {
        Self::SlowDown
    }

    fn stopped() -> Self {
        Self::Internal
    }
}

/// Why a catalogue could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be had.
    #[error(transparent)]
    Directory(#[from] LockError),
    /// A file of the catalogue cannot be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: SchemaError,
    },
    /// What is recorded is not what was asked for, or not what this program
    /// understands.
    #[error("{what} of this catalogue is {found}, not {expected}")]
    Mismatch {
        /// What differs.
        what: &'static str,
        /// As recorded.
        found: String,
        /// As asked for, or as this program does it.
        expected: String,
    },
    /// The number of shards asked for.
    #[error("a catalogue has 1 to {SHARDS_MAX} shards, not {0}")]
    Shards(u16),
    /// A write failed while opening.
    #[error("the catalogue cannot be written: {0}")]
    Write(Error),
}

/// One file with its writer and its readers.
struct Database {
    writer: Writer,
    readers: Readers,
}

impl Database {
    fn open(dir: &Path, file: &str, kind: Kind) -> Result<Self, OpenError> {
        let path = dir.join(file);
        let name = format!("catalogue-{}", file.trim_end_matches(".db"));
        let options = WriterOptions {
            name,
            schema: kind.migrations(),
            sequence: kind == Kind::Shard,
            group_limit: GROUP_LIMIT,
            metrics: &METRICS,
            numbered: Box::new(|| {}),
        };
        let writer = Writer::open(&path, options).map_err(|source| OpenError::File {
            path: path.clone(),
            source,
        })?;
        Ok(Self {
            writer,
            readers: Readers::new(path),
        })
    }

    /// Reads on this thread; for what takes microseconds.
    fn read<T>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        self.readers
            .with(read)
            .map_err(|failure| failure.into_error(operation))
    }
}

/// The catalogue in SQLite files. See the module.
pub struct SqliteCatalogue {
    inner: Arc<Inner>,
}

struct Inner {
    directory: Database,
    shards: Vec<Database>,
    buckets: Buckets,
    /// Held from a change of a bucket's settings in a file until memory shows
    /// it, so that changes come in the same order in both.
    settings: tokio::sync::Mutex<()>,
    /// Held while the catalogue is open.
    _lock: File,
}

impl SqliteCatalogue {
    /// Opens the catalogue in a directory, or makes one there of `shards`
    /// shards (default: [`DEFAULT_SHARDS`]). Blocks: it may have to recover.
    pub async fn open(dir: &Path, shards: Option<u16>) -> Result<Self, OpenError> {
        let lock = concierge_sqlite::lock_directory(dir)?;
        let directory = Database::open(dir, "directory.db", Kind::Directory)?;
        let count = shard_count(&directory, shards).await?;
        let shards = (0..count)
            .map(|number| Database::open(dir, &format!("shard-{number:03}.db"), Kind::Shard))
            .collect::<Result<Vec<_>, _>>()?;
        let inner = Inner {
            directory,
            shards,
            buckets: Buckets::default(),
            settings: tokio::sync::Mutex::default(),
            _lock: lock,
        };
        inner.load_buckets().await.map_err(OpenError::Write)?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }
}

/// The recorded number of shards; recorded now if the catalogue is new.
async fn shard_count(directory: &Database, asked: Option<u16>) -> Result<u16, OpenError> {
    let fact = |name: &'static str| {
        directory
            .read("fact", |c| Ok(directory::fact(c, name)?))
            .map_err(OpenError::Write)
    };
    let Some(found) = fact(FACT_SHARDS)? else {
        let count = asked.unwrap_or(DEFAULT_SHARDS);
        if !(1..=SHARDS_MAX).contains(&count) {
            return Err(OpenError::Shards(count));
        }
        directory
            .writer
            .write("record_shards", move |tx| {
                directory::set_fact(tx, FACT_SHARDS, &count.to_string())?;
                directory::set_fact(tx, FACT_SHARD_HASH, SHARD_HASH)
            })
            .await
            .map_err(OpenError::Write)?;
        return Ok(count);
    };
    let hash = fact(FACT_SHARD_HASH)?.unwrap_or_default();
    if hash != SHARD_HASH {
        return Err(OpenError::Mismatch {
            what: "the hash of the shards",
            found: hash,
            expected: SHARD_HASH.to_owned(),
        });
    }
    match (found.parse(), asked) {
        (Ok(count), None) => Ok(count),
        (Ok(count), Some(asked)) if count == asked => Ok(count),
        (_, asked) => Err(OpenError::Mismatch {
            what: "the number of shards",
            found,
            expected: asked.unwrap_or(DEFAULT_SHARDS).to_string(),
        }),
    }
}

impl Inner {
    fn shard_number(&self, bucket: BucketId) -> usize {
        let (_, low) = bucket.0.as_u64_pair();
        (low % self.shards.len() as u64) as usize
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a remainder of the length is within it"
    )]
    fn shard(&self, bucket: BucketId) -> &Database {
        &self.shards[self.shard_number(bucket)]
    }

    /// Fills the directory in memory, and brings to an end what a crash left
    /// half done: creating a bucket writes the shard first and the directory
    /// then, deleting one marks it in the shard first. Either way a bucket is
    /// there only if both say so.
    async fn load_buckets(&self) -> Result<(), Error> {
        let mut states: HashMap<BucketId, (Versioning, bool)> = HashMap::new();
        for shard in &self.shards {
            states.extend(shard.read("load_buckets", |c| Ok(bucket_states(c)?))?);
        }
        let listed = self
            .directory
            .read("load_buckets", |c| Ok(directory::load(c)?))?;
        for mut bucket in listed {
            match states.remove(&bucket.id) {
                Some((versioning, false)) => {
                    bucket.versioning = versioning;
                    self.buckets.set(Arc::new(bucket));
                }
                Some((_, true)) | None => self.forget_bucket(&bucket).await?,
            }
        }
        for (id, (_, deleted)) in states {
            if !deleted {
                self.shard(id)
                    .writer
                    .write("drop_bucket", move |tx| engine::mark_deleted(tx, id))
                    .await?;
            }
        }
        Ok(())
    }

    async fn forget_bucket(&self, bucket: &Bucket) -> Result<(), Error> {
        tracing::info!(bucket = &*bucket.name, "finishing the deletion of a bucket");
        let (id, name) = (bucket.id, Arc::clone(&bucket.name));
        self.directory
            .writer
            .write("delete_bucket", move |tx| directory::remove(tx, id, &name))
            .await
    }
}

fn bucket_states(connection: &Connection) -> rusqlite::Result<Vec<(BucketId, (Versioning, bool))>> {
    connection
        .prepare("SELECT id, versioning, deleted FROM bucket")?
        .query_map([], |row| {
            let id = read_uuid(row, 0)?.unwrap_or_default();
            Ok((BucketId(id), (read_versioning(row, 1)?, row.get(2)?)))
        })?
        .collect()
}
