//! Accounts and keys in memory, where every request looks them up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::access_key::{AccessKey, AccessKeyId, SecretAccessKey};
use crate::account::{Account, AccountId, AccountName, AccountSelector, Role};
use crate::app_password::{AppPasswordDigest, AppPasswordId, AppPasswordInfo, AppPasswordName};
use crate::password::PasswordDigest;
use crate::signing::SigningKeys;

/// An account as it is now.
pub(crate) struct AccountEntry {
    pub(crate) id: AccountId,
    pub(crate) name: AccountName,
    pub(crate) role: Role,
    pub(crate) created_us: u64,
    disabled: AtomicBool,
    password: RwLock<Option<KeptPassword>>,
}

/// What an account's password is verified with.
#[derive(Clone)]
pub(crate) struct KeptPassword {
    pub(crate) digest: PasswordDigest,
    /// Since when it is the account's, microseconds since the Unix epoch; another
    /// for each password that the account ever had.
    pub(crate) set_us: u64,
}

impl AccountEntry {
    fn new(account: &Account) -> Self {
        Self {
            id: account.id,
            name: account.name.clone(),
            role: account.role,
            created_us: account.created_us,
            disabled: AtomicBool::new(account.disabled),
            password: RwLock::default(),
        }
    }

    pub(crate) fn password(&self) -> Option<KeptPassword> {
        let password = self.password.read().unwrap_or_else(PoisonError::into_inner);
        password.clone()
    }

    pub(crate) fn set_password(&self, password: KeptPassword) {
        *self
            .password
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(password);
    }

    pub(crate) fn disabled(&self) -> bool {
        self.disabled.load(Ordering::Acquire)
    }

    pub(crate) fn set_disabled(&self, disabled: bool) {
        self.disabled.store(disabled, Ordering::Release);
    }

    pub(crate) fn account(&self) -> Account {
        Account {
            id: self.id,
            name: self.name.clone(),
            role: self.role,
            disabled: self.disabled(),
            created_us: self.created_us,
        }
    }
}

/// A key as it is now, with all that checking a signature needs.
pub(crate) struct KeyEntry {
    pub(crate) id: AccessKeyId,
    pub(crate) secret: SecretAccessKey,
    pub(crate) account: Arc<AccountEntry>,
    pub(crate) created_us: u64,
    pub(crate) signing_keys: SigningKeys,
    pub(crate) last_use: LastUse,
    disabled: AtomicBool,
}

/// When something was last used, microseconds since the Unix epoch; 0 is never.
pub(crate) struct LastUse(AtomicU64);

impl LastUse {
    fn new(at_us: Option<u64>) -> Self {
        Self(AtomicU64::new(at_us.unwrap_or(0)))
    }

    /// Notes a use; gives whether the time noted is another than before.
    pub(crate) fn note(&self, at_us: u64) -> bool {
        // Read first: what is in use writes to its cache line once an hour.
        self.0.load(Ordering::Relaxed) != at_us && self.0.swap(at_us, Ordering::Relaxed) != at_us
    }

    pub(crate) fn at_us(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|&at| at != 0)
    }
}

impl KeyEntry {
    fn new(key: &AccessKey, secret: SecretAccessKey, account: Arc<AccountEntry>) -> Self {
        Self {
            id: key.id.clone(),
            secret,
            account,
            created_us: key.created_us,
            signing_keys: SigningKeys::default(),
            disabled: AtomicBool::new(key.disabled),
            last_use: LastUse::new(key.last_used_us),
        }
    }

    /// Whether the key and its account may be used.
    pub(crate) fn usable(&self) -> bool {
        !self.disabled.load(Ordering::Acquire) && !self.account.disabled()
    }

    pub(crate) fn set_disabled(&self, disabled: bool) {
        self.disabled.store(disabled, Ordering::Release);
    }

    pub(crate) fn access_key(&self) -> AccessKey {
        AccessKey {
            id: self.id.clone(),
            account: self.account.id,
            disabled: self.disabled.load(Ordering::Acquire),
            created_us: self.created_us,
            last_used_us: self.last_use.at_us(),
        }
    }
}

/// An application password as it is now.
pub(crate) struct AppPasswordEntry {
    pub(crate) id: AppPasswordId,
    pub(crate) account: Arc<AccountEntry>,
    pub(crate) name: AppPasswordName,
    pub(crate) last_use: LastUse,
    digest: AppPasswordDigest,
    created_us: u64,
}

impl AppPasswordEntry {
    pub(crate) fn info(&self) -> AppPasswordInfo {
        AppPasswordInfo {
            id: self.id,
            account: self.account.id,
            name: self.name.clone(),
            created_us: self.created_us,
            last_used_us: self.last_use.at_us(),
        }
    }
}

