//! Telling senders what became of their messages (RFC 3461, RFC 3464).
//!
//! Invariant: nothing is told to the null path, so that no report is answered by another (RFC 5321 §6.1); each is told
//! once, under an id made of the submission, its time, the recipient and what is told.

mod text;

use bytes::Bytes;
use futures::TryStreamExt;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::service::{Delivery, DeliveryRequest, Mail};
use crate::spool::Spooled;
use crate::store::{NewSubmission, Queued};
use crate::types::{Delivered, Envelope, Path, SubmissionId, TimeUs};

use super::Relayed;
use super::queue::QueueOptions;
use text::{Original, Report};

/// The most of a message that a report has whole; of a larger one it has the headers.
const WHOLE_MAX_BYTES: usize = 1 << 20;
/// The most of its headers that a report has.
const HEADERS_MAX_BYTES: usize = 64 << 10;

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// It did not arrive and will not.
    Failed,
    /// It did not arrive in all the time that was tried.
    Expired,
    /// It did not arrive yet.
    Delayed {
        /// It is tried until then.
        until_us: TimeUs,
    },
    /// It arrived.
    Delivered,
    /// A server has it that does not tell.
    Relayed,
}

impl Action {
    /// What happened to an entry, of which a sender may want to be told.
    pub(super) fn of(
        queued: &Queued,
        relayed: &Relayed,
        delivered: Delivered,
        options: &QueueOptions,
        now_us: TimeUs,
    ) -> Option<Self> {
        let late_us = queued.since_us.saturating_add(options.tell_delay_after_us);
        match delivered {
            Delivered::No if relayed.delivered == Delivered::Queued => Some(Self::Expired),
            Delivered::No => Some(Self::Failed),
            Delivered::Queued if now_us >= late_us => Some(Self::Delayed {
                until_us: queued.since_us.saturating_add(options.give_up_after_us),
            }),
            Delivered::Yes => Some(Self::Delivered),
            Delivered::Unknown if !relayed.tells => Some(Self::Relayed),
            Delivered::Queued | Delivered::Unknown => None,
        }
    }

    /// The word for it in NOTIFY (RFC 3461 §4.1).
    fn notify(self) -> &'static str {
        match self {
            Self::Failed | Self::Expired => "FAILURE",
            Self::Delayed { .. } => "DELAY",
            Self::Delivered | Self::Relayed => "SUCCESS",
        }
    }

    /// Whether the sender is to be told. Who did not say so is told of failures (RFC 3461 §5.2.6).
    fn is_told(self, notify: Option<&str>) -> bool {
        let word = self.notify();
        match notify {
            None => word == "FAILURE",
            Some(words) => words
                .split(',')
                .any(|asked| asked.trim().eq_ignore_ascii_case(word)),
        }
    }
}

/// The value of a parameter of a path.
fn parameter<'a>(path: &'a Path, name: &str) -> Option<&'a str> {
    let mut parameters = path.parameters.iter();
    let found = parameters.find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.and_then(|(_, value)| value.as_deref())
}

impl Mail {
    /// Tells the sender what became of an entry, if they are to be told.
    pub(super) async fn tell_sender(
        &self,
        queued: &Queued,
        relayed: &Relayed,
        action: Action,
        now_us: TimeUs,
    ) -> Result<(), Error> {
        let sender = &queued.mail_from.email;
        if sender.is_empty() || !action.is_told(parameter(&queued.recipient, "NOTIFY")) {
            return Ok(());
        }
        let original = self.original(queued).await;
        self.tell(queued, relayed, action, original, now_us).await
    }

    /// Tells the sender of a message whose octets are at hand that it arrived or did not, if they are to be told.
    pub(crate) async fn tell_at_hand(
        &self,
        queued: &Queued,
        relayed: &Relayed,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let action = match relayed.delivered {
            Delivered::Yes => Action::Delivered,
            Delivered::No | Delivered::Queued | Delivered::Unknown => Action::Failed,
        };
        let is_told = action.is_told(parameter(&queued.recipient, "NOTIFY"));
        if queued.mail_from.email.is_empty() || !is_told {
            return Ok(());
        }
        let original = match is_whole(queued) && bytes.len() <= WHOLE_MAX_BYTES {
            true => Original::Whole(bytes.to_vec()),
            false => Original::headers(bytes, HEADERS_MAX_BYTES),
        };
        self.tell(queued, relayed, action, original, self.now_us())
            .await
    }

