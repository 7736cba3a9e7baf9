//! The incoming queue: messages that were accepted and are not delivered yet.
//!
//! A directory that one process has open. Messages are appended to log files, many with one sync; a message that is done is
//! noted in the log too. The oldest log file is given up when all of its messages are done, and before those behind it: they
//! may say which of its messages are. A later log is written over it, which is quicker to sync than a file that grows. Where
//! few messages keep much, they are appended anew. Large messages lie in files of their own, which their records name.
//!
//! What was kept last stays in memory for who delivers it, as far as there is room.
//!
//! Invariant: [`Queue::put`] answers once the message survives a loss of power. That a message is done may be lost: it is
//! then delivered again, which changes nothing, since mailboxes know the message's id.

mod disk;
#[cfg(test)]
pub(crate) mod faulty;
mod format;
mod recover;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use uuid::Uuid;

pub use disk::{Directory, Disk, LogFile};
pub use format::{Metadata, OwnFile, Recipient};

use format::Place;
use writer::{Command, Put, Writer};

/// Octets of messages that are in memory until they are read, with what is known of them.
const UNREAD_MAX_BYTES: u64 = 32 << 20;

/// Bounds on what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Messages that wait at most.
    pub messages_max: usize,
    /// Octets that wait at most.
    pub octets_max: u64,
    /// What is left free on the disk.
    pub free_min_octets: u64,
    /// How large a log file grows before the next is begun.
    pub log_octets: u64,
    /// Messages above this have a file of their own.
    pub own_file_octets: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            messages_max: 200_000,
            octets_max: 20 << 30,
            free_min_octets: 256 << 20,
            log_octets: 16 << 20,
            own_file_octets: 256 << 10,
        }
    }
}

/// Why a message is not taken.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// So much waits already, or the disk is full.
    #[error("the queue is full")]
    Full,
    /// The disk.
    #[error("the queue's disk: {0}")]
    Disk(#[from] io::Error),
    /// It is closed, or somebody else has it open.
    #[error("the queue is not open: {0}")]
    Closed(String),
}

/// Where a message is, and what waits for it.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The number of its log file.
    log: u64,
    /// Of its record in it.
    at: u64,
    /// Of the record.
    length: u64,
    /// Of the message.
    octets: u64,
    received_us: u64,
    has_own_file: bool,
}

impl Entry {
    /// What it takes in memory, about.
    fn octets_in_memory(&self) -> u64 {
        // The record has the message's octets, or they have a file of their own.
        self.length + if self.has_own_file { self.octets } else { 0 }
    }
}

/// A message in memory.
#[derive(Debug)]
struct Unread {
    metadata: Metadata,
    octets: Bytes,
    octets_in_memory: u64,
}

/// A log file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Log {
    length: u64,
    /// Messages in it that are not done, and the length of their records.
    live: usize,
    live_length: u64,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Uuid, Entry>,
    logs: BTreeMap<u64, Log>,
    /// Of the messages.
    octets: u64,
    /// Messages that are on their way here, and their octets as far as they are known.
    coming: (usize, u64),
    /// Messages that nobody works on, oldest first.
    fresh: VecDeque<Uuid>,
    /// Messages that nobody has read since they were kept.
    unread: HashMap<Uuid, Unread>,
    /// Of those.
    unread_octets: u64,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub id: Uuid,
    /// Its octets.
    pub octets: u64,
    /// When it came, microseconds since the Unix epoch.
    pub received_us: u64,
}

/// What is in the queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueSize {
    /// Messages.
    pub messages: usize,
    /// Their octets.
    pub octets: u64,
    /// When the oldest came.
    pub oldest_us: Option<u64>,
}

/// An open queue.
pub struct Queue {
    disk: Arc<dyn Disk>,
    limits: QueueLimits,
    state: Arc<Mutex<State>>,
    commands: Mutex<Option<tokio::sync::mpsc::Sender<Command>>>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
    rings: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds it leaves it half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// A message lies there from now on.
    fn keep(&mut self, id: Uuid, entry: Entry) {
        let log = self.logs.entry(entry.log).or_default();
        log.live += 1;
        log.live_length += entry.length;
        self.octets += entry.octets;
        self.entries.insert(id, entry);
    }

    /// Keeps a message in memory, if there is room for it.
    fn remember(&mut self, metadata: Metadata, octets: Bytes, octets_in_memory: u64) {
        let all = self.unread_octets + octets_in_memory;
        if all <= UNREAD_MAX_BYTES {
            self.unread_octets = all;
            let unread = Unread {
                metadata,
                octets,
                octets_in_memory,
            };
            self.unread.insert(unread.metadata.id, unread);
        }
    }

