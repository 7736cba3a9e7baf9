//! What people decide about mail that comes in: who is blocked, how much of whom is taken, and what is sent on. All of it can
//! be changed while mail comes.

mod buckets;
mod file;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use buckets::Buckets;

/// Blocked senders, domains and addresses at most.
pub const BLOCKED_MAX: usize = 100_000;
/// Addresses whose mail is sent on at most.
pub const FORWARDS_MAX: usize = 10_000;
/// Addresses that one is sent on to at most.
pub const TARGETS_MAX: usize = 50;
/// The longest of them, bytes.
const TEXT_MAX_BYTES: usize = 320;

/// Why a rule is not changed.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// It is none.
    #[error("{0}")]
    Invalid(String),
    /// There is none such.
    #[error("there is no such rule: {0}")]
    NotFound(String),
    /// The disk.
    #[error("the rules' file: {0}")]
    Disk(#[from] std::io::Error),
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateOf {
    /// Connections of a client's address.
    Connections,
    /// Messages of a client's address.
    Messages,
    /// Recipients of a client's address.
    Recipients,
    /// Messages of a sender's address, from wherever.
    Senders,
    /// Recipients of one of our accounts.
    AccountRecipients,
    /// Messages of one of our accounts.
    AccountMessages,
}

impl RateOf {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Connections,
        Self::Messages,
        Self::Recipients,
        Self::Senders,
        Self::AccountRecipients,
        Self::AccountMessages,
    ];

    /// Its name, as commands and files have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Messages => "messages",
            Self::Recipients => "recipients",
            Self::Senders => "senders",
            Self::AccountRecipients => "account_recipients",
            Self::AccountMessages => "account_messages",
        }
    }

    /// What is taken in a minute where nobody said otherwise: more than any server of good will sends, and than a person
    /// with a mailing list of some hundred.
    fn usual_per_minute(self) -> u32 {
        match self {
            Self::Connections => 300,
            Self::Messages => 600,
            Self::Recipients => 3_000,
            Self::Senders => 600,
            Self::AccountRecipients => 500,
            Self::AccountMessages => 300,
        }
    }
}

/// The rules as they are kept and told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesView {
    /// Senders' addresses, domains with all below them, and clients' addresses, in lower case.
    pub blocked: BTreeSet<String>,
    /// How much is taken in a minute; 0 is all. What is not here is as usual.
    pub per_minute: BTreeMap<RateOf, u32>,
    /// Whose mail is sent on, and to whom.
    pub forwards: BTreeMap<String, BTreeSet<String>>,
}

/// The rules, their file, and what was counted.
pub struct Rules {
    path: PathBuf,
    secret: Vec<u8>,
    view: RwLock<RulesView>,
    buckets: Mutex<Buckets>,
}

impl Rules {
    /// Reads a file, which is made if need be. Waits for the disk.
    ///
    /// # Errors
    /// [`RulesError::Invalid`] where it holds no rules; those of the file system.
    pub fn open(path: &Path) -> Result<Self, RulesError> {
        let (view, secret) = file::open(path)?;
        Ok(Self {
            path: path.to_owned(),
            secret,
            view: RwLock::new(view),
            buckets: Mutex::default(),
        })
    }

    /// The rules as they are.
    #[must_use]
    pub fn view(&self) -> RulesView {
        self.read().clone()
    }

    /// How much is taken in a minute; 0 is all.
    #[must_use]
    pub fn per_minute(&self, of: RateOf) -> u32 {
        let view = self.read();
        view.per_minute
            .get(&of)
            .copied()
            .unwrap_or_else(|| of.usual_per_minute())
    }

