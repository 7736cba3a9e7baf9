//! Forgetting what is over its time.

use std::sync::Arc;
use std::time::Duration;

use super::PAUSE;
use crate::service::Mail;

/// How often it is looked for what can go. Nothing waits for it.
const EVERY: Duration = Duration::from_secs(300);
/// Things forgotten in one transaction: a few milliseconds.
const BATCH: usize = 500;

pub(super) async fn run(mail: Arc<Mail>) {
    loop {
        let wait = match mail.store.sweep(mail.now_us(), BATCH).await {
            Ok(0) => EVERY,
            // Others write meanwhile.
            Ok(_) => PAUSE,
            Err(error) => {
                tracing::warn!(%error, "forgetting what is over its time");
                EVERY
            }
        };
        tokio::time::sleep(wait).await;
    }
}