    /// What is in memory of a message, which is not there any more then.
    fn recall(&mut self, id: &Uuid) -> Option<(Metadata, Bytes)> {
        let unread = self.unread.remove(id)?;
        self.unread_octets -= unread.octets_in_memory;
        Some((unread.metadata, unread.octets))
    }

    /// It is done.
    fn forget(&mut self, id: &Uuid) -> Option<Entry> {
        self.recall(id);
        self.forget_place(id)
    }

    /// It does not lie there any more.
    fn forget_place(&mut self, id: &Uuid) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        self.octets = self.octets.saturating_sub(entry.octets);
        if let Some(log) = self.logs.get_mut(&entry.log) {
            log.live = log.live.saturating_sub(1);
            log.live_length = log.live_length.saturating_sub(entry.length);
        }
        Some(entry)
    }
}

/// Room for a message that comes, until it is kept or dropped.
pub struct Room {
    state: Arc<Mutex<State>>,
    octets: u64,
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        let (messages, octets) = state.coming;
        state.coming = (
            messages.saturating_sub(1),
            octets.saturating_sub(self.octets),
        );
    }
}

impl Queue {
    /// Opens a directory, which is made if need be; what waits in it is there to be taken. Waits for the disk.
    ///
    /// # Errors
    /// [`QueueError::Closed`] where somebody else has it open; those of the disk.
    pub fn open(directory: &Path, limits: QueueLimits) -> Result<Self, QueueError> {
        Self::on(Arc::new(Directory::open(directory)?), limits)
    }

