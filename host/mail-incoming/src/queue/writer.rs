//! The thread that appends to log files: all that waits, with one sync.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::format::{self, Metadata, Place};
use super::{Disk, Entry, LogFile, QueueError, State, lock};

/// Commands that wait for the writer; who has more waits to say so.
pub(super) const WAITING_MAX: usize = 4_096;

/// Log files of messages that are done which are not worth moving what pins them.
const KEPT_LOGS: u64 = 4;

/// Octets that are written with one sync.
const BATCH_MAX_BYTES: usize = 8 << 20;

/// A message that is to be kept, durably.
pub(super) struct Put {
    pub(super) metadata: Metadata,
    pub(super) octets: Bytes,
    /// Of both.
    pub(super) record: Bytes,
    pub(super) told: oneshot::Sender<Result<(), QueueError>>,
}

/// What the writer is to do.
pub(super) enum Command {
    /// Keeps a message.
    Put(Box<Put>),
    /// Notes that some are done.
    Done(Vec<Uuid>),
}

/// A log file that is appended to.
struct Current {
    number: u64,
    file: Box<dyn LogFile>,
    length: u64,
}

/// Records that are appended as one.
struct Batch {
    start: Place,
    bytes: Vec<u8>,
}

impl Batch {
    /// Puts a record behind the others; where it lies then.
    fn push(&mut self, record: &[u8]) -> Place {
        let begin = self.bytes.len();
        let at = self.start.at + begin as u64;
        let place = Place { at, ..self.start };
        self.bytes.extend_from_slice(record);
        format::put_down(self.bytes.get_mut(begin..).unwrap_or_default(), place);
        place
    }
}

pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    log_octets: u64,
    next: u64,
    current: Option<Current>,
    /// The log file that could not be moved.
    stuck: Option<u64>,
}

pub(super) fn full_or_disk(error: io::Error) -> QueueError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => QueueError::Full,
        _ => QueueError::Disk(error),
    }
}

impl Writer {
    pub(super) fn new(disk: Arc<dyn Disk>, log_octets: u64, next: u64) -> Self {
        Self {
            disk,
            log_octets,
            next,
            current: None,
            stuck: None,
        }
    }

