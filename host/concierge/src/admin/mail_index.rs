//! What administration does with the search index of mail, and its answers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::run::{Answer, answer};
use super::{Admin, AdminError, ErrorCode};
use crate::mail::Reindex;

/// The search index of mail.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailIndex {
    /// It is being made anew; searches by text wait meanwhile.
    pub running: bool,
    /// Messages that were read so far.
    pub fed: u64,
    /// Messages there were when it began.
    pub total: u64,
    /// Why it ended early, the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Admin {
    fn reindex(&self) -> Result<&Arc<Reindex>, AdminError> {
        self.reindex
            .as_ref()
            .ok_or_else(|| AdminError::new(ErrorCode::Internal, "mail is not open"))
    }

    /// Begins to make the index anew.
    pub(super) async fn rebuild_mail_index(&self) -> Answer {
        let mut total = 0;
        for account in self.identity.accounts() {
            total += self
                .mail_view(&account)
                .await?
                .map_or(0, |view| view.emails);
        }
        if !self.reindex()?.begin(total) {
            let message = "the index is being made anew already";
            return Err(AdminError::new(ErrorCode::Conflict, message));
        }
        self.mail_index()
    }

    /// How far the index is.
    pub(super) fn mail_index(&self) -> Answer {
        let state = self.reindex()?.state();
        answer(&MailIndex {
            running: state.running,
            fed: state.fed,
            total: state.total,
            failure: state.failure,
        })
    }
}
