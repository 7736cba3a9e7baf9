//! Messages while they come: in memory as long as they are small, else in a file without a name.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use concierge_smtp::server::{Accepted, Answer, Connection, Envelope, Incoming, Service};
use concierge_smtp::{EnhancedCode, Reply};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::sync::OwnedSemaphorePermit;

use crate::handler::fault;
use crate::queue::{QueueError, Room};
use crate::{IncomingMail, Shared};

/// What is kept in memory: most messages without attachments.
const IN_MEMORY_MAX_BYTES: usize = 256 << 10;

/// A message that is whole and in memory, and the room that it takes there.
pub(crate) struct Whole {
    pub(crate) connection: Connection,
    pub(crate) envelope: Envelope,
    pub(crate) bytes: Bytes,
    _memory_room: OwnedSemaphorePermit,
    _queue_room: Room,
}

/// A message that comes.
struct Intake {
    shared: Arc<Shared>,
    connection: Connection,
    envelope: Envelope,
    memory: BytesMut,
    /// Of what is in memory.
    memory_room: Option<OwnedSemaphorePermit>,
    file: Option<File>,
    octets: u64,
    queue_room: Room,
}

/// 452: RFC 5321 §4.2.3.
pub(crate) fn no_room(error: QueueError) -> Reply {
    match error {
        QueueError::Full => {
            let why = "there is no room for this message now";
            Reply::new(452, EnhancedCode(4, 3, 1), why)
        }
        error => fault("the incoming queue", &error),
    }
}

fn disk(error: io::Error) -> Reply {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => no_room(QueueError::Full),
        _ => fault("spooling a message", &error),
    }
}

impl IncomingMail {
    pub(crate) async fn take_message(
        &self,
        connection: &Connection,
        envelope: Envelope,
    ) -> Result<Box<dyn Incoming>, Reply> {
        let octets = envelope.sender.size_bytes.unwrap_or(0);
        let queue_room = self.shared.queue.room(octets).map_err(no_room)?;
        Ok(Box::new(Intake {
            shared: Arc::clone(&self.shared),
            connection: connection.clone(),
            envelope,
            memory: BytesMut::new(),
            memory_room: None,
            file: None,
            octets: 0,
            queue_room,
        }))
    }
}

impl Intake {
    async fn push(&mut self, bytes: Bytes) -> Result<(), Reply> {
        self.octets += bytes.len() as u64;
        self.memory.extend_from_slice(&bytes);
        if self.memory.len() > IN_MEMORY_MAX_BYTES || !self.has_memory_room() {
            self.spill().await.map_err(disk)?;
        }
        Ok(())
    }

    /// Whether what is in memory may stay there, beside that of all others.
    fn has_memory_room(&mut self) -> bool {
        let needed = self.memory.len().div_ceil(1024);
        let held = self.memory_room.as_ref();
        let missing = needed.saturating_sub(held.map_or(0, OwnedSemaphorePermit::num_permits));
        let Ok(missing) = u32::try_from(missing) else {
            return false;
        };
        let coming = Arc::clone(&self.shared.coming_memory);
        let Ok(more) = coming.try_acquire_many_owned(missing) else {
            return false;
        };
        match &mut self.memory_room {
            Some(room) => room.merge(more),
            none => *none = Some(more),
        }
        true
    }

    async fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let directory = self.shared.options.directory.clone();
                let made = move || tempfile::tempfile_in(directory);
                let made = tokio::task::spawn_blocking(made).await;
                none.insert(File::from_std(made.map_err(io::Error::other)??))
            }
        };
        file.write_all(&self.memory).await?;
        self.memory = BytesMut::new();
        self.memory_room = None;
        Ok(())
    }

    /// All of it in memory, once there is room for it.
    async fn whole(mut self) -> Result<Whole, Reply> {
        let kib = u32::try_from(self.octets / 1024 + 1).unwrap_or(u32::MAX);
        let memory = Arc::clone(&self.shared.memory);
        let room = memory.acquire_many_owned(kib).await;
        let room = room.map_err(|error| fault("room for a message", &error))?;
        let bytes = match self.file.take() {
            None => self.memory.freeze(),
            Some(file) => read(file, self.octets, &self.memory).await.map_err(disk)?,
        };
        Ok(Whole {
            connection: self.connection,
            envelope: self.envelope,
            bytes,
            _memory_room: room,
            _queue_room: self.queue_room,
        })
    }
}

/// What was spilled, and what is behind it.
async fn read(mut file: File, octets: u64, rest: &[u8]) -> io::Result<Bytes> {
    file.flush().await?;
    file.rewind().await?;
    let mut bytes = Vec::with_capacity(usize::try_from(octets).unwrap_or(0));
    file.read_to_end(&mut bytes).await?;
    bytes.extend_from_slice(rest);
    Ok(bytes.into())
}

impl Incoming for Intake {
    fn write(&mut self, bytes: Bytes) -> Answer<'_, Result<(), Reply>> {
        Box::pin(self.push(bytes))
    }

    fn finish(self: Box<Self>) -> Answer<'static, Result<Accepted, Reply>> {
        let shared = Arc::clone(&self.shared);
        let service = self.connection.service;
        Box::pin(async move {
            let whole = self.whole().await?;
            match service {
                Service::Exchange => shared.keep(whole).await,
                Service::Submission | Service::Submissions => shared.submit(whole).await,
            }
        })
    }
}
