//! The thread that appends to log files: all that waits, with one sync.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{Disk, Entry, LogFile, QueueError, State, format, lock};

/// Commands that wait for the writer; who has more waits to say so.
pub(super) const WAITING_MAX: usize = 4_096;

/// Log files of messages that are done which are not worth moving what pins them.
const KEPT_LOGS: u64 = 4;

/// Octets that are written with one sync.
const BATCH_MAX_BYTES: usize = 8 << 20;

/// What the writer is to do.
pub(super) enum Command {
    /// Keeps a message, durably.
    Put {
        id: Uuid,
        record: Bytes,
        octets: u64,
        received_us: u64,
        told: oneshot::Sender<Result<(), QueueError>>,
    },
    /// Notes that one is done.
    Done { id: Uuid },
}

/// A message that was written and not synced.
struct Written {
    id: Uuid,
    entry: Entry,
    told: oneshot::Sender<Result<(), QueueError>>,
}

/// A log file that is appended to.
struct Current {
    number: u64,
    file: Box<dyn LogFile>,
    length: u64,
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

    fn work(&mut self, batch: Vec<Command>, state: &Mutex<State>) {
        let mut buffer = Vec::with_capacity(batch.iter().map(size).sum());
        let mut puts = Vec::new();
        let mut done = Vec::new();
        for command in batch {
            match command {
                Command::Put {
                    id,
                    record,
                    octets,
                    received_us,
                    told,
                } => {
                    let entry = Entry {
                        log: 0,
                        at: buffer.len() as u64,
                        length: record.len() as u64,
                        octets,
                        received_us,
                    };
                    buffer.extend_from_slice(&record);
                    puts.push(Written { id, entry, told });
                }
                Command::Done { id } => {
                    if let Ok(record) = format::done(id) {
                        buffer.extend_from_slice(&record);
                    }
                    done.push(id);
                }
            }
        }
        match self.append(&buffer, !puts.is_empty()) {
            Ok((log, start)) => self.kept(puts, log, start, state),
            Err(error) => refuse(puts, &error),
        }
        // What is done is done, even where it cannot be noted: then it is delivered again, which changes nothing.
        self.forget(&done, state);
        self.tidy(state);
    }

    /// Appends to the current log file; its number, and where.
    fn append(&mut self, bytes: &[u8], is_synced: bool) -> io::Result<(u64, u64)> {
        let mut current = match self.current.take() {
            Some(current) if current.length < self.log_octets => current,
            _ => self.begin()?,
        };
        let (number, start) = (current.number, current.length);
        let mut written = current.file.append(bytes);
        if is_synced {
            written = written.and_then(|()| current.file.sync());
        }
        if let Err(error) = written {
            // It is not known what of it is there. What was not acknowledged must not come back: its client sends it again.
            match current.file.cut(start) {
                Ok(()) => self.current = Some(current),
                // Nothing more is written to that file.
                Err(cut) => tracing::error!(error = %cut, number, "cutting a log file back"),
            }
            return Err(error);
        }
        current.length += bytes.len() as u64;
        self.current = Some(current);
        Ok((number, start))
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

    fn kept(&self, puts: Vec<Written>, log: u64, start: u64, state: &Mutex<State>) {
        let mut told = Vec::with_capacity(puts.len());
        {
            let mut state = lock(state);
            self.measure(&mut state);
            for put in puts {
                let entry = Entry {
                    log,
                    at: start + put.entry.at,
                    ..put.entry
                };
                state.fresh.push_back(put.id);
                state.keep(put.id, entry);
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
        {
            let mut state = lock(state);
            for id in done {
                state.forget(id);
            }
        }
        for id in done {
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
            all.map(|(id, entry)| (*id, entry.clone())).collect()
        };
        all.sort_by_key(|(_, entry)| entry.at);
        while !all.is_empty() {
            let mut buffer = Vec::new();
            let mut moved = Vec::new();
            while buffer.len() < BATCH_MAX_BYTES
                && let Some((id, entry)) = all.pop()
            {
                let at = buffer.len() as u64;
                buffer.extend_from_slice(&self.disk.read(log, entry.at, entry.length)?);
                moved.push((id, Entry { at, ..entry }));
            }
            let (number, start) = self.append(&buffer, true)?;
            let mut state = lock(state);
            self.measure(&mut state);
            for (id, entry) in moved {
                // Only this thread forgets any.
                if state.forget(&id).is_some() {
                    let at = start + entry.at;
                    state.keep(
                        id,
                        Entry {
                            log: number,
                            at,
                            ..entry
                        },
                    );
                }
            }
        }
        Ok(())
    }
}

fn size(command: &Command) -> usize {
    match command {
        Command::Put { record, .. } => record.len(),
        Command::Done { .. } => format::HEADER_BYTES + 16,
    }
}

fn refuse(puts: Vec<Written>, error: &io::Error) {
    tracing::error!(%error, "writing the incoming queue");
    for put in puts {
        let same = io::Error::new(error.kind(), error.to_string());
        let _ = put.told.send(Err(full_or_disk(same)));
    }
}
