//! Answers, as JSON has them.

use std::collections::BTreeMap;

use concierge_identity::{
    AccessKey, AccessKeyId, Account, AccountId, AccountName, AppPasswordId, AppPasswordInfo,
    AppPasswordName, Role,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bridge_tokens::BridgeToken;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// 32 hexadecimal digits.
    pub id: AccountId,
    /// Its name.
    pub name: AccountName,
    /// What it may do.
    pub role: Role,
    /// Whether it is disabled.
    pub disabled: bool,
    /// When it was made (RFC 3339).
    pub created: Timestamp,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            name: account.name,
            role: account.role,
            disabled: account.disabled,
            created: timestamp(account.created_us),
        }
    }
}

/// An access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// Its id.
    pub access_key_id: AccessKeyId,
    /// Whose it is: the id.
    pub account_id: AccountId,
    /// Whose it is: the name.
    pub account: AccountName,
    /// Whether it is disabled.
    pub disabled: bool,
    /// When it was made (RFC 3339).
    pub created: Timestamp,
    /// When it last signed something, to the hour (RFC 3339).
    pub last_used: Option<Timestamp>,
    /// Its secret: only when it was made, and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<String>,
}

impl KeyView {
    /// Of a key and the name of its account.
    pub fn new(key: AccessKey, account: AccountName) -> Self {
        Self {
            access_key_id: key.id,
            account_id: key.account,
            account,
            disabled: key.disabled,
            created: timestamp(key.created_us),
            last_used: key.last_used_us.map(timestamp),
            secret_access_key: None,
        }
    }
}

/// An application password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPasswordView {
    /// 32 hexadecimal digits.
    pub id: AppPasswordId,
    /// Whose it is: the id.
    pub account_id: AccountId,
    /// Whose it is: the name.
    pub account: AccountName,
    /// What it is called.
    pub name: AppPasswordName,
    /// When it was made (RFC 3339).
    pub created: Timestamp,
    /// When it was last used, to the hour (RFC 3339).
    pub last_used: Option<Timestamp>,
    /// The password itself: only when it was made, and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl AppPasswordView {
    /// Of an application password and the name of its account.
    pub fn new(info: AppPasswordInfo, account: AccountName) -> Self {
        Self {
            id: info.id,
            account_id: info.account,
            account,
            name: info.name,
            created: timestamp(info.created_us),
            last_used: info.last_used_us.map(timestamp),
            password: None,
        }
    }
}

/// Application passwords.
#[derive(Debug, Serialize, Deserialize)]
pub struct AppPasswords {
    /// Oldest first.
    pub app_passwords: Vec<AppPasswordView>,
}

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketView {
    /// Its name.
    pub name: String,
    /// Whose it is: the id.
    pub owner_id: String,
    /// Whose it is: the name.
    pub owner: String,
    /// When it was made (RFC 3339).
    pub created: Timestamp,
    /// `unversioned`, `enabled` or `suspended`.
    pub versioning: String,
    /// The region it was made in.
    pub region: String,
}

/// A token of a bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// What it is called.
    pub name: String,
    /// Interfaces that it may call.
    pub grants: Vec<String>,
    /// Accounts that it may call for, by id; none: all.
    pub accounts: Option<Vec<String>>,
    /// When it was made (RFC 3339).
    pub created: Timestamp,
    /// The token itself: only when it was made, and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl TokenView {
    /// Of a token, and of what is secret of it where it is to be shown.
    pub fn new(token: &BridgeToken, secret: Option<String>) -> Self {
        let accounts = token.accounts.as_ref();
        Self {
            name: token.name.clone(),
            grants: token.grants.clone(),
            accounts: accounts.map(|ids| ids.iter().map(AccountId::to_string).collect()),
            created: token.created,
            token: secret,
        }
    }
}

/// Tokens of bridges.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tokens {
    /// Oldest first.
    pub tokens: Vec<TokenView>,
}

/// All accounts.
#[derive(Debug, Serialize, Deserialize)]
pub struct Accounts {
    /// By name.
    pub accounts: Vec<AccountView>,
}

/// Keys.
#[derive(Debug, Serialize, Deserialize)]
pub struct Keys {
    /// Oldest first.
    pub keys: Vec<KeyView>,
}

/// Buckets.
#[derive(Debug, Serialize, Deserialize)]
pub struct Buckets {
    /// By name.
    pub buckets: Vec<BucketView>,
}

/// How everything is doing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatusView {
    /// Of the program.
    pub version: String,
    /// Whether a server has the data directory, or it was looked at by itself.
    pub running: bool,
    /// What does not work as it must, in words; nothing if all is well.
    pub problems: Vec<String>,
    /// The data directory.
    pub data: String,
    /// The process that has it.
    pub process: u32,
    /// When the server started (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// Listeners and the addresses that they are bound to.
    pub listeners: BTreeMap<String, String>,
    /// Accounts there are.
    pub accounts: usize,
    /// The object store: shards, nodes, background work.
    pub objects: serde_json::Value,
}

/// Microseconds since the Unix epoch as a time. What no calendar has any more
/// (the year 10000) is shown as its last moment.
pub fn timestamp(micros: u64) -> Timestamp {
    i64::try_from(micros)
        .ok()
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .unwrap_or(Timestamp::MAX)
}