/// All accounts, keys and application passwords.
#[derive(Default)]
pub(crate) struct Directory {
    accounts: HashMap<AccountId, Arc<AccountEntry>>,
    names: HashMap<AccountName, AccountId>,
    keys: HashMap<AccessKeyId, Arc<KeyEntry>>,
    app_passwords: HashMap<AppPasswordId, Arc<AppPasswordEntry>>,
    app_digests: HashMap<AppPasswordDigest, AppPasswordId>,
}

impl Directory {
    pub(crate) fn insert_account(&mut self, account: &Account) {
        self.names.insert(account.name.clone(), account.id);
        self.accounts
            .insert(account.id, Arc::new(AccountEntry::new(account)));
    }

    /// Adds a key; gives false when its account is not there.
    pub(crate) fn insert_key(&mut self, key: &AccessKey, secret: SecretAccessKey) -> bool {
        let Some(account) = self.accounts.get(&key.account) else {
            return false;
        };
        let entry = KeyEntry::new(key, secret, Arc::clone(account));
        self.keys.insert(key.id.clone(), Arc::new(entry));
        true
    }

    pub(crate) fn account(&self, selector: &AccountSelector) -> Option<&Arc<AccountEntry>> {
        match selector {
            AccountSelector::Id(id) => self.accounts.get(id),
            AccountSelector::Name(name) => self.accounts.get(self.names.get(name)?),
        }
    }

    pub(crate) fn key(&self, id: &str) -> Option<&Arc<KeyEntry>> {
        self.keys.get(id)
    }

    /// Removes an account and its keys.
    pub(crate) fn remove_account(&mut self, id: AccountId) {
        if let Some(entry) = self.accounts.remove(&id) {
            self.names.remove(&entry.name);
        }
        self.keys.retain(|_, key| key.account.id != id);
        self.app_passwords.retain(|_, app| app.account.id != id);
        let kept = &self.app_passwords;
        self.app_digests.retain(|_, id| kept.contains_key(id));
    }

    /// Adds an application password; gives false when its account is not there.
    pub(crate) fn insert_app_password(
        &mut self,
        info: &AppPasswordInfo,
        digest: AppPasswordDigest,
    ) -> bool {
        let Some(account) = self.accounts.get(&info.account) else {
            return false;
        };
        let entry = AppPasswordEntry {
            id: info.id,
            account: Arc::clone(account),
            name: info.name.clone(),
            last_use: LastUse::new(info.last_used_us),
            digest,
            created_us: info.created_us,
        };
        self.app_digests.insert(digest, info.id);
        self.app_passwords.insert(info.id, Arc::new(entry));
        true
    }

    pub(crate) fn remove_app_password(&mut self, id: AppPasswordId) {
        if let Some(entry) = self.app_passwords.remove(&id) {
            self.app_digests.remove(&entry.digest);
        }
    }

    pub(crate) fn app_password(&self, id: AppPasswordId) -> Option<&Arc<AppPasswordEntry>> {
        self.app_passwords.get(&id)
    }

    pub(crate) fn app_password_by_digest(
        &self,
        digest: &AppPasswordDigest,
    ) -> Option<&Arc<AppPasswordEntry>> {
        self.app_passwords.get(self.app_digests.get(digest)?)
    }

    pub(crate) fn app_password_count(&self) -> usize {
        self.app_passwords.len()
    }

    /// All application passwords, or those of one account, oldest first.
    pub(crate) fn app_passwords(&self, of: Option<AccountId>) -> Vec<AppPasswordInfo> {
        let mut infos: Vec<_> = self
            .app_passwords
            .values()
            .filter(|app| of.is_none_or(|account| app.account.id == account))
            .map(|app| app.info())
            .collect();
        infos.sort_by_key(|info| (info.created_us, info.id));
        infos
    }

    pub(crate) fn remove_key(&mut self, id: &str) {
        self.keys.remove(id);
    }

    pub(crate) fn account_count(&self) -> usize {
        self.accounts.len()
    }

    pub(crate) fn key_count(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn keys_of(&self, account: AccountId) -> usize {
        self.keys
            .values()
            .filter(|key| key.account.id == account)
            .count()
    }

    /// Administrators that may act, other than `but`.
    pub(crate) fn has_administrator_but(&self, but: AccountId) -> bool {
        self.accounts.values().any(|account| {
            account.role == Role::Administrator && !account.disabled() && account.id != but
        })
    }

    /// All accounts by name.
    pub(crate) fn accounts(&self) -> Vec<Account> {
        let mut accounts: Vec<_> = self
            .accounts
            .values()
            .map(|entry| entry.account())
            .collect();
        accounts.sort_by(|left, right| left.name.cmp(&right.name));
        accounts
    }

    /// All keys, or those of one account, oldest first.
    pub(crate) fn keys(&self, of: Option<AccountId>) -> Vec<AccessKey> {
        let mut keys: Vec<_> = self
            .keys
            .values()
            .filter(|key| of.is_none_or(|account| key.account.id == account))
            .map(|key| key.access_key())
            .collect();
        keys.sort_by(|left, right| (left.created_us, &left.id).cmp(&(right.created_us, &right.id)));
        keys
    }
}
