//! `concierge:mail/accounts`.

use concierge_identity::AccountId;

use super::{Mail, addresses};
use crate::authorize;
use crate::error::Error;
use crate::store::NewAccount;
use crate::types::{Account, DataType, Quota, StateNumber};

/// Changes that one answer tells at most, and where the caller sets no limit.
const CHANGES_MAX: u32 = 10_000;

impl Mail {
    /// Gives an account mail, or other addresses and quotas. Nobody is asked for permission.
    ///
    /// # Errors
    /// [`Error::InvalidArguments`] where an address is none, or another account's; what the store says.
    pub async fn put_account(&self, account: NewAccount) -> Result<(), Error> {
        let mut given = account.addresses.iter();
        if let Some(wrong) = given.find(|address| addresses::parts(address).is_none()) {
            let why = format!("addresses: {wrong:?} is none");
            return Err(Error::InvalidArguments(why));
        }
        self.store.put_account(account).await
    }

    /// The accounts that the principal may see, its own first.
    ///
    /// # Errors
    /// What the store says.
    pub async fn accounts(&self, principal: AccountId) -> Result<Vec<Account>, Error> {
        self.store.accounts_of(principal).await
    }

    /// The present states of all data types of an account.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`]; what the store says.
    pub async fn states(
        &self,
        principal: AccountId,
        account: &str,
    ) -> Result<Vec<(DataType, StateNumber)>, Error> {
        let account = self.read(principal, account).await?;
        self.store.states(account).await
    }

    /// The quotas of an account.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`]; what the store says.
    pub async fn quotas(&self, principal: AccountId, account: &str) -> Result<Vec<Quota>, Error> {
        let account = self.read(principal, account).await?;
        self.store.quotas(account).await
    }

    /// An account that the principal may read.
    pub(super) async fn read(
        &self,
        principal: AccountId,
        account: &str,
    ) -> Result<AccountId, Error> {
        let visible = authorize::read(self.store.as_ref(), principal, account);
        Ok(visible.await?.id)
    }

    /// An account that the principal may change.
    pub(super) async fn write(
        &self,
        principal: AccountId,
        account: &str,
    ) -> Result<AccountId, Error> {
        authorize::write(self.store.as_ref(), principal, account).await
    }
}

/// How many changes a caller takes; 0: as many as there are in an answer.
pub(super) fn changes_max(max: u32) -> usize {
    match max {
        0 => CHANGES_MAX as usize,
        max => max.min(CHANGES_MAX) as usize,
    }
}
