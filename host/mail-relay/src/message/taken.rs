//! What came of a message: a little of it in memory, a lot of it in a file.

use std::io;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::IN_MEMORY_MAX_BYTES;

/// All of a message.
pub(super) enum Content {
    Memory(Bytes),
    File(File),
}

/// What came so far.
pub(super) struct Taken<'a> {
    spool: &'a Path,
    memory: BytesMut,
    file: Option<File>,
    size_bytes: u64,
    is_eight_bit: bool,
}

impl<'a> Taken<'a> {
    /// Files lie in this directory.
    pub(super) fn new(spool: &'a Path) -> Self {
        Self {
            spool,
            memory: BytesMut::new(),
            file: None,
            size_bytes: 0,
            is_eight_bit: false,
        }
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Whether there was an octet above 127.
    pub(super) fn is_eight_bit(&self) -> bool {
        self.is_eight_bit
    }

    pub(super) async fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        self.size_bytes += piece.len() as u64;
        self.is_eight_bit |= !piece.is_ascii();
        self.memory.extend_from_slice(piece);
        match self.memory.len() > IN_MEMORY_MAX_BYTES {
            true => self.spill().await,
            false => Ok(()),
        }
    }

    async fn spill(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(nameless(self.spool).await?);
        }
        if let Some(file) = &mut self.file {
            file.write_all(&self.memory).await?;
        }
        self.memory.clear();
        Ok(())
    }

    pub(super) async fn finish(mut self) -> io::Result<Content> {
        if self.file.is_some() {
            self.spill().await?;
        }
        match self.file {
            None => Ok(Content::Memory(self.memory.freeze())),
            Some(mut file) => {
                file.flush().await?;
                Ok(Content::File(file))
            }
        }
    }
}

/// A file that is gone when it is closed.
async fn nameless(directory: &Path) -> io::Result<File> {
    let directory = directory.to_owned();
    let made = tokio::task::spawn_blocking(move || tempfile::tempfile_in(directory));
    Ok(File::from_std(made.await.map_err(io::Error::other)??))
}
