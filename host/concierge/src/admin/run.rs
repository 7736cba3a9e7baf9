//! Does what a call asks for.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use concierge_booking::Booking;
use concierge_edge::INTERFACES;
use concierge_identity::{
    Account, AccountId, AccountName, AccountSelector, AppPasswordInfo, Identity, ManageError,
    Principal, Role,
};
use concierge_mail::Mail;
use concierge_mail_incoming::IncomingMail;
use concierge_mail_incoming::rules::Rules;
use concierge_mail_relay::DkimKeys;
use concierge_objects::{ObjectStore, Versioning};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::call::Call;
use super::mail_queue::QueueChange;
use super::views::{
    AccountView, Accounts, AppPasswordView, AppPasswords, BucketView, Buckets, KeyView, Keys,
    StatusView, TokenView, Tokens, timestamp,
};
use super::{AdminError, ErrorCode};
use crate::bridge_tokens::{BridgeTokens, TokenError};
use crate::mail::Reindex;

/// Buckets asked for at a time (the most the store gives).
const BUCKET_PAGE: u32 = 10_000;

/// Answers calls.
pub struct Admin {
    /// Accounts and keys.
    pub identity: Arc<Identity>,
    /// The object store; absent where a call that needs none is run by itself.
    pub objects: Option<Arc<ObjectStore>>,
    /// Bookings; absent where a call that needs none is run by itself.
    pub booking: Option<Arc<Booking>>,
    /// Mail; absent where a call that needs none is run by itself.
    pub mail: Option<Arc<Mail>>,
    /// Makes mail's search index anew; absent where mail is.
    pub reindex: Option<Arc<Reindex>>,
    /// The rules for mail that comes in; absent where nobody asked for them.
    pub rules: Option<Arc<Rules>>,
    /// Mail's way in; absent where no server runs.
    pub incoming: Option<Arc<IncomingMail>>,
    /// The keys that mail is signed with.
    pub dkim: Arc<DkimKeys>,
    /// The name of this server among mail servers.
    pub mail_host_name: String,
    /// Resolvers that were named for mail.
    pub mail_resolvers: Vec<SocketAddr>,
    /// Tokens of bridges.
    pub tokens: Arc<BridgeTokens>,
    /// What the status says of the process.
    pub process: Process,
}

/// The process that has the data directory.
#[derive(Debug, Clone)]
pub struct Process {
    /// The data directory.
    pub data: String,
    /// When its server started; `None` if it is not a server.
    pub started: Option<Timestamp>,
    /// Its listeners.
    pub listeners: BTreeMap<String, String>,
}

/// What is answered, as JSON.
pub(super) type Answer = Result<Value, AdminError>;

impl Admin {
    /// Does what a call asks for; gives the answer.
    pub async fn run(self: &Arc<Self>, call: Call) -> Answer {
        match call {
            Call::Status => self.status().await,
            Call::ListBuckets { account } => self.list_buckets(account).await,
            Call::DeleteAccount { account } => self.delete_account(account).await,
            Call::ImportBooking { imports } => self.import_booking(imports).await,
            Call::ListHotels => self.list_hotels().await,
            Call::ChangeHotelStaff { hotel, add, remove } => {
                self.change_staff(&hotel, &add, &remove).await
            }
            Call::ListMailAccounts => self.list_mail_accounts().await,
            Call::PutMailAccount { account, change } => {
                self.put_mail_account(&account, change).await
            }
            Call::RebuildMailIndex => self.rebuild_mail_index().await,
            Call::ShowMailIndex => self.mail_index(),
            Call::ListMailQueue { account } => self.list_mail_queue(account.as_ref()).await,
            Call::ShowQueuedMail { account, id } => self.show_queued_mail(&account, &id).await,
            Call::ChangeMailQueue {
                account,
                id,
                recipient,
                action,
            } => {
                let change = QueueChange { recipient, action };
                self.change_mail_queue(&account, &id, change).await
            }
            Call::ListIncomingMail => self.list_incoming_mail(),
            Call::ShowMailRecords { domain } => self.mail_records(&domain).await,
            Call::ShareMail {
                account,
                with,
                sharing,
            } => self.share_mail(&account, &with, sharing).await,
            Call::ImportMail { account, messages } => self.import_mail(&account, messages).await,
            Call::ExportMail { account, after } => {
                self.export_mail(&account, after.as_deref()).await
            }
            Call::ListDestroyedMail { account } => self.list_destroyed_mail(&account).await,
            Call::RestoreMail { account, ids } => self.restore_mail(&account, &ids).await,
            // These wait for the disk.
            other => {
                let admin = Arc::clone(self);
                tokio::task::spawn_blocking(move || admin.run_blocking(other))
                    .await
                    .unwrap_or_else(|error| Err(internal(error)))
            }
        }
    }

