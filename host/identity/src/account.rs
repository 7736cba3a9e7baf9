//! Accounts: who may act here.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest account name, in bytes: fits a column, a log line and the local
/// part of an address (RFC 5321 §4.5.3.1.1).
pub const ACCOUNT_NAME_MAX_BYTES: usize = 64;

/// The identifier of an account: a UUIDv7, shown as 32 hexadecimal digits
/// (S3 calls it the canonical user id).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(#[serde(with = "uuid::serde::simple")] pub Uuid);

impl AccountId {
    /// A new identifier.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(f)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({self})")
    }
}

impl FromStr for AccountId {
    type Err = uuid::Error;

    /// Reads 32 hexadecimal digits (other forms of a UUID are accepted too).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// The name of an account: 1 to 64 of `a-z`, `0-9` and `.`, `_`, `-`, `+`,
/// `@`, beginning with a letter or a digit. Lower case only, so that two names
/// never differ in case alone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(Arc<str>);

/// A text that is not an account name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an account name: 1 to 64 of a-z, 0-9, '.', '_', '-', '+' and '@', beginning with a letter or a digit"
)]
pub struct InvalidAccountName(pub String);

impl AccountName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as shared text.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl FromStr for AccountName {
    type Err = InvalidAccountName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let begins = text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let allowed = text.bytes().all(|b| {
            b.is_ascii_lowercase()
                || b.is_ascii_digit()
                || matches!(b, b'.' | b'_' | b'-' | b'+' | b'@')
        });
        if begins && allowed && text.len() <= ACCOUNT_NAME_MAX_BYTES {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAccountName(
                text.chars().take(ACCOUNT_NAME_MAX_BYTES + 1).collect(),
            ))
        }
    }
}

impl TryFrom<String> for AccountName {
    type Error = InvalidAccountName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What an account may do beyond its own things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything, everywhere.
    Administrator,
    /// What belongs to it, and the work of the hotels that list it: the booking
    /// domain decides which, and what that is.
    Staff,
    /// What belongs to it.
    User,
}

impl Role {
    /// The word used in the database, in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Staff => "staff",
            Self::User => "user",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a role: administrator, staff or user")]
pub struct InvalidRole(pub String);

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "administrator" => Ok(Self::Administrator),
            "staff" => Ok(Self::Staff),
            "user" => Ok(Self::User),
            other => Err(InvalidRole(other.to_owned())),
        }
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its identifier; never given to another account.
    pub id: AccountId,
    /// Its name, unique here.
    pub name: AccountName,
    /// What it may do.
    pub role: Role,
    /// While true, none of its keys, passwords or tokens is accepted.
    pub disabled: bool,
    /// When it was made: microseconds since the Unix epoch.
    pub created_us: u64,
}

/// An account named by its id or by its name, as people do on a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountSelector {
    /// By id.
    Id(AccountId),
    /// By name.
    Name(AccountName),
}

impl FromStr for AccountSelector {
    type Err = InvalidAccountName;

    /// 32 hexadecimal digits are an id, everything else a name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_id = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        match text.parse() {
            Ok(id) if is_id => Ok(Self::Id(id)),
            _ => text.parse().map(Self::Name),
        }
    }
}

impl fmt::Display for AccountSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl From<AccountId> for AccountSelector {
    fn from(id: AccountId) -> Self {
        Self::Id(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "root", "ann@example.org", "0x", &"a".repeat(64)] {
            assert_eq!(good.parse::<AccountName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "Ann",
            "-a",
            ".a",
            "a b",
            "ä",
            "a/b",
            "a\n",
            &"a".repeat(65),
        ] {
            assert!(bad.parse::<AccountName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ids_read_back() {
        let id = AccountId::generate();
        let shown = id.to_string();
        assert_eq!(shown.len(), 32);
        assert_eq!(shown.parse::<AccountId>().unwrap(), id);
        assert_eq!(
            shown.parse::<AccountSelector>().unwrap(),
            AccountSelector::Id(id)
        );
        assert!(matches!("ann".parse().unwrap(), AccountSelector::Name(_)));
    }
}