    async fn tell(
        &self,
        queued: &Queued,
        relayed: &Relayed,
        action: Action,
        original: Original,
        now_us: TimeUs,
    ) -> Result<(), Error> {
        let sender = &queued.mail_from.email;
        let report = Report {
            host_name: self.host_name(),
            queued,
            relayed,
            action,
            now_us,
        };
        let id = id(queued, action);
        let bytes = report.write(&id, &original);
        metrics::counter!("concierge_mail_reports_total", "action" => report.word()).increment(1);
        // The way back of mail that was sent on leads out again.
        let is_sent_on = self.redirect("", sender).is_some();
        match !is_sent_on && self.is_local(sender).await? {
            true => self.deliver_report(sender, id, bytes.into()).await,
            false => self.send_report(queued, id, bytes.into(), now_us).await,
        }
    }

    async fn deliver_report(&self, sender: &str, id: String, bytes: Bytes) -> Result<(), Error> {
        let delivery = self.deliver(DeliveryRequest {
            recipient: sender.to_owned(),
            mail_from: String::new(),
            delivery: id,
            bytes,
            role: None,
        });
        match Box::pin(delivery).await? {
            Delivery::Delivered(_) | Delivery::Before => {}
            lost @ (Delivery::UnknownRecipient | Delivery::OverQuota | Delivery::NoMessage) => {
                // There is nobody to tell of it (RFC 5321 §6.1).
                tracing::warn!(?lost, "a report of what became of a message");
            }
        }
        Ok(())
    }

    async fn send_report(
        &self,
        queued: &Queued,
        id: String,
        bytes: Bytes,
        now_us: TimeUs,
    ) -> Result<(), Error> {
        let spooled = Spooled::of(bytes);
        let blob = spooled.hash;
        self.contents.keep(queued.account, spooled).await?;
        let path = |email: String| Path {
            email,
            parameters: Vec::new(),
        };
        let submission = NewSubmission {
            id: SubmissionId::generate(),
            account: queued.account,
            email: None,
            blob,
            envelope: Envelope {
                mail_from: path(String::new()),
                rcpt_to: vec![path(queued.mail_from.email.clone())],
            },
            send_at_us: now_us,
            category: queued.category,
            idempotency_key: Some(id),
            now_us,
        };
        if let Err(refusal) = self.store.submit(submission).await? {
            tracing::warn!(?refusal, "a report of what became of a message");
        }
        self.bells.queue.notify_one();
        Ok(())
    }

    /// What the report has of the message. That it cannot be read keeps nobody from telling what became of it.
    async fn original(&self, queued: &Queued) -> Original {
        let is_whole = is_whole(queued);
        let max_bytes = if is_whole {
            WHOLE_MAX_BYTES
        } else {
            HEADERS_MAX_BYTES
        };
        match self.beginning(queued, max_bytes + 1).await {
            Ok(bytes) if is_whole && bytes.len() <= max_bytes => Original::Whole(bytes),
            Ok(bytes) => Original::headers(&bytes, HEADERS_MAX_BYTES),
            Err(error) => {
                tracing::warn!(%error, id = %queued.id, "reading a message for a report of it");
                Original::Headers(Vec::new())
            }
        }
    }

    async fn beginning(&self, queued: &Queued, max_bytes: usize) -> Result<Vec<u8>, Error> {
        let mut stream = self.contents.stream(queued.blob).await?;
        let mut bytes = Vec::new();
        while bytes.len() < max_bytes
            && let Some(piece) = stream.try_next().await.map_err(crate::service::disk)?
        {
            bytes.extend_from_slice(&piece);
        }
        bytes.truncate(max_bytes);
        Ok(bytes)
    }
}

/// Whether the sender wants all of the message in a report (RFC 3461 §4.3).
fn is_whole(queued: &Queued) -> bool {
    let ret = parameter(&queued.mail_from, "RET").unwrap_or_default();
    ret.eq_ignore_ascii_case("FULL")
}

/// The id of a report: the same whenever the same is told of the same entry, and another when it was tried anew.
fn id(queued: &Queued, action: Action) -> String {
    let recipient = Sha256::digest(queued.recipient.email.as_bytes());
    let recipient: String = hex::encode(recipient).chars().take(16).collect();
    let what = action.notify().to_ascii_lowercase();
    format!("{what}-{}-{}-{recipient}", queued.id, queued.since_us)
}
