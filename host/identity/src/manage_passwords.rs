//! Passwords are set, and application passwords made, listed and deleted.

use crate::account::{Account, AccountSelector};
use crate::app_password::{
    AppPassword, AppPasswordId, AppPasswordInfo, AppPasswordName, NewAppPassword,
};
use crate::directory::KeptPassword;
use crate::identity::{Identity, ManageError, check_limit};
use crate::password::Password;

/// Most application passwords in all: all are kept in memory, about 300 bytes
/// each.
pub const APP_PASSWORDS_MAX: usize = 200_000;
/// Most application passwords of one account: enough to give each program its
/// own.
pub const APP_PASSWORDS_PER_ACCOUNT_MAX: usize = 100;

impl Identity {
    /// Gives an account a password, in place of the one that it had, whose
    /// tokens are not accepted any more. Takes as long as a hash and waits for
    /// the disk.
    pub fn set_password(
        &self,
        of: &AccountSelector,
        password: &Password,
    ) -> Result<Account, ManageError> {
        let digest = password.hash()?;
        let mut database = self.database();
        let entry = self.account_entry(of)?;
        let last_us = entry.password().map_or(0, |kept| kept.set_us);
        let kept = KeptPassword {
            digest,
            // Another one even if the clock stands still or was set back: tokens
            // and remembered successes are told apart by it.
            set_us: self.clock.now_us().max(last_us.saturating_add(1)),
        };
        database.set_password(entry.id, &kept)?;
        entry.set_password(kept);
        Ok(entry.account())
    }

    /// Whether an account has a password.
    pub fn has_password(&self, of: &AccountSelector) -> Result<bool, ManageError> {
        Ok(self.account_entry(of)?.password().is_some())
    }

    /// Makes an application password: the only time it is given out. Waits for
    /// the disk.
    pub fn create_app_password(
        &self,
        of: &AccountSelector,
        name: AppPasswordName,
    ) -> Result<NewAppPassword, ManageError> {
        let password = AppPassword::generate()?;
        let mut database = self.database();
        let account = self.account_entry(of)?;
        {
            let directory = self.read();
            let count = directory.app_password_count();
            check_limit("application passwords", count, APP_PASSWORDS_MAX)?;
            let own = directory.app_passwords(Some(account.id));
            if own.iter().any(|info| info.name == name) {
                return Err(ManageError::AppPasswordExists {
                    account: account.name.clone(),
                    name,
                });
            }
            check_limit(
                "application passwords of this account",
                own.len(),
                APP_PASSWORDS_PER_ACCOUNT_MAX,
            )?;
        }
        let info = AppPasswordInfo {
            id: AppPasswordId::generate(),
            account: account.id,
            name,
            created_us: self.clock.now_us(),
            last_used_us: None,
        };
        let digest = password.digest();
        database.insert_app_password(&info, &digest)?;
        self.write().insert_app_password(&info, digest);
        Ok(NewAppPassword { info, password })
    }

    /// All application passwords, or those of one account, oldest first.
    pub fn app_passwords(
        &self,
        of: Option<&AccountSelector>,
    ) -> Result<Vec<AppPasswordInfo>, ManageError> {
        let account = of
            .map(|selector| self.account_entry(selector))
            .transpose()?;
        Ok(self.read().app_passwords(account.map(|entry| entry.id)))
    }

    /// Deletes an application password; its tokens are not accepted any more.
    /// Waits for the disk.
    pub fn delete_app_password(&self, id: AppPasswordId) -> Result<AppPasswordInfo, ManageError> {
        let mut database = self.database();
        let entry = self.read().app_password(id).cloned();
        let entry = entry.ok_or(ManageError::NoSuchAppPassword(id))?;
        database.delete_app_password(id)?;
        self.write().remove_app_password(id);
        Ok(entry.info())
    }
}