    fn run_blocking(&self, call: Call) -> Answer {
        let identity = &self.identity;
        match call {
            Call::ListAccounts => answer(&Accounts {
                accounts: identity
                    .accounts()
                    .into_iter()
                    .map(AccountView::from)
                    .collect(),
            }),
            Call::CreateAccount { name, role } => account(identity.create_account(name, role)),
            Call::SetAccountDisabled {
                account: selector,
                disabled,
            } => account(identity.set_account_disabled(&selector, disabled)),
            Call::SetPassword {
                account: selector,
                password,
            } => account(identity.set_password(&selector, &password)),
            Call::ListAppPasswords { account } => self.list_app_passwords(account.as_ref()),
            Call::CreateAppPassword { account, name } => {
                let new = identity.create_app_password(&account, name)?;
                let mut view = self.app_password_view(new.info)?;
                view.password = Some(new.password.expose().to_owned());
                answer(&view)
            }
            Call::DeleteAppPassword { id } => {
                answer(&self.app_password_view(identity.delete_app_password(id)?)?)
            }
            Call::ListKeys { account } => self.list_keys(account.as_ref()),
            Call::CreateKey { account, import } => {
                let new = identity.create_key(&account, import.map(|key| (key.id, key.secret)))?;
                let mut view = self.key_view(new.key)?;
                view.secret_access_key = Some(new.secret.expose().to_owned());
                answer(&view)
            }
            Call::SetKeyDisabled { id, disabled } => {
                answer(&self.key_view(identity.set_key_disabled(&id, disabled)?)?)
            }
            Call::DeleteKey { id } => answer(&self.key_view(identity.delete_key(&id)?)?),
            Call::ListTokens => answer(&Tokens {
                tokens: self
                    .tokens
                    .list()
                    .iter()
                    .map(|token| TokenView::new(token, None))
                    .collect(),
            }),
            Call::CreateToken {
                name,
                grants,
                accounts,
            } => self.create_token(&name, grants, &accounts),
            Call::DeleteToken { name } => {
                answer(&TokenView::new(&*self.tokens.delete(&name)?, None))
            }
            Call::ListMailRules => self.mail_rules(),
            Call::ChangeMailRules { change } => self.change_mail_rules(change),
            Call::ListMailKeys => self.list_mail_keys(),
            Call::CreateMailKey { key } => self.create_mail_key(&key),
            Call::DeleteMailKey { domain, selector } => self.delete_mail_key(&domain, &selector),
            Call::Status
            | Call::ListIncomingMail
            | Call::ShowMailRecords { .. }
            | Call::ListBuckets { .. }
            | Call::DeleteAccount { .. }
            | Call::ImportBooking { .. }
            | Call::ListHotels
            | Call::ChangeHotelStaff { .. }
            | Call::ListMailAccounts
            | Call::PutMailAccount { .. }
            | Call::RebuildMailIndex
            | Call::ShowMailIndex
            | Call::ListMailQueue { .. }
            | Call::ShowQueuedMail { .. }
            | Call::ChangeMailQueue { .. }
            | Call::ShareMail { .. }
            | Call::ImportMail { .. }
            | Call::ExportMail { .. }
            | Call::ListDestroyedMail { .. }
            | Call::RestoreMail { .. } => Err(internal("the call does not belong here")),
        }
    }

    fn list_keys(&self, account: Option<&AccountSelector>) -> Answer {
        let names = self.account_names();
        let keys = self.identity.keys(account)?;
        let views = keys
            .into_iter()
            // A key whose account was deleted meanwhile is gone with it.
            .filter_map(|key| {
                names
                    .get(&key.account)
                    .cloned()
                    .map(|name| KeyView::new(key, name))
            })
            .collect();
        answer(&Keys { keys: views })
    }

    fn list_app_passwords(&self, account: Option<&AccountSelector>) -> Answer {
        let names = self.account_names();
        let infos = self.identity.app_passwords(account)?;
        let views = infos
            .into_iter()
            // One whose account was deleted meanwhile is gone with it.
            .filter_map(|info| {
                let name = names.get(&info.account).cloned()?;
                Some(AppPasswordView::new(info, name))
            })
            .collect();
        answer(&AppPasswords {
            app_passwords: views,
        })
    }

    fn account_names(&self) -> HashMap<AccountId, AccountName> {
        let accounts = self.identity.accounts().into_iter();
        accounts.map(|account| (account.id, account.name)).collect()
    }

    fn create_token(
        &self,
        name: &str,
        grants: Vec<String>,
        accounts: &[AccountSelector],
    ) -> Answer {
        let grants = match grants.is_empty() {
            true => INTERFACES.map(str::to_owned).to_vec(),
            false => grants,
        };
        let accounts = accounts
            .iter()
            .map(|account| Ok(self.identity.account(account)?.id))
            .collect::<Result<Vec<_>, AdminError>>()?;
        let accounts = (!accounts.is_empty()).then_some(accounts);
        let (token, secret) = self.tokens.create(name, grants, accounts)?;
        answer(&TokenView::new(&token, Some(secret)))
    }

    fn key_view(&self, key: concierge_identity::AccessKey) -> Result<KeyView, AdminError> {
        let account = self.identity.account(&key.account.into())?;
        Ok(KeyView::new(key, account.name))
    }

