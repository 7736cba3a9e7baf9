//! The writer of one large record on a local node.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    error::NodeError,
    extents::{BlockChecksums, Commit, CommitQueue, Region, write_payload},
    packed::closed,
    shared::Shared,
};

/// Bytes gathered before they go to a blocking thread: enough that the hop costs little beside the copy, and
/// with one such piece on its way and one gathering, half a MiB of memory a writer.
const PIECE_BYTES: usize = 256 * 1024;

/// What moves to the blocking thread and back.
struct Progress {
    region: Region,
    checksums: BlockChecksums,
    written: u64,
}

impl Progress {
    /// Blocks.
    fn write(mut self: Box<Self>, parts: &[Bytes]) -> Result<Box<Self>, NodeError> {
        write_payload(&self.region, self.written, parts)
            .map_err(|error| NodeError::from_io(&error))?;
        self.add(parts);
        Ok(self)
    }

    fn add(&mut self, parts: &[Bytes]) {
        for part in parts {
            self.checksums.update(part);
            self.written += part.len() as u64;
        }
    }
}

enum State {
    Idle(Box<Progress>),
    Writing(JoinHandle<Result<Box<Progress>, NodeError>>),
    Failed(NodeError),
}

/// Writes one record into its reserved region. Dropping it gives the region up.
pub(crate) struct LocalWriter {
    shared: Arc<Shared>,
    commits: CommitQueue,
    state: State,
    capacity: u64,
    accepted: u64,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
}

impl LocalWriter {
    pub fn new(shared: Arc<Shared>, commits: CommitQueue, region: Region) -> Self {
        let capacity = region.capacity;
        let progress = Box::new(Progress {
            region,
            checksums: BlockChecksums::default(),
            written: 0,
        });
        Self {
            shared,
            commits,
            state: State::Idle(progress),
            capacity,
            accepted: 0,
            gathered: Vec::new(),
            gathered_bytes: 0,
        }
    }

    pub async fn write(&mut self, bytes: Bytes) -> Result<(), NodeError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        if bytes.len() as u64 > self.capacity - self.accepted {
            return Err(NodeError::TooLarge {
                limit_bytes: self.capacity,
            });
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.accepted += bytes.len() as u64;
        self.gathered_bytes += bytes.len();
        self.gathered.push(bytes);
        if self.gathered_bytes < PIECE_BYTES {
            return Ok(());
        }
        self.shared.check_writable()?;
        let progress = self.idle().await?;
        let parts = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        self.state = State::Writing(tokio::task::spawn_blocking(move || progress.write(&parts)));
        Ok(())
    }

    /// Waits for the piece on its way. Cancel-safe: the state is taken only when it is there.
    async fn idle(&mut self) -> Result<Box<Progress>, NodeError> {
        if let State::Writing(task) = &mut self.state {
            let outcome = task.await.unwrap_or_else(|_| Err(closed()));
            self.state = outcome.map_or_else(State::Failed, State::Idle);
        }
        match std::mem::replace(&mut self.state, State::Failed(closed())) {
            State::Idle(progress) => Ok(progress),
            State::Failed(error) => {
                self.state = State::Failed(error.clone());
                Err(error)
            }
            State::Writing(_) => Err(closed()),
        }
    }

    pub async fn finish(mut self) -> Result<(), NodeError> {
        let mut progress = self.idle().await?;
        let rest = std::mem::take(&mut self.gathered);
        let rest_at = progress.written;
        progress.add(&rest);
        let (reply, answer) = oneshot::channel();
        self.commits.submit(Commit {
            rest,
            rest_at,
            length: progress.written,
            block_crcs: progress.checksums.finish(),
            region: progress.region,
            copy_of: None,
            reply,
        })?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}