    /// The secret of addresses on the way back.
    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, RulesView> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the rules, in the file first. Waits for the disk.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut RulesView) -> Result<T, RulesError>,
    ) -> Result<T, RulesError> {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = view.clone();
        let told = change(&mut changed)?;
        file::write(&self.path, &changed, &self.secret)?;
        *view = changed;
        Ok(told)
    }

    /// Takes nothing any more of a sender's address, of a domain and all below it, or of a client's IP address. Waits for
    /// the disk.
    ///
    /// # Errors
    /// [`RulesError::Invalid`]; those of the file system.
    pub fn block(&self, text: &str) -> Result<(), RulesError> {
        let text = blockable(text)?;
        self.change(|view| {
            view.blocked.insert(text);
            match view.blocked.len() > BLOCKED_MAX {
                true => Err(RulesError::Invalid(format!(
                    "at most {BLOCKED_MAX} are blocked"
                ))),
                false => Ok(()),
            }
        })
    }

    /// Takes from there again. Waits for the disk.
    ///
    /// # Errors
    /// [`RulesError::NotFound`]; those of the file system.
    pub fn unblock(&self, text: &str) -> Result<(), RulesError> {
        let text = text.to_lowercase();
        self.change(|view| match view.blocked.remove(&text) {
            true => Ok(()),
            false => Err(RulesError::NotFound(text)),
        })
    }

    /// Sets how much is taken in a minute; 0 is all, `None` as usual. What was counted before is forgotten. Waits for the
    /// disk.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn set_per_minute(&self, of: RateOf, count: Option<u32>) -> Result<(), RulesError> {
        self.change(|view| {
            match count {
                Some(count) => view.per_minute.insert(of, count),
                None => view.per_minute.remove(&of),
            };
            Ok(())
        })?;
        self.lock().forget(of);
        Ok(())
    }

    /// Sends mail for an address on to others, in their place; to none: no longer. Waits for the disk.
    ///
    /// # Errors
    /// [`RulesError::Invalid`], [`RulesError::NotFound`]; those of the file system.
    pub fn set_forward(&self, address: &str, targets: &[String]) -> Result<(), RulesError> {
        let address = address_of(address)?;
        if targets.len() > TARGETS_MAX {
            let why = format!("at most {TARGETS_MAX} addresses");
            return Err(RulesError::Invalid(why));
        }
        let targets: BTreeSet<_> = targets
            .iter()
            .map(|target| address_of(target))
            .collect::<Result<_, _>>()?;
        self.change(|view| {
            if targets.is_empty() {
                let removed = view.forwards.remove(&address);
                return removed.map(drop).ok_or(RulesError::NotFound(address));
            }
            view.forwards.insert(address, targets);
            match view.forwards.len() > FORWARDS_MAX {
                true => Err(RulesError::Invalid(format!(
                    "at most {FORWARDS_MAX} are sent on"
                ))),
                false => Ok(()),
            }
        })
    }

    /// Whom mail for an address is sent on to, whoever's it is: by the address itself, or without its detail
    /// (`ann+shop@example.org`).
    #[must_use]
    pub fn forward(&self, address: &str) -> Option<Vec<String>> {
        let address = address.to_lowercase();
        let (local, domain) = address.rsplit_once('@')?;
        let plain = local.split_once('+').map(|(plain, _)| plain);
        let plain = plain.filter(|plain| !plain.is_empty());
        self.targets(&address)
            .or_else(|| self.targets(&format!("{}@{domain}", plain?)))
    }

    /// Whom mail for an address that is nobody's is sent on to: `*@example.org` stands for those of a domain.
    #[must_use]
    pub fn forward_of_rest(&self, address: &str) -> Option<Vec<String>> {
        let (_, domain) = address.rsplit_once('@')?;
        self.targets(&format!("*@{}", domain.to_lowercase()))
    }

    fn targets(&self, address: &str) -> Option<Vec<String>> {
        let targets = self.read().forwards.get(address).cloned();
        targets.map(|targets| targets.into_iter().collect())
    }

    /// Whether nothing is taken of a client.
    #[must_use]
    pub fn is_client_blocked(&self, client: IpAddr) -> bool {
        let client = client.to_canonical().to_string();
        counted("blocked_client", self.read().blocked.contains(&client))
    }

    /// Whether nothing is taken of a sender: it, its domain, or one above that.
    #[must_use]
    pub fn is_sender_blocked(&self, sender: &str) -> bool {
        let sender = sender.to_lowercase();
        let view = self.read();
        let domain = sender.rsplit_once('@').map_or("", |(_, domain)| domain);
        let above = std::iter::successors(Some(domain), |domain| {
            domain.split_once('.').map(|(_, above)| above)
        });
        let mut names = above.filter(|name| !name.is_empty());
        let is_blocked =
            view.blocked.contains(&sender) || names.any(|name| view.blocked.contains(name));
        counted("blocked_sender", is_blocked)
    }

    /// Counts one more; `false`: that is too many.
    pub fn takes(&self, of: RateOf, key: &str) -> bool {
        let per_minute = self.per_minute(of);
        let takes = per_minute == 0 || self.lock().takes(of, key, per_minute);
        !counted(of.name(), !takes)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts where a rule applied.
fn counted(rule: &'static str, applies: bool) -> bool {
    if applies {
        metrics::counter!("concierge_mail_rules_total", "rule" => rule).increment(1);
    }
    applies
}

fn blockable(text: &str) -> Result<String, RulesError> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().to_string());
    }
    if text.contains('@') {
        return address_of(text);
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    match text.len() <= TEXT_MAX_BYTES && text.split('.').all(is_label) {
        true => Ok(text.to_lowercase()),
        false => Err(RulesError::Invalid(format!(
            "{text:?} is no address, no domain and no IP address"
        ))),
    }
}

fn address_of(text: &str) -> Result<String, RulesError> {
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '<' | '>' | ',');
    let parts = text.rsplit_once('@');
    let is_one = parts.is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !local.contains('@')
    });
    match is_one && text.len() <= TEXT_MAX_BYTES && text.chars().all(is_plain) {
        true => Ok(text.to_lowercase()),
        false => Err(RulesError::Invalid(format!("{text:?} is no address"))),
    }
}
