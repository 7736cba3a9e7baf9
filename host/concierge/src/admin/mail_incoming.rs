//! What administration does with mail that comes in, and its answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use concierge_mail_incoming::rules::{RateOf, Rules, RulesError};
use serde::{Deserialize, Serialize};

use super::run::{Answer, answer};
use super::{Admin, AdminError, ErrorCode};

/// Messages that are shown at once.
const SHOWN_MAX: usize = 10_000;

/// The rules for mail that comes in.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailRules {
    /// Senders' addresses, domains with all below them, and clients' IP addresses of which nothing is taken.
    pub blocked: BTreeSet<String>,
    /// How much is taken within a minute; 0 is all.
    pub per_minute: BTreeMap<RateOf, u32>,
    /// Whose mail is sent on, and to whom.
    pub forwards: BTreeMap<String, BTreeSet<String>>,
}

/// A change of the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RuleChange {
    /// Nothing is taken any more of a sender, a domain or a client.
    Block(String),
    /// It is again.
    Unblock(String),
    /// How much is taken within a minute.
    PerMinute {
        /// Of what.
        of: RateOf,
        /// So much; 0 is all, nothing said as usual.
        count: Option<u32>,
    },
    /// Mail is sent on.
    Forward {
        /// What is for this address.
        address: String,
        /// To these; none: no longer.
        to: Vec<String>,
    },
}

/// What came in and is not delivered yet.
#[derive(Debug, Serialize, Deserialize)]
pub struct IncomingList {
    /// Oldest first, at most 10,000.
    pub messages: Vec<IncomingMessage>,
    /// All of them.
    pub waiting: usize,
    /// Their octets.
    pub octets: u64,
}

/// A message that came in.
#[derive(Debug, Serialize, Deserialize)]
pub struct IncomingMessage {
    /// Its id, as its client was told.
    pub id: String,
    /// Its size.
    pub octets: u64,
    /// When it came, microseconds since the Unix epoch.
    pub received_us: u64,
}

impl From<RulesError> for AdminError {
    fn from(error: RulesError) -> Self {
        match error {
            RulesError::Invalid(why) => Self::invalid(why),
            RulesError::NotFound(_) => Self::new(ErrorCode::NotFound, error.to_string()),
            RulesError::Disk(_) => Self::new(ErrorCode::Internal, error.to_string()),
        }
    }
}

impl Admin {
    fn rules(&self) -> Result<&Arc<Rules>, AdminError> {
        self.rules
            .as_ref()
            .ok_or_else(|| AdminError::new(ErrorCode::Internal, "the rules are not open"))
    }

    /// The rules as they are.
    pub(super) fn mail_rules(&self) -> Answer {
        let rules = self.rules()?;
        let view = rules.view();
        answer(&MailRules {
            blocked: view.blocked,
            per_minute: RateOf::ALL
                .into_iter()
                .map(|of| (of, rules.per_minute(of)))
                .collect(),
            forwards: view.forwards,
        })
    }

    /// Changes one.
    pub(super) fn change_mail_rules(&self, change: RuleChange) -> Answer {
        let rules = self.rules()?;
        match change {
            RuleChange::Block(text) => rules.block(&text)?,
            RuleChange::Unblock(text) => rules.unblock(&text)?,
            RuleChange::PerMinute { of, count } => rules.set_per_minute(of, count)?,
            RuleChange::Forward { address, to } => rules.set_forward(&address, &to)?,
        }
        self.mail_rules()
    }

    /// What waits to be delivered.
    pub(super) fn list_incoming_mail(&self) -> Answer {
        let none = || AdminError::new(ErrorCode::Conflict, "no server runs: nothing comes in");
        let incoming = self.incoming.as_ref().ok_or_else(none)?;
        let size = incoming.size();
        let messages = incoming.waiting(SHOWN_MAX).into_iter();
        answer(&IncomingList {
            messages: messages
                .map(|message| IncomingMessage {
                    id: message.id.simple().to_string(),
                    octets: message.octets,
                    received_us: message.received_us,
                })
                .collect(),
            waiting: size.messages,
            octets: size.octets,
        })
    }
}
