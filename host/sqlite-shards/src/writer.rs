//! Group commit: one thread a file, which writes what is waiting in one transaction and syncs once for all of it.
//!
//! Each operation runs in a savepoint of its own, so that one that is refused leaves nothing; each is answered only
//! after the COMMIT, since even a refusal may rest on what another operation of the same group wrote. A COMMIT that
//! fails leaves the state of the disk unknown: the file then takes no more writes until the program is started again
//! and SQLite has recovered it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::{Connection, ErrorCode, ffi};
use tokio::sync::oneshot;

use crate::connection;
use crate::schema::{self, SchemaError};

/// Operations that may wait for one file. At a few microseconds each this is some tens of milliseconds of work; more
/// waiting helps nobody.
const QUEUE_LIMIT: usize = 4096;

/// Operations in one transaction. Bounds how long the first of a group waits for the last.
pub const GROUP_LIMIT: usize = 512;

/// What the error of a domain says of failures that are not the domain's.
pub trait DomainError: Clone + Send + 'static {
    /// A fault; the detail is in the log.
    fn internal() -> Self;
    /// The disk is full.
    fn disk_full() -> Self;
    /// Too many operations wait already, or the file is being closed.
    fn too_many() -> Self;
    /// The file takes no more writes until the next start.
    fn stopped() -> Self;
}

/// Why an operation has no result.
#[derive(Debug)]
pub enum Failure<E> {
    /// A rule says no.
    Refused(E),
    /// SQLite failed.
    Engine(rusqlite::Error),
}

impl<E: DomainError> From<E> for Failure<E> {
    fn from(error: E) -> Self {
        Self::Refused(error)
    }
}

