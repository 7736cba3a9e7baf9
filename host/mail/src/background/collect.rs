//! Deleting the bytes of blobs that nothing refers to.

use std::sync::Arc;
use std::time::Duration;

use super::PAUSE;
use crate::error::Error;
use crate::service::Mail;

/// How often it is looked for what can go. Nothing waits for it.
const EVERY: Duration = Duration::from_secs(60);
/// Blobs at once.
const BATCH: usize = 256;

pub(super) async fn run(mail: Arc<Mail>) {
    loop {
        let wait = match mail.collect(BATCH).await {
            Ok(BATCH) => Duration::ZERO,
            Ok(_) => EVERY,
            Err(error) => {
                tracing::warn!(%error, "collecting blobs");
                PAUSE.max(EVERY)
            }
        };
        tokio::time::sleep(wait).await;
    }
}

impl Mail {
    /// Deletes the bytes of some blobs that nothing refers to; how many went. The store forgets each when its bytes are
    /// gone: after a crash between the two it is deleted again.
    pub(crate) async fn collect(&self, max: usize) -> Result<usize, Error> {
        let keys = self.store.collect_blobs(self.now_us(), max).await?;
        let mut gone = 0;
        for key in keys {
            match self.contents.delete(key).await {
                Ok(()) => {
                    self.store.blob_deleted(key).await?;
                    gone += 1;
                }
                Err(error) => tracing::warn!(%error, blob = key.name(), "deleting a blob"),
            }
        }
        metrics::counter!("concierge_mail_blobs_collected_total").increment(gone as u64);
        Ok(gone)
    }
}
