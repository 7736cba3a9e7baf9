//! Group commit: one thread a file, which writes what is waiting in one
//! transaction and syncs once for all of it.
//!
//! Each operation runs in a savepoint of its own, so that one that is refused
//! leaves nothing; each is answered only after the COMMIT, since even a refusal
//! may rest on what another operation of the same group wrote. A COMMIT that
//! fails leaves the state of the disk unknown: the file then takes no more
//! writes until the program is started again and SQLite has recovered it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::connection;
use super::schema::{self, Kind, SchemaError};
use crate::error::Error;

/// Operations that may wait for one file. At a few microseconds each this is
/// some tens of milliseconds of work; more waiting helps nobody.
const QUEUE_LIMIT: usize = 4096;

/// Operations in one transaction. Bounds how long the first of a group waits
/// for the last.
const GROUP_LIMIT: usize = 512;

/// Why an operation has no result.
#[derive(Debug)]
pub(super) enum Failure {
    /// A rule says no.
    Refused(Error),
    /// SQLite failed.
    Engine(rusqlite::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl Failure {
    /// The error for the caller; the detail of a failure goes to the log.
    pub(super) fn into_error(self, operation: &'static str) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Engine(error) => {
                tracing::error!(operation, %error, "the catalogue failed");
                engine_error(&error)
            }
        }
    }
}