impl<E> From<rusqlite::Error> for Failure<E> {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl<E: DomainError> Failure<E> {
    /// The error for the caller; the detail of a failure goes to the log.
    pub fn into_error(self, operation: &'static str) -> E {
        match self {
            Self::Refused(error) => error,
            Self::Engine(error) => {
                tracing::error!(operation, %error, "the database failed");
                engine_error(&error)
            }
        }
    }
}

/// What a caller is told of a failure of SQLite.
fn engine_error<E: DomainError>(error: &rusqlite::Error) -> E {
    if is_full(error) {
        E::disk_full()
    } else {
        E::internal()
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// A failure of a statement for which SQLite has undone the whole transaction, not the statement alone
/// (<https://sqlite.org/lang_transaction.html>, "Response To Errors Within A Transaction").
fn undone_by_sqlite(full: bool) -> rusqlite::Error {
    let code = match full {
        true => ffi::SQLITE_FULL,
        false => ffi::SQLITE_ABORT_ROLLBACK,
    };
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

/// What an operation writes with.
pub struct WriteTx<'c> {
    connection: &'c Connection,
    sequence: Cell<u64>,
}

impl WriteTx<'_> {
    /// The next number of the file's sequence. Numbers of operations that were refused are not used again.
    pub fn next_sequence(&self) -> u64 {
        let next = self.sequence.get() + 1;
        self.sequence.set(next);
        next
    }

    /// Runs a part that may be refused alone.
    ///
    /// # Errors
    /// The part's.
    pub fn savepoint<T, E>(
        &self,
        part: impl FnOnce(&Self) -> Result<T, Failure<E>>,
    ) -> Result<T, Failure<E>> {
        self.run("SAVEPOINT part")?;
        let result = part(self);
        if result.is_err() {
            self.run("ROLLBACK TO part")?;
        }
        self.run("RELEASE part")?;
        result
    }

    /// Undoes what the operation has written so far; it goes on.
    ///
    /// # Errors
    /// SQLite's.
    pub fn undo(&self) -> rusqlite::Result<()> {
        self.run("ROLLBACK TO operation")
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}

impl Deref for WriteTx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

/// How an operation went.
enum Ran {
    /// What it wrote is to be kept.
    Kept,
    /// What it wrote is to be undone.
    Refused {
        /// Since the disk is full.
        full: bool,
    },
}

/// An operation in the queue.
trait Job<E>: Send {
    /// Does it.
    fn run(&mut self, tx: &WriteTx<'_>) -> Ran;
    /// Answers, once the group is durable or has failed.
    fn answer(self: Box<Self>, group: Result<(), E>);
}

struct Operation<T, E, F> {
    name: &'static str,
    work: Option<F>,
    result: Result<T, E>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job<E> for Operation<T, E, F>
where
    T: Send,
    E: DomainError,
    F: FnOnce(&WriteTx<'_>) -> Result<T, Failure<E>> + Send,
{
    fn run(&mut self, tx: &WriteTx<'_>) -> Ran {
        let Some(work) = self.work.take() else {
            return Ran::Refused { full: false };
        };
        let result = work(tx);
        let ran = match &result {
            Ok(_) => Ran::Kept,
            Err(failure) => Ran::Refused {
                full: matches!(failure, Failure::Engine(error) if is_full(error)),
            },
        };
        self.result = result.map_err(|failure| failure.into_error(self.name));
        ran
    }

    fn answer(self: Box<Self>, group: Result<(), E>) {
        // Who asked may have gone away; the operation stands all the same.
        let _ = self.reply.send(group.and(self.result));
    }
}

struct Waiting<E> {
    jobs: VecDeque<Box<dyn Job<E>>>,
    closed: bool,
}

struct Shared<E> {
    waiting: Mutex<Waiting<E>>,
    wake: Condvar,
    stopped: AtomicBool,
    commits: AtomicU64,
    operations: AtomicU64,
}

impl<E> Shared<E> {
    fn new() -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                jobs: VecDeque::new(),
                closed: false,
            }),
            wake: Condvar::new(),
            stopped: AtomicBool::new(false),
            commits: AtomicU64::new(0),
            operations: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<E>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a domain calls the metrics of its files.
#[derive(Debug)]
pub struct MetricNames {
    /// Counter of operations, by `operation`.
    pub operations: &'static str,
    /// Gauge of operations that wait, by `shard`.
    pub queue_depth: &'static str,
    /// Counter of transactions.
    pub commits: &'static str,
    /// Histogram of operations in a transaction.
    pub group_operations: &'static str,
    /// Histogram of seconds that a transaction takes.
    pub commit_seconds: &'static str,
}

/// How a file is written.
pub struct WriterOptions {
    /// What the thread and the shard are called.
    pub name: String,
    /// The steps of the schema.
    pub schema: Vec<String>,
    /// Whether it has a table `sequence (only, last)`, of one row, which numbers what is written.
    pub sequence: bool,
    /// Most operations in one transaction, usually [`GROUP_LIMIT`]; 1: each has its own.
    pub group_limit: usize,
    /// What the metrics are called.
    pub metrics: &'static MetricNames,
    /// Called on the thread after each transaction that has taken numbers of the sequence, once it is durable.
    pub numbered: Box<dyn Fn() + Send>,
}

/// Counters of a writer.
#[derive(Debug, Clone, Copy)]
pub struct WriterStatus {
    /// Operations that wait.
    pub queued: u64,
    /// Transactions since the start.
    pub commits: u64,
    /// Operations since the start.
    pub operations: u64,
    /// Whether a commit failed, so that it takes no more.
    pub stopped: bool,
}

/// The writing thread of one file.
pub struct Writer<E> {
    shared: Arc<Shared<E>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    metrics: &'static MetricNames,
}

impl<E: DomainError> Writer<E> {
    /// Opens a file, brings it to the newest schema, and starts its thread.
    ///
    /// # Errors
    /// [`SchemaError`].
    pub fn open(path: &Path, options: WriterOptions) -> Result<Self, SchemaError> {
        let mut connection = connection::open_writer(path)?;
        schema::migrate(&mut connection, &options.schema)?;
        let sequence = match options.sequence {
            true => connection.query_row("SELECT last FROM sequence", [], |r| r.get(0))?,
            false => 0,
        };
        let shared = Arc::new(Shared::new());
        let metrics = options.metrics;
        let name = options.name.clone();
        let mut group = Group {
            connection,
            sequence,
            shared: Arc::clone(&shared),
            options,
        };
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || group.serve())
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
            metrics,
        })
    }

    /// Does an operation in the next group; answers when it is durable. Once submitted it runs to its end, even if the
    /// caller goes away.
    ///
    /// # Errors
    /// The operation's, or what [`DomainError`] says of the file.
    pub async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&WriteTx<'_>) -> Result<T, Failure<E>> + Send + 'static,
    ) -> Result<T, E> {
        let (reply, answer) = oneshot::channel();
        self.submit(Box::new(Operation {
            name,
            work: Some(work),
            result: Err(E::internal()),
            reply,
        }))?;
        metrics::counter!(self.metrics.operations, "operation" => name).increment(1);
        answer.await.unwrap_or_else(|_| Err(E::internal()))
    }

    fn submit(&self, job: Box<dyn Job<E>>) -> Result<(), E> {
        if self.shared.stopped.load(Ordering::Acquire) {
            return Err(E::stopped());
        }
        let mut waiting = self.shared.lock();
        if waiting.closed || waiting.jobs.len() >= QUEUE_LIMIT {
            return Err(E::too_many());
        }
        waiting.jobs.push_back(job);
        let first = waiting.jobs.len() == 1;
        drop(waiting);
        if first {
            self.shared.wake.notify_one();
        }
        Ok(())
    }

    /// Counters.
    pub fn status(&self) -> WriterStatus {
        WriterStatus {
            queued: self.shared.lock().jobs.len() as u64,
            commits: self.shared.commits.load(Ordering::Relaxed),
            operations: self.shared.operations.load(Ordering::Relaxed),
            stopped: self.shared.stopped.load(Ordering::Acquire),
        }
    }
}

impl<E> Writer<E> {
    /// Takes no more, and waits until what was accepted is durable. Blocks.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_one();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("a writer panicked");
        }
    }
}

