//! Health, what is over its time, and the end.

use concierge_sqlite::WriteTx;

use super::sending::sweep_sending;
use super::{Database, SqliteStore};
use crate::error::Error;
use crate::types::TimeUs;

impl SqliteStore {
    fn databases(&self) -> impl Iterator<Item = &Database> {
        std::iter::once(&self.directory).chain(&self.shards)
    }

    /// Whether it takes writes; else what is wrong.
    ///
    /// # Errors
    /// For people.
    pub fn health(&self) -> Result<(), String> {
        let stopped = self
            .databases()
            .filter(|database| database.writer.status().stopped)
            .count();
        match stopped {
            0 => Ok(()),
            count => Err(format!(
                "{count} of the mail's files take no more writes: a commit failed"
            )),
        }
    }

    /// Forgets things that are over their time, at most `max` of each kind in each shard; how many.
    ///
    /// # Errors
    /// The store's.
    pub async fn sweep(&self, now_us: TimeUs, max: usize) -> Result<usize, Error> {
        let mut swept = 0;
        for shard in &self.shards {
            let sweep = move |tx: &WriteTx<'_>| sweep_sending(tx, now_us, max);
            swept += shard.writer.write("sweep", sweep).await?;
        }
        Ok(swept)
    }

    /// Waits until what was accepted is durable, and takes no more. Blocks.
    pub fn close(&self) {
        for database in self.databases() {
            database.writer.close();
        }
    }
}