/// What a caller is told of a failure of SQLite.
fn engine_error(error: &rusqlite::Error) -> Error {
    if is_full(error) {
        Error::InsufficientStorage
    } else {
        Error::Internal
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// What an operation writes with.
pub(super) struct WriteTx<'c> {
    connection: &'c Connection,
    sequence: Cell<u64>,
}

impl WriteTx<'_> {
    /// The next number of the file's sequence. Numbers of operations that were
    /// refused are not used again.
    pub(super) fn next_sequence(&self) -> u64 {
        let next = self.sequence.get() + 1;
        self.sequence.set(next);
        next
    }

    /// Runs a part that may be refused alone.
    pub(super) fn savepoint<T>(
        &self,
        part: impl FnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.run("SAVEPOINT part")?;
        let result = part(self);
        if result.is_err() {
            self.run("ROLLBACK TO part")?;
        }
        self.run("RELEASE part")?;
        result
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

/// An operation in the queue.
trait Job: Send {
    /// Does it; false to undo what it wrote.
    fn run(&mut self, tx: &WriteTx<'_>) -> bool;
    /// Answers, once the group is durable or has failed.
    fn answer(self: Box<Self>, group: Result<(), Error>);
}

struct Operation<T, F> {
    name: &'static str,
    work: Option<F>,
    result: Result<T, Error>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl<T, F> Job for Operation<T, F>
where
    T: Send,
    F: FnOnce(&WriteTx<'_>) -> Result<T, Failure> + Send,
{
    fn run(&mut self, tx: &WriteTx<'_>) -> bool {
        if let Some(work) = self.work.take() {
            self.result = work(tx).map_err(|failure| failure.into_error(self.name));
        }
        self.result.is_ok()
    }

    fn answer(self: Box<Self>, group: Result<(), Error>) {
        // Who asked may have gone away; the operation stands all the same.
        let _ = self.reply.send(group.and(self.result));
    }
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Box<dyn Job>>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    stopped: AtomicBool,
    commits: AtomicU64,
    operations: AtomicU64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counters of a writer.
pub(super) struct WriterStatus {
    pub(super) queued: u64,
    pub(super) commits: u64,
    pub(super) operations: u64,
    pub(super) stopped: bool,
}

/// The writing thread of one file.
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Opens a file, brings it to the newest schema, and starts its thread.
    pub(super) fn open(path: &Path, kind: Kind, name: String) -> Result<Self, SchemaError> {
        let mut connection = connection::open_writer(path)?;
        schema::migrate(&mut connection, kind)?;
        let sequence = match kind {
            Kind::Shard => connection.query_row("SELECT last FROM sequence", [], |r| r.get(0))?,
            Kind::Directory => 0,
        };
        let shared = Arc::new(Shared::default());
        let mut group = Group {
            connection,
            sequence,
            shared: Arc::clone(&shared),
            label: name.clone(),
        };
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || group.serve())
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(Self {
            shared,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Does an operation in the next group; answers when it is durable. Once
    /// submitted it runs to its end, even if the caller goes away.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&WriteTx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.submit(Box::new(Operation {
            name,
            work: Some(work),
            result: Err(Error::Internal),
            reply,
        }))?;
        metrics::counter!("concierge_objects_catalogue_operations_total", "operation" => name)
            .increment(1);
        answer.await.unwrap_or(Err(Error::Internal))
    }

    fn submit(&self, job: Box<dyn Job>) -> Result<(), Error> {
        if self.shared.stopped.load(Ordering::Acquire) {
            return Err(Error::Internal);
        }
        let mut waiting = self.shared.lock();
        if waiting.closed || waiting.jobs.len() >= QUEUE_LIMIT {
            return Err(Error::SlowDown);
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
    pub(super) fn status(&self) -> WriterStatus {
        WriterStatus {
            queued: self.shared.lock().jobs.len() as u64,
            commits: self.shared.commits.load(Ordering::Relaxed),
            operations: self.shared.operations.load(Ordering::Relaxed),
            stopped: self.shared.stopped.load(Ordering::Acquire),
        }
    }

    /// Takes no more, and waits until what was accepted is durable.
    pub(super) fn close(&self) {
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
            tracing::error!("a catalogue writer panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

/// The thread's side.
struct Group {
    connection: Connection,
    sequence: u64,
    shared: Arc<Shared>,
    label: String,
}

impl Group {
    fn serve(&mut self) {
        while let Some(mut jobs) = self.next_group() {
            let outcome = if self.shared.stopped.load(Ordering::Acquire) {
                Err(Error::Internal)
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
            tracing::warn!(shard = self.label, %error, "the last checkpoint failed");
        }
    }

    /// Waits for something to do; `None` when closed and all is done.
    fn next_group(&self) -> Option<Vec<Box<dyn Job>>> {
        let mut waiting = self
            .shared
            .wake
            .wait_while(self.shared.lock(), |waiting| {
                waiting.jobs.is_empty() && !waiting.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        let count = waiting.jobs.len().min(GROUP_LIMIT);
        metrics::gauge!("concierge_objects_catalogue_queue_depth", "shard" => self.label.clone())
            .set(waiting.jobs.len() as f64);
        (count > 0).then(|| waiting.jobs.drain(..count).collect())
    }

    fn commit(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Error> {
        let started = Instant::now();
        let outcome = self.transaction(jobs);
        if let Err(error) = &outcome {
            self.recover(error);
        }
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        self.shared
            .operations
            .fetch_add(jobs.len() as u64, Ordering::Relaxed);
        metrics::counter!("concierge_objects_catalogue_commits_total").increment(1);
        metrics::histogram!("concierge_objects_catalogue_group_operations")
            .record(jobs.len() as f64);
        metrics::histogram!("concierge_objects_catalogue_commit_seconds")
            .record(started.elapsed().as_secs_f64());
        outcome.map_err(|error| engine_error(&error))
    }

    fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
        let tx = WriteTx {
            connection: &self.connection,
            sequence: Cell::new(self.sequence),
        };
        tx.run("BEGIN IMMEDIATE")?;
        for job in jobs {
            tx.run("SAVEPOINT operation")?;
            if !job.run(&tx) {
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

    /// After a failed group. A disk that is full refuses before the commit is
    /// written: the group is undone and the next may succeed. Anything else
    /// stops the file.
    fn recover(&self, error: &rusqlite::Error) {
        let undone =
            self.connection.is_autocommit() || self.connection.execute_batch("ROLLBACK").is_ok();
        if is_full(error) && undone {
            tracing::error!(shard = self.label, "the disk is full");
            return;
        }
        tracing::error!(shard = self.label, %error, "a commit failed; the shard takes no more writes");
        self.shared.stopped.store(true, Ordering::Release);
    }
}