    /// Opens what is on a disk.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn on(disk: Arc<dyn Disk>, limits: QueueLimits) -> Result<Self, QueueError> {
        let (state, next_log) = recover::recover(&*disk)?;
        let state = Arc::new(Mutex::new(state));
        let (commands, received) = tokio::sync::mpsc::channel(writer::WAITING_MAX);
        let writer = Writer::new(Arc::clone(&disk), limits.log_octets, next_log);
        let thread = std::thread::Builder::new()
            .name("incoming-queue".to_owned())
            .spawn({
                let state = Arc::clone(&state);
                move || writer.run(received, &state)
            })?;
        Ok(Self {
            disk,
            limits,
            state,
            commands: Mutex::new(Some(commands)),
            writer: Mutex::new(Some(thread)),
            rings: Notify::new(),
        })
    }

    /// Room for a message of so many octets: asked for before any of it is taken. What was not told before counts when it is
    /// kept.
    ///
    /// # Errors
    /// [`QueueError::Full`]; those of the disk.
    pub fn room(&self, octets: u64) -> Result<Room, QueueError> {
        let free = self.disk.free_octets()?;
        let limits = &self.limits;
        let mut state = lock(&self.state);
        let (messages, coming) = state.coming;
        let coming = coming.saturating_add(octets);
        let is_full = state.entries.len() + messages >= limits.messages_max
            || state.octets.saturating_add(coming) > limits.octets_max
            || free < limits.free_min_octets.saturating_add(coming);
        if is_full {
            return Err(QueueError::Full);
        }
        state.coming = (messages + 1, coming);
        Ok(Room {
            state: Arc::clone(&self.state),
            octets,
        })
    }

    /// Keeps a message. It is durable when this answers, and there to be taken.
    ///
    /// # Errors
    /// [`QueueError::Full`] for a disk that is full; those of the disk. Nothing is kept then.
    pub async fn put(&self, mut metadata: Metadata, octets: Bytes) -> Result<(), QueueError> {
        let id = metadata.id;
        let has_own_file = octets.len() > self.limits.own_file_octets;
        metadata.own_file = has_own_file.then(|| OwnFile::of(&octets));
        if has_own_file {
            let (disk, octets) = (Arc::clone(&self.disk), octets.clone());
            let written = move || disk.write_own(id, &octets);
            blocking(written).await?.map_err(writer::full_or_disk)?;
        }
        let inline: &[u8] = if has_own_file { &[] } else { &octets };
        let record = format::message(&metadata, inline)?;
        let (told, answer) = oneshot::channel();
        let put = Put {
            metadata,
            octets,
            record,
            told,
        };
        let sent = self.command(Command::Put(Box::new(put))).await;
        let kept = match sent {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(closed())),
            Err(error) => Err(error),
        };
        if kept.is_err() && has_own_file {
            let disk = Arc::clone(&self.disk);
            // What is left goes when the queue is opened.
            let _ = blocking(move || disk.remove_own(id)).await;
        }
        kept?;
        self.rings.notify_waiters();
        Ok(())
    }

    async fn command(&self, command: Command) -> Result<(), QueueError> {
        let commands = lock(&self.commands).clone().ok_or_else(closed)?;
        commands.send(command).await.map_err(|_| closed())
    }

    /// Takes the oldest message that nobody works on. It is the caller's until it is [`Self::done`] or [`Self::back`].
    #[must_use]
    pub fn take(&self) -> Option<Waiting> {
        let mut state = lock(&self.state);
        loop {
            let id = state.fresh.pop_front()?;
            if let Some(entry) = state.entries.get(&id) {
                return Some(Waiting {
                    id,
                    octets: entry.octets,
                    received_us: entry.received_us,
                });
            }
        }
    }

    /// How many there are to be taken, at most.
    #[must_use]
    pub fn untaken(&self) -> usize {
        lock(&self.state).fresh.len()
    }

    /// Waits until a message may be there to be taken. To be called before [`Self::take`] gives none.
    pub fn rings(&self) -> tokio::sync::futures::Notified<'_> {
        self.rings.notified()
    }

    /// Gives a message back that was taken: it is taken again after all others.
    pub fn back(&self, id: Uuid) {
        lock(&self.state).fresh.push_back(id);
        self.rings.notify_waiters();
    }

    /// Reads a message.
    ///
    /// # Errors
    /// Those of the disk; [`io::ErrorKind::InvalidData`] where it is damaged.
    pub async fn read(&self, id: Uuid) -> Result<(Metadata, Bytes), QueueError> {
        if let Some(unread) = lock(&self.state).recall(&id) {
            return Ok(unread);
        }
        let find = || {
            let state = lock(&self.state);
            let entry = state.entries.get(&id)?;
            let Entry { log, at, .. } = *entry;
            Some((Place { log, at }, entry.length))
        };
        let mut found = find();
        loop {
            let (place, length) = found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
            let disk = Arc::clone(&self.disk);
            let read = blocking(move || read(&*disk, id, place, length)).await?;
            let now = find();
            match read {
                // It was appended anew meanwhile, and its old log file is gone or another log.
                Err(_) if now != found => found = now,
                read => return read.map_err(QueueError::Disk),
            }
        }
    }

    /// Notes that messages are done: they are forgotten.
    ///
    /// # Errors
    /// [`QueueError::Closed`].
    pub async fn done(&self, ids: Vec<Uuid>) -> Result<(), QueueError> {
        self.command(Command::Done(ids)).await
    }

    /// What waits, being worked on or not.
    #[must_use]
    pub fn size(&self) -> QueueSize {
        let state = lock(&self.state);
        QueueSize {
            messages: state.entries.len(),
            octets: state.octets,
            oldest_us: state.entries.values().map(|entry| entry.received_us).min(),
        }
    }

    /// Some of what waits, oldest first.
    #[must_use]
    pub fn waiting(&self, max: usize) -> Vec<Waiting> {
        let state = lock(&self.state);
        let mut all: Vec<_> = state.entries.iter().collect();
        all.sort_by_key(|(id, entry)| (entry.received_us, **id));
        let told = all.into_iter().take(max).map(|(id, entry)| Waiting {
            id: *id,
            octets: entry.octets,
            received_us: entry.received_us,
        });
        told.collect()
    }

    /// Closes it: what was put is answered, and the directory may be opened again.
    pub async fn close(&self) {
        lock(&self.commands).take();
        let thread = lock(&self.writer).take();
        if let Some(thread) = thread {
            let joined = blocking(move || thread.join().is_ok()).await;
            if !matches!(joined, Ok(true)) {
                tracing::error!("the writer of the incoming queue broke");
            }
        }
        self.disk.release();
    }
}

/// Reads a message where it lies.
fn read(disk: &dyn Disk, id: Uuid, place: Place, length: u64) -> io::Result<(Metadata, Bytes)> {
    let (metadata, octets) = format::read(&disk.read(place.log, place.at, length)?, place)?;
    let Some(own_file) = metadata.own_file else {
        return Ok((metadata, octets));
    };
    let octets = disk.read_own(id)?;
    match own_file == OwnFile::of(&octets) {
        true => Ok((metadata, octets.into())),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a damaged message in a file of its own",
        )),
    }
}

fn closed() -> QueueError {
    QueueError::Closed("it was closed".to_owned())
}

/// Does what waits for the disk where that may be waited for.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, QueueError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| QueueError::Closed(error.to_string()))
}
