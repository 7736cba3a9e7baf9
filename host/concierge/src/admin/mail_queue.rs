//! What administration does with the outgoing queue, and its answers.

use std::collections::HashMap;

use concierge_identity::{AccountName, AccountSelector, Clock as _, SystemClock};
use concierge_mail::store::{QueueEntry, QueueFilter, QueueState};
use concierge_mail::types::{SubmissionId, TimeUs};
use serde::{Deserialize, Serialize};

use super::run::{Answer, answer};
use super::{Admin, AdminError, ErrorCode};

/// Entries that are shown at once.
const SHOWN_MAX: usize = 10_000;

/// The outgoing queue.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailQueue {
    /// Oldest first, at most 10,000.
    pub entries: Vec<QueuedMail>,
    /// Entries that wait, all of them.
    pub waiting: u64,
    /// Entries that were given up, all of them.
    pub failed: u64,
}

/// A message to one recipient.
#[derive(Debug, Serialize, Deserialize)]
pub struct QueuedMail {
    /// Of which submission.
    pub id: String,
    /// Whose; the id where the account is gone.
    pub account: String,
    /// From the envelope.
    pub mail_from: String,
    /// To whom.
    pub recipient: String,
    /// Where it stands.
    pub state: QueuedState,
    /// When it is tried next, or until when it is being tried at most, or when it was given up; microseconds since the
    /// Unix epoch.
    pub at_us: TimeUs,
    /// When it was handed over, microseconds since the Unix epoch.
    pub since_us: TimeUs,
    /// How often it was tried.
    pub tries: u32,
    /// The last answer of SMTP about it.
    pub smtp_reply: String,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueuedState {
    /// It is to be sent.
    Waiting,
    /// It is being sent.
    Sending,
    /// It was given up.
    Failed,
}

/// What is to be done with entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueAction {
    /// They are tried now.
    Retry,
    /// They are not sent any more.
    Drop,
}

/// What is to be done with entries of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueChange {
    /// For which recipient; for all unless it is said.
    #[serde(default)]
    pub recipient: Option<String>,
    /// What.
    pub action: QueueAction,
}

/// How many entries were changed.
#[derive(Debug, Serialize, Deserialize)]
pub struct QueueChanged {
    /// So many.
    pub changed: u64,
}

impl Admin {
    /// What waits to be sent, or was given up.
    pub(super) async fn list_mail_queue(&self, account: Option<&AccountSelector>) -> Answer {
        let account = account
            .map(|account| self.identity.account(account))
            .transpose()?;
        let store = self.mail()?.store();
        let filter = QueueFilter {
            account: account.map(|account| account.id),
            ..QueueFilter::default()
        };
        let entries = store.queue(filter, SHOWN_MAX).await?;
        self.queue_answer(entries).await
    }

    /// What waits or was given up of one submission.
    pub(super) async fn show_queued_mail(&self, account: &AccountSelector, id: &str) -> Answer {
        let (filter, _) = self.of_submission(account, id)?;
        let entries = self.mail()?.store().queue(filter, SHOWN_MAX).await?;
        if entries.is_empty() {
            return Err(no_such_message());
        }
        self.queue_answer(entries).await
    }

    fn of_submission(
        &self,
        account: &AccountSelector,
        id: &str,
    ) -> Result<(QueueFilter, SubmissionId), AdminError> {
        let account = self.identity.account(account)?.id;
        let none = |_| AdminError::invalid(format!("{id:?} is not the id of a message"));
        let id = id.parse::<SubmissionId>().map_err(none)?;
        let filter = QueueFilter {
            account: Some(account),
            submission: Some(id),
            ..QueueFilter::default()
        };
        Ok((filter, id))
    }

    async fn queue_answer(&self, entries: Vec<QueueEntry>) -> Answer {
        let size = self.mail()?.store().queue_size().await?;
        let accounts = self.identity.accounts().into_iter();
        let names: HashMap<_, AccountName> =
            accounts.map(|account| (account.id, account.name)).collect();
        let name = |entry: &QueueEntry| match names.get(&entry.account) {
            Some(name) => name.to_string(),
            None => entry.account.to_string(),
        };
        answer(&MailQueue {
            entries: entries
                .into_iter()
                .map(|entry| view(name(&entry), entry))
                .collect(),
            waiting: size.waiting,
            failed: size.failed,
        })
    }

    /// Has entries of a submission tried again, or dropped.
    pub(super) async fn change_mail_queue(
        &self,
        account: &AccountSelector,
        id: &str,
        change: QueueChange,
    ) -> Answer {
        let (filter, id) = self.of_submission(account, id)?;
        let account = self.identity.account(account)?.id;
        let store = self.mail()?.store();
        let is_meant = |entry: &QueueEntry| match &change.recipient {
            Some(recipient) => recipient.eq_ignore_ascii_case(&entry.recipient.email),
            None => true,
        };
        let mut entries = store.queue(filter, SHOWN_MAX).await?;
        entries.retain(is_meant);
        if entries.is_empty() {
            return Err(no_such_message());
        }
        let changed = entries.len() as u64;
        for entry in entries {
            let (recipient, now_us) = (entry.recipient.email, SystemClock.now_us());
            match change.action {
                QueueAction::Retry => store.retry_queued(account, id, recipient, now_us).await?,
                QueueAction::Drop => store.drop_queued(account, id, recipient, now_us).await?,
            }
        }
        self.mail()?.ring_queue();
        answer(&QueueChanged { changed })
    }
}

fn no_such_message() -> AdminError {
    let message = "there is no such message in the queue";
    AdminError::new(ErrorCode::NotFound, message)
}

fn view(account: String, entry: QueueEntry) -> QueuedMail {
    let (state, at_us) = match entry.state {
        QueueState::Waiting { due_us } => (QueuedState::Waiting, due_us),
        QueueState::Taken { lease_until_us } => (QueuedState::Sending, lease_until_us),
        QueueState::Failed { failed_us } => (QueuedState::Failed, failed_us),
    };
    QueuedMail {
        id: entry.id.to_string(),
        account,
        mail_from: entry.mail_from.email,
        recipient: entry.recipient.email,
        state,
        at_us,
        since_us: entry.since_us,
        tries: entry.tries,
        smtp_reply: entry.smtp_reply,
    }
}
