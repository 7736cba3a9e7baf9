//! Health, what is over its time, and the end.

use concierge_sqlite::WriteTx;

use super::blobs::sweep_blobs;
use super::emails::sweep_emails;
use super::log::sweep_log;
use super::sending::sweep_sending;
use super::{Database, SqliteStore};
use crate::store::{Answer, Store};
use crate::types::TimeUs;

impl SqliteStore {
    fn databases(&self) -> impl Iterator<Item = &Database> {
        std::iter::once(&self.directory).chain(&self.shards)
    }
}

impl Store for SqliteStore {
    fn health(&self) -> Result<(), String> {
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

    fn sweep(&self, now_us: TimeUs, max: usize) -> Answer<'_, usize> {
        Box::pin(async move {
            let mut swept = 0;
            for shard in &self.shards {
                let sweep = move |tx: &WriteTx<'_>| {
                    Ok(sweep_emails(tx, now_us, max)?
                        + sweep_sending(tx, now_us, max)?
                        + sweep_blobs(tx, now_us, max)?
                        + sweep_log(tx, now_us, max)?)
                };
                swept += shard.writer.write("sweep", sweep).await?;
            }
            Ok(swept)
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async {
            for database in self.databases() {
                database.writer.close();
            }
            Ok(())
        })
    }
}
