//! What administration does with the keys that mail is signed with, and with what DNS is to say of domains.

use concierge_mail_relay::records::{Checked, State, check, records, sts_policy};
use concierge_mail_relay::{Algorithm, DkimError, PublicKey};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::run::{Answer, answer};
use super::{Admin, AdminError, ErrorCode};
use crate::mail::smtp::dns;

/// The keys that mail is signed with.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailKeys {
    /// By domain and name.
    pub keys: Vec<MailKey>,
}

/// A key that mail is signed with.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailKey {
    /// Whose mail it signs.
    pub domain: String,
    /// Its name within the domain.
    pub selector: String,
    /// How it signs: `rsa` or `ed25519`.
    pub algorithm: String,
    /// The name of its record in DNS.
    pub name: String,
    /// The text of the record.
    pub value: String,
    /// The record as a zone file has it.
    pub zone: String,
}

/// A key that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMailKey {
    /// Whose mail it is to sign.
    pub domain: String,
    /// How: `rsa` or `ed25519`.
    pub algorithm: String,
}

/// What DNS is to say of a domain.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailRecords {
    /// The records, most important first.
    pub records: Vec<MailRecord>,
    /// What is to be served at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`.
    pub sts_policy: String,
}

/// A record, and what DNS says.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailRecord {
    /// Its name.
    pub name: String,
    /// Its kind, like `MX`.
    pub kind: String,
    /// Its value.
    pub value: String,
    /// As a zone file has it.
    pub zone: String,
    /// What it is for.
    pub why: String,
    /// `present`, `missing`, `different` or `unknown`.
    pub state: String,
    /// What is there in its place, or why that is not known.
    pub found: Vec<String>,
}

impl From<PublicKey> for MailKey {
    fn from(key: PublicKey) -> Self {
        Self {
            name: key.record_name(),
            value: key.record(),
            zone: format!("{}. IN TXT {}", key.record_name(), key.zone_text()),
            algorithm: key.algorithm.name().to_owned(),
            domain: key.domain,
            selector: key.selector,
        }
    }
}

impl From<Checked> for MailRecord {
    fn from(checked: Checked) -> Self {
        let (state, found) = match checked.state {
            State::Present => ("present", Vec::new()),
            State::Missing => ("missing", Vec::new()),
            State::Different(found) => ("different", found),
            State::Unknown(why) => ("unknown", vec![why]),
        };
        Self {
            zone: checked.record.to_string(),
            name: checked.record.name,
            kind: checked.record.kind.to_string(),
            value: checked.record.value,
            why: checked.record.why.to_owned(),
            state: state.to_owned(),
            found,
        }
    }
}

fn of_keys(error: DkimError) -> AdminError {
    match error {
        DkimError::Disk(..) => AdminError::new(ErrorCode::Internal, error.to_string()),
        _ => AdminError::invalid(error.to_string()),
    }
}

impl Admin {
    /// All keys.
    pub(super) fn list_mail_keys(&self) -> Answer {
        let keys = self.dkim.list().map_err(of_keys)?;
        answer(&MailKeys {
            keys: keys.into_iter().map(MailKey::from).collect(),
        })
    }

    /// Makes a key, which signs from now on.
    pub(super) fn create_mail_key(&self, key: &NewMailKey) -> Answer {
        let none =
            || AdminError::invalid(format!("{:?} is neither rsa nor ed25519", key.algorithm));
        let algorithm = Algorithm::parse(&key.algorithm).ok_or_else(none)?;
        let made = self.dkim.create(&key.domain, algorithm).map_err(of_keys)?;
        answer(&MailKey::from(made))
    }

    /// Deletes a key: nothing is signed with it any more.
    pub(super) fn delete_mail_key(&self, domain: &str, selector: &str) -> Answer {
        self.dkim.remove(domain, selector).map_err(of_keys)?;
        Ok(json!({}))
    }

    /// What DNS is to say of a domain, and what it says.
    pub(super) async fn mail_records(&self, domain: &str) -> Answer {
        let keys = self.dkim.of_domain(domain).map_err(of_keys)?;
        let wanted = records(domain, &self.mail_host_name, &keys);
        let dns = dns(&self.mail_resolvers);
        let dns = dns.map_err(|error| AdminError::new(ErrorCode::Internal, error.to_string()))?;
        let checked = check(&dns, wanted).await;
        answer(&MailRecords {
            records: checked.into_iter().map(MailRecord::from).collect(),
            sts_policy: sts_policy(&self.mail_host_name),
        })
    }
}