impl<E> Drop for Writer<E> {
    fn drop(&mut self) {
        self.close();
    }
}

/// The thread's side.
struct Group<E> {
    connection: Connection,
    sequence: u64,
    shared: Arc<Shared<E>>,
    options: WriterOptions,
}

impl<E: DomainError> Group<E> {
    fn serve(&mut self) {
        while let Some(mut jobs) = self.next_group() {
            let outcome = if self.shared.stopped.load(Ordering::Acquire) {
                Err(E::stopped())
            } else {
                self.commit(&mut jobs)
            };
            for job in jobs {
                job.answer(outcome.clone());
            }
        }
        // A last checkpoint, so that the next start has nothing to replay.
        if let Err(error) = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        {
            tracing::warn!(shard = self.options.name, %error, "the last checkpoint failed");
        }
    }

    /// Waits for something to do; `None` when closed and all is done.
    fn next_group(&self) -> Option<Vec<Box<dyn Job<E>>>> {
        let mut waiting = self
            .shared
            .wake
            .wait_while(self.shared.lock(), |waiting| {
                waiting.jobs.is_empty() && !waiting.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        let count = waiting.jobs.len().min(self.options.group_limit);
        metrics::gauge!(self.options.metrics.queue_depth, "shard" => self.options.name.clone())
            .set(waiting.jobs.len() as f64);
        (count > 0).then(|| waiting.jobs.drain(..count).collect())
    }

    fn commit(&mut self, jobs: &mut [Box<dyn Job<E>>]) -> Result<(), E> {
        let started = Instant::now();
        let before = self.sequence;
        let outcome = self.transaction(jobs);
        if let Err(error) = &outcome {
            self.recover(error);
        }
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        self.shared
            .operations
            .fetch_add(jobs.len() as u64, Ordering::Relaxed);
        metrics::counter!(self.options.metrics.commits).increment(1);
        metrics::histogram!(self.options.metrics.group_operations).record(jobs.len() as f64);
        metrics::histogram!(self.options.metrics.commit_seconds)
            .record(started.elapsed().as_secs_f64());
        if self.sequence != before {
            (self.options.numbered)();
        }
        outcome.map_err(|error| engine_error(&error))
    }

    fn transaction(&mut self, jobs: &mut [Box<dyn Job<E>>]) -> rusqlite::Result<()> {
        let tx = WriteTx {
            connection: &self.connection,
            sequence: Cell::new(self.sequence),
        };
        tx.run("BEGIN IMMEDIATE")?;
        for job in jobs {
            tx.run("SAVEPOINT operation")?;
            if let Ran::Refused { full } = job.run(&tx) {
                if self.connection.is_autocommit() {
                    return Err(undone_by_sqlite(full));
                }
                tx.run("ROLLBACK TO operation")?;
            }
            tx.run("RELEASE operation")?;
        }
        let last = tx.sequence.get();
        if last != self.sequence {
            tx.prepare_cached("UPDATE sequence SET last = ?1")?
                .execute([last])?;
        }
        tx.run("COMMIT")?;
        self.sequence = last;
        Ok(())
    }

    /// After a failed group. A disk that is full refuses before the commit is written: the group is undone and the next
    /// may succeed. Anything else stops the file.
    fn recover(&self, error: &rusqlite::Error) {
        let undone =
            self.connection.is_autocommit() || self.connection.execute_batch("ROLLBACK").is_ok();
        let shard = &self.options.name;
        if is_full(error) && undone {
            tracing::error!(shard, "the disk is full");
            return;
        }
        tracing::error!(shard, %error, "a commit failed; the shard takes no more writes");
        self.shared.stopped.store(true, Ordering::Release);
    }
}