    fn app_password_view(&self, info: AppPasswordInfo) -> Result<AppPasswordView, AdminError> {
        let account = self.identity.account(&info.account.into())?;
        Ok(AppPasswordView::new(info, account.name))
    }

    fn objects(&self) -> Result<&Arc<ObjectStore>, AdminError> {
        self.objects
            .as_ref()
            .ok_or_else(|| internal("the object store is not open"))
    }

    async fn status(&self) -> Answer {
        let objects = self.objects()?.status().await;
        let mut problems = crate::health::problems(&objects);
        let booking = self.booking.as_deref();
        problems.extend(booking.and_then(crate::health::booking_trouble));
        answer(&StatusView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            running: self.process.started.is_some(),
            problems,
            data: self.process.data.clone(),
            process: std::process::id(),
            started: self.process.started,
            listeners: self.process.listeners.clone(),
            accounts: self.identity.accounts().len(),
            objects: serde_json::to_value(objects.ok()).map_err(internal)?,
        })
    }

    /// Buckets as their owner sees them; all, as an administrator does.
    async fn buckets(
        &self,
        of: Option<&Account>,
        limit: Option<usize>,
    ) -> Result<Vec<BucketView>, AdminError> {
        let principal = match of {
            Some(account) => Principal::trusted(account.id, account.name.shared(), Role::User),
            None => Principal::trusted(
                AccountId(uuid::Uuid::nil()),
                "concierge".into(),
                Role::Administrator,
            ),
        };
        let mut views = Vec::new();
        let mut after = String::new();
        loop {
            let page = self
                .objects()?
                .list_buckets(&principal, "", &after, BUCKET_PAGE)
                .await
                .map_err(internal)?;
            views.extend(page.buckets.into_iter().map(bucket_view));
            match page.next {
                Some(next) if limit.is_none_or(|limit| views.len() < limit) => after = next,
                _ => return Ok(views),
            }
        }
    }

    async fn list_buckets(&self, account: Option<AccountSelector>) -> Answer {
        let account = account
            .map(|selector| self.identity.account(&selector))
            .transpose()?;
        answer(&Buckets {
            buckets: self.buckets(account.as_ref(), None).await?,
        })
    }

    /// An account that owns buckets or has mail stays: they would belong to nobody.
    async fn delete_account(self: &Arc<Self>, selector: AccountSelector) -> Answer {
        let found = self.identity.account(&selector)?;
        if let Some(bucket) = self.buckets(Some(&found), Some(1)).await?.first() {
            return Err(AdminError::new(
                ErrorCode::Conflict,
                format!(
                    "{} owns buckets ({}); delete them first",
                    found.name, bucket.name
                ),
            ));
        }
        if self.mail_view(&found).await?.is_some() {
            let why = format!(
                "{} has mail, which cannot be deleted yet; disable the account",
                found.name
            );
            return Err(AdminError::new(ErrorCode::Conflict, why));
        }
        let admin = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            account(admin.identity.delete_account(&found.id.into()))
        })
        .await
        .unwrap_or_else(|error| Err(internal(error)))
    }
}

fn bucket_view(bucket: concierge_objects::BucketInfo) -> BucketView {
    BucketView {
        name: bucket.name,
        owner_id: bucket.owner_id,
        owner: bucket.owner_name,
        created: timestamp(bucket.created_us),
        versioning: match bucket.versioning {
            Versioning::Unversioned => "unversioned",
            Versioning::Enabled => "enabled",
            Versioning::Suspended => "suspended",
        }
        .to_owned(),
        region: bucket.region,
    }
}

fn account(result: Result<Account, ManageError>) -> Answer {
    answer(&AccountView::from(result?))
}

pub(super) fn answer(view: &impl Serialize) -> Answer {
    serde_json::to_value(view).map_err(internal)
}

pub(super) fn internal(error: impl ToString) -> AdminError {
    AdminError::new(ErrorCode::Internal, error)
}

impl From<TokenError> for AdminError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid(why) => Self::invalid(why),
            TokenError::Exists(name) => Self::new(
                ErrorCode::Conflict,
                format!("there is a token {name} already"),
            ),
            TokenError::NoSuchToken(name) => {
                Self::new(ErrorCode::NotFound, format!("there is no token {name}"))
            }
            TokenError::Failed(why) => internal(why),
        }
    }
}

impl From<ManageError> for AdminError {
    fn from(error: ManageError) -> Self {
        let code = match &error {
            ManageError::NoSuchAccount(_)
            | ManageError::NoSuchKey(_)
            | ManageError::NoSuchAppPassword(_) => ErrorCode::NotFound,
            ManageError::AccountExists(_)
            | ManageError::KeyExists(_)
            | ManageError::AppPasswordExists { .. }
            | ManageError::LastAdministrator(_)
            | ManageError::TooMany { .. } => ErrorCode::Conflict,
            ManageError::Random(_) | ManageError::Hash(_) | ManageError::Database(_) => {
                ErrorCode::Internal
            }
        };
        Self::new(code, error)
    }
}