    /// Works until nobody commands any more.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>, state: &Mutex<State>) {
        while let Some(first) = commands.blocking_recv() {
            let mut bytes = size(&first);
            let mut batch = vec![first];
            while bytes < BATCH_MAX_BYTES
                && let Ok(command) = commands.try_recv()
            {
                bytes += size(&command);
                batch.push(command);
            }
            self.work(batch, state);
        }
    }

    fn work(&mut self, commands: Vec<Command>, state: &Mutex<State>) {
        let mut puts = Vec::new();
        let mut done = Vec::new();
        for command in commands {
            match command {
                Command::Put(put) => puts.push(*put),
                Command::Done(ids) => done.extend(ids),
            }
        }
        match self.write(&puts, &done) {
            Ok(entries) => self.kept(puts, entries, state),
            Err(error) => refuse(puts, &error),
        }
        // What is done is done, even where it cannot be noted: then it is delivered again, which changes nothing.
        self.forget(&done, state);
        self.tidy(state);
    }

    /// Appends messages and notes; where the messages lie then, in their order.
    fn write(&mut self, puts: &[Put], done: &[Uuid]) -> io::Result<Vec<Entry>> {
        let mut batch = self.batch()?;
        let mut entries = Vec::with_capacity(puts.len());
        for put in puts {
            let place = batch.push(&put.record);
            entries.push(Entry {
                log: place.log,
                at: place.at,
                length: put.record.len() as u64,
                octets: put.octets.len() as u64,
                received_us: put.metadata.received_us,
                has_own_file: put.metadata.own_file.is_some(),
            });
        }
        for id in done {
            batch.push(&format::done(*id)?);
        }
        self.append(&batch, !puts.is_empty())?;
        Ok(entries)
    }

    /// Nothing yet, at the end of the current log file.
    fn batch(&mut self) -> io::Result<Batch> {
        let current = match self.current.take() {
            Some(current) if current.length < self.log_octets => current,
            _ => self.begin()?,
        };
        let start = Place {
            log: current.number,
            at: current.length,
        };
        self.current = Some(current);
        let bytes = Vec::new();
        Ok(Batch { start, bytes })
    }

    /// Appends to the log file that the batch was begun for.
    fn append(&mut self, batch: &Batch, is_synced: bool) -> io::Result<()> {
        let Some(mut current) = self.current.take() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut written = current.file.append(&batch.bytes);
        if is_synced {
            written = written.and_then(|()| current.file.sync());
        }
        if let Err(error) = written {
            // It is not known what of it is there. What was not acknowledged must not come back: its client sends it again.
            match current.file.cut(current.length) {
                Ok(()) => self.current = Some(current),
                // Nothing more is written to that file.
                Err(cut) => {
                    tracing::error!(error = %cut, number = current.number, "cutting a log file back");
                }
            }
            return Err(error);
        }
        current.length += batch.bytes.len() as u64;
        self.current = Some(current);
        Ok(())
    }

    fn begin(&mut self) -> io::Result<Current> {
        let number = self.next;
        self.next += 1;
        Ok(Current {
            number,
            file: self.disk.create(number)?,
            length: 0,
        })
    }

    fn kept(&self, puts: Vec<Put>, entries: Vec<Entry>, state: &Mutex<State>) {
        let mut told = Vec::with_capacity(puts.len());
        {
            let mut state = lock(state);
            self.measure(&mut state);
            for (put, entry) in puts.into_iter().zip(entries) {
                let id = put.metadata.id;
                state.fresh.push_back(id);
                state.keep(id, entry);
                state.remember(put.metadata, put.octets, entry.octets_in_memory());
                told.push(put.told);
            }
        }
        for told in told {
            // Whoever waited may be gone: the message is kept all the same.
            let _ = told.send(Ok(()));
        }
    }

    /// Notes how long the current log file is.
    fn measure(&self, state: &mut State) {
        if let Some(current) = &self.current {
            state.logs.entry(current.number).or_default().length = current.length;
        }
    }

    fn forget(&self, done: &[Uuid], state: &Mutex<State>) {
        let owners: Vec<_> = {
            let mut state = lock(state);
            let with_own_file = |id: &&Uuid| state.forget(id).is_some_and(|it| it.has_own_file);
            done.iter().filter(with_own_file).collect()
        };
        for id in owners {
            if let Err(error) = self.disk.remove_own(*id) {
                tracing::warn!(%error, %id, "deleting a message of the incoming queue");
            }
        }
    }

    /// Deletes log files that nobody needs, oldest first; moves what is left in the oldest where it keeps too much.
    fn tidy(&mut self, state: &Mutex<State>) {
        loop {
            self.remove_oldest(state);
            let oldest = {
                let state = lock(state);
                let all = state.logs.values();
                let (length, live) = all.fold((0, 0), |(length, live), log| {
                    (length + log.length, live + log.live_length)
                });
                let is_too_much = length > 2 * live + KEPT_LOGS * self.log_octets;
                let oldest = state.logs.keys().next().copied();
                oldest.filter(|_| is_too_much)
            };
            let current = self.current.as_ref().map(|current| current.number);
            let Some(oldest) = oldest.filter(|it| Some(*it) != current && Some(*it) != self.stuck)
            else {
                return;
            };
            if let Err(error) = self.move_all(oldest, state) {
                tracing::warn!(%error, log = oldest, "moving messages of the incoming queue");
                self.stuck = Some(oldest);
                return;
            }
        }
    }

    fn remove_oldest(&self, state: &Mutex<State>) {
        let current = self.current.as_ref().map(|current| current.number);
        let mut state = lock(state);
        while let Some(oldest) = state.logs.first_entry()
            && oldest.get().live == 0
            && Some(*oldest.key()) != current
        {
            let log = *oldest.key();
            if let Err(error) = self.disk.remove(log) {
                tracing::warn!(%error, log, "deleting a log file of the incoming queue");
            }
            oldest.remove();
        }
    }

    /// Appends the messages of a log file anew.
    fn move_all(&mut self, log: u64, state: &Mutex<State>) -> io::Result<()> {
        let mut all: Vec<(Uuid, Entry)> = {
            let state = lock(state);
            let all = state.entries.iter().filter(|(_, entry)| entry.log == log);
            all.map(|(id, entry)| (*id, *entry)).collect()
        };
        all.sort_by_key(|(_, entry)| entry.at);
        while !all.is_empty() {
            let mut batch = self.batch()?;
            let mut moved = Vec::new();
            while batch.bytes.len() < BATCH_MAX_BYTES
                && let Some((id, entry)) = all.pop()
            {
                let record = self.disk.read(log, entry.at, entry.length)?;
                let (metadata, octets) = format::read(&record, Place { log, at: entry.at })?;
                let record = format::message(&metadata, &octets)?;
                let place = batch.push(&record);
                let length = record.len() as u64;
                moved.push((
                    id,
                    Entry {
                        log: place.log,
                        at: place.at,
                        length,
                        ..entry
                    },
                ));
            }
            self.append(&batch, true)?;
            let mut state = lock(state);
            self.measure(&mut state);
            for (id, entry) in moved {
                // Only this thread forgets any.
                if state.forget_place(&id).is_some() {
                    state.keep(id, entry);
                }
            }
        }
        Ok(())
    }
}

fn size(command: &Command) -> usize {
    match command {
        Command::Put(put) => put.record.len(),
        Command::Done(ids) => ids.len() * (format::HEADER_BYTES + 16),
    }
}

fn refuse(puts: Vec<Put>, error: &io::Error) {
    tracing::error!(%error, "writing the incoming queue");
    for put in puts {
        let same = io::Error::new(error.kind(), error.to_string());
        let _ = put.told.send(Err(full_or_disk(same)));
    }
}
