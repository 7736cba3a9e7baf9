//! Handing mails on from the store's outbox.

use std::sync::Arc;

use super::{LONGEST_WAIT, MailOutbox};
use crate::error::Error;
use crate::service::Booking;

/// Mails read at once.
const BATCH: usize = 64;

pub(super) async fn run(booking: Arc<Booking>, outbox: Arc<dyn MailOutbox>) {
    loop {
        let rings = booking.bells.mails.notified();
        match hand_on(&booking, outbox.as_ref()).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the outbox"),
        }
        tokio::select! {
            () = tokio::time::sleep(LONGEST_WAIT) => {}
            () = rings => {}
        }
    }
}

/// Hands a batch on; whether there may be more.
async fn hand_on(booking: &Booking, outbox: &dyn MailOutbox) -> Result<bool, Error> {
    let mails = booking.store.outbox(BATCH).await?;
    let full = mails.len() == BATCH;
    for queued in mails {
        if let Err(error) = outbox.send(&queued).await {
            // The oldest first: those after it wait for it.
            tracing::warn!(mail = %queued.mail.id, error, "the mail service did not take a mail");
            return Ok(false);
        }
        booking
            .store
            .mail_sent(queued.hotel, queued.mail.id)
            .await?;
    }
    Ok(full)
}
