//! What administration does with mail, and its answers.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use concierge_identity::{
    Account, AccountId, AccountName, AccountSelector, Clock as _, SystemClock,
};
use concierge_mail::service::Import;
use concierge_mail::store::{Access, NewAccount, Store};
use concierge_mail::types::{
    Comparator, EmailId, EmailRow, Mailbox, MailboxDetails, MailboxEdit, MailboxId, Property,
    Query, StorageId, TimeUs, Window,
};
use concierge_mail::{Error, Mail};
use futures::TryStreamExt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::run::{Answer, answer, internal};
use super::{Admin, AdminError, ErrorCode};

/// Octets of an account's emails unless it is said otherwise: 10 GiB.
const QUOTA_OCTETS: u64 = 10 << 30;
/// Emails of an account unless it is said otherwise.
const QUOTA_COUNT: u64 = 1_000_000;
/// Messages in one answer of an export.
const EXPORT_MAX: u32 = 200;
/// And no more once they have so many bytes.
const EXPORT_BYTES: u64 = 4 << 20;
/// Destroyed messages that are shown.
const DESTROYED_MAX: usize = 1_000;

/// An account's mail.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailAccountView {
    /// The account's name.
    pub name: AccountName,
    /// The account's id.
    pub id: AccountId,
    /// The main one first.
    pub addresses: Vec<String>,
    /// Emails it has.
    pub emails: u64,
    /// Emails it may have.
    pub emails_max: u64,
    /// Octets they have.
    pub octets: u64,
    /// Octets they may have.
    pub octets_max: u64,
}

/// All accounts with mail.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailAccounts {
    /// By name.
    pub accounts: Vec<MailAccountView>,
}

/// What to make of an account's mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailAccountChange {
    /// All addresses from now on; none: those it has.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Emails it may have.
    #[serde(default)]
    pub emails_max: Option<u64>,
    /// Octets they may have.
    #[serde(default)]
    pub octets_max: Option<u64>,
}

/// Whether an account's mail is shown to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailSharing {
    /// To read and to change.
    Write,
    /// To read.
    Read,
    /// No longer.
    None,
}

/// A message with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailMessage {
    /// Names of mailboxes from the top. Empty: the inbox.
    pub mailbox: Vec<String>,
    /// In lower case.
    pub keywords: Vec<String>,
    /// When it was received, microseconds since the Unix epoch.
    pub received_us: Option<TimeUs>,
    /// The message.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub bytes: Vec<u8>,
}

/// Messages of an export.
#[derive(Debug, Serialize, Deserialize)]
pub struct MailPage {
    /// In the order of their receipt.
    pub messages: Vec<MailMessage>,
    /// How many there are in all.
    pub total: u64,
    /// What to ask for next; `None`: these were the last.
    pub next: Option<String>,
}

/// Messages that can be brought back.
#[derive(Debug, Serialize, Deserialize)]
pub struct DestroyedMail {
    /// The last destroyed first.
    pub messages: Vec<DestroyedMessage>,
}

/// A message that can be brought back.
#[derive(Debug, Serialize, Deserialize)]
pub struct DestroyedMessage {
    /// By which it is brought back.
    pub id: String,
    /// When it was destroyed, microseconds since the Unix epoch.
    pub destroyed_us: TimeUs,
    /// When it was received, microseconds since the Unix epoch.
    pub received_us: TimeUs,
    /// Octets.
    pub size: u64,
    /// Its subject.
    pub subject: String,
}

/// How many messages were brought back.
#[derive(Debug, Serialize, Deserialize)]
pub struct RestoredMail {
    /// So many.
    pub restored: u64,
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(de::Error::custom)
}

impl Admin {
    pub(super) fn mail(&self) -> Result<&Mail, AdminError> {
        self.mail
            .as_deref()
            .ok_or_else(|| AdminError::new(ErrorCode::Internal, "mail is not open"))
    }

    /// The mail of an account; `None`: it has none.
    pub(super) async fn mail_view(
        &self,
        account: &Account,
    ) -> Result<Option<MailAccountView>, AdminError> {
        let store = self.mail()?.store();
        let own = store.accounts_of(account.id).await?;
        let Some(own) = own.into_iter().find(|own| own.personal) else {
            return Ok(None);
        };
        let quotas = store.quotas(account.id).await?;
        let of = |resource: &str| {
            let found = quotas.iter().find(|quota| quota.resource == resource);
            found.map_or((0, 0), |quota| (quota.used, quota.hard_limit))
        };
        let ((emails, emails_max), (octets, octets_max)) = (of("count"), of("octets"));
        Ok(Some(MailAccountView {
            name: account.name.clone(),
            id: account.id,
            addresses: own.addresses,
            emails,
            emails_max,
            octets,
            octets_max,
        }))
    }

    pub(super) async fn list_mail_accounts(&self) -> Answer {
        let mut accounts = Vec::new();
        for account in self.identity.accounts() {
            accounts.extend(self.mail_view(&account).await?);
        }
        answer(&MailAccounts { accounts })
    }

    /// Gives an account mail, or changes what it has.
    pub(super) async fn put_mail_account(
        &self,
        selector: &AccountSelector,
        change: MailAccountChange,
    ) -> Answer {
        let account = self.identity.account(selector)?;
        let before = self.mail_view(&account).await?;
        let addresses = match (change.addresses.is_empty(), &before) {
            (false, _) => change.addresses,
            (true, Some(before)) => before.addresses.clone(),
            (true, None) => {
                return Err(AdminError::invalid(format!(
                    "{} has no mail yet, which begins with an address",
                    account.name
                )));
            }
        };
        let kept = |new: Option<u64>, old: Option<u64>, first: u64| new.or(old).unwrap_or(first);
        let new = NewAccount {
            id: account.id,
            name: account.name.to_string(),
            addresses,
            quota_octets: kept(
                change.octets_max,
                before.as_ref().map(|view| view.octets_max),
                QUOTA_OCTETS,
            ),
            quota_count: kept(
                change.emails_max,
                before.as_ref().map(|view| view.emails_max),
                QUOTA_COUNT,
            ),
        };
        self.mail()?.put_account(new).await?;
        match self.mail_view(&account).await? {
            Some(view) => answer(&view),
            None => Err(internal("the account's mail is not there")),
        }
    }

    /// Shows an account's mail to another, or no longer.
    pub(super) async fn share_mail(
        &self,
        selector: &AccountSelector,
        with: &AccountSelector,
        sharing: MailSharing,
    ) -> Answer {
        let (account, with) = (
            self.identity.account(selector)?,
            self.identity.account(with)?,
        );
        if account.id == with.id {
            let why = format!("{} sees its own mail already", account.name);
            return Err(AdminError::invalid(why));
        }
        let access = match sharing {
            MailSharing::Write => Some(Access { read_only: false }),
            MailSharing::Read => Some(Access { read_only: true }),
            MailSharing::None => None,
        };
        let store = self.mail()?.store();
        store.share(account.id, with.id, access).await?;
        answer(&serde_json::json!({}))
    }

    /// Imports messages in their order; what cannot be is rejected with its reason.
    pub(super) async fn import_mail(
        &self,
        selector: &AccountSelector,
        messages: Vec<MailMessage>,
    ) -> Answer {
        let account = self.identity.account(selector)?.id;
        let mail = self.mail()?;
        let mut places = Places::of(mail.store().as_ref(), account).await?;
        let mut rejected = Vec::new();
        let (mut indices, mut imports) = (Vec::new(), Vec::new());
        for (index, message) in messages.into_iter().enumerate() {
            let mailbox = places
                .find_or_make(
                    mail.store().as_ref(),
                    &message.mailbox,
                    SystemClock.now_us(),
                )
                .await;
            match mailbox? {
                Err(reason) => rejected.push(super::booking::Rejection { index, reason }),
                Ok(mailbox) => {
                    indices.push(index);
                    imports.push(Import {
                        bytes: message.bytes,
                        mailboxes: vec![mailbox],
                        keywords: message.keywords,
                        received_us: message.received_us,
                    });
                }
            }
        }
        let imported = mail.import_all(account, imports).await?;
        for (index, imported) in indices.into_iter().zip(imported) {
            let reason = imported.err().map(|refusal| refusal.description);
            rejected.extend(reason.map(|reason| super::booking::Rejection { index, reason }));
        }
        rejected.sort_by_key(|rejection| rejection.index);
        answer(&super::booking::Imported { rejected })
    }

    /// Messages in the order of their receipt, behind one.
    pub(super) async fn export_mail(
        &self,
        selector: &AccountSelector,
        after: Option<&str>,
    ) -> Answer {
        let account = self.identity.account(selector)?.id;
        let mail = self.mail()?;
        let store = mail.store();
        let anchor = after
            .map(str::parse::<EmailId>)
            .transpose()
            .map_err(AdminError::invalid)?;
        let query = Query {
            sort: vec![Comparator {
                property: Property::ReceivedAt,
                keyword: String::new(),
                ascending: true,
            }],
            ..Query::default()
        };
        let window = Window {
            position: 0,
            anchor,
            anchor_offset: i64::from(anchor.is_some()),
            limit: EXPORT_MAX,
            calculate_total: true,
        };
        let page = store.query(account, query, window).await?;
        let (rows, _) = store.emails(account, page.ids.clone()).await?;
        let places = Places::of(store.as_ref(), account).await?;
        let (mut messages, mut bytes, mut last) = (Vec::new(), 0, None);
        for row in rows {
            if bytes > EXPORT_BYTES {
                break;
            }
            bytes += row.size;
            last = Some(row.id);
            messages.push(export(mail, account, row, &places).await?);
        }
        let is_end = last == page.ids.last().copied() && page.ids.len() < EXPORT_MAX as usize;
        answer(&MailPage {
            messages,
            total: page.total.unwrap_or_default(),
            next: last.filter(|_| !is_end).map(|id| id.to_string()),
        })
    }

    pub(super) async fn list_destroyed_mail(&self, selector: &AccountSelector) -> Answer {
        let account = self.identity.account(selector)?.id;
        let destroyed = self.mail()?.store().destroyed(account, DESTROYED_MAX).await;
        let messages = destroyed?.into_iter().map(|email| DestroyedMessage {
            id: email.storage.to_string(),
            destroyed_us: email.destroyed_us,
            received_us: email.received_us,
            size: email.size,
            subject: concierge_mail_message::text(email.subject.as_bytes()),
        });
        answer(&DestroyedMail {
            messages: messages.collect(),
        })
    }

    /// Brings destroyed messages back; those that are not known are left out.
    pub(super) async fn restore_mail(&self, selector: &AccountSelector, ids: &[String]) -> Answer {
        let account = self.identity.account(selector)?.id;
        let ids = ids
            .iter()
            .map(|id| {
                let none = |_| AdminError::invalid(format!("{id:?} is not the id of a message"));
                id.parse::<StorageId>().map_err(none)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let store = self.mail()?.store();
        let restored = store.restore(account, ids, SystemClock.now_us()).await?;
        answer(&RestoredMail {
            restored: restored.len() as u64,
        })
    }
}

async fn export(
    mail: &Mail,
    account: AccountId,
    row: EmailRow,
    places: &Places,
) -> Result<MailMessage, AdminError> {
    let stream = mail.message(account, row.blob).await?;
    let bytes = stream.try_fold(Vec::new(), |mut bytes, piece| async move {
        bytes.extend_from_slice(&piece);
        Ok(bytes)
    });
    Ok(MailMessage {
        mailbox: row
            .mailboxes
            .first()
            .map(|mailbox| places.path(*mailbox))
            .unwrap_or_default(),
        keywords: row.keywords,
        received_us: Some(row.received_us),
        bytes: bytes.await.map_err(internal)?,
    })
}

/// The mailboxes of an account by their names.
struct Places {
    account: AccountId,
    by_id: HashMap<MailboxId, Mailbox>,
}

impl Places {
    async fn of(store: &dyn Store, account: AccountId) -> Result<Self, AdminError> {
        let (mailboxes, _) = store.mailboxes(account).await?;
        let by_id = mailboxes.into_iter().map(|mailbox| (mailbox.id, mailbox));
        Ok(Self {
            account,
            by_id: by_id.collect(),
        })
    }

    /// Names from the top; the inbox has none.
    fn path(&self, mailbox: MailboxId) -> Vec<String> {
        let mut names = Vec::new();
        let mut at = self.by_id.get(&mailbox);
        if at.is_some_and(|mailbox| mailbox.role.as_deref() == Some("inbox")) {
            return names;
        }
        while let Some(mailbox) = at {
            names.insert(0, mailbox.name.clone());
            at = mailbox.parent.and_then(|parent| self.by_id.get(&parent));
        }
        names
    }

    fn child(&self, parent: Option<MailboxId>, name: &str) -> Option<MailboxId> {
        let mut all = self.by_id.values();
        let found = all.find(|mailbox| mailbox.parent == parent && mailbox.name == name);
        found.map(|mailbox| mailbox.id)
    }

    fn inbox(&self) -> Option<MailboxId> {
        let mut all = self.by_id.values();
        let inbox = all.find(|mailbox| mailbox.role.as_deref() == Some("inbox"));
        inbox.map(|mailbox| mailbox.id)
    }

    /// The mailbox that names lead to; those that are not there are made. A sentence where one cannot be.
    async fn find_or_make(
        &mut self,
        store: &dyn Store,
        names: &[String],
        now_us: TimeUs,
    ) -> Result<Result<MailboxId, String>, AdminError> {
        let is_inbox = |name: &String| name.eq_ignore_ascii_case("inbox");
        let mut at = None;
        for (depth, name) in names.iter().enumerate() {
            at = match self.child(at, name) {
                Some(found) => Some(found),
                None if depth == 0 && is_inbox(name) => self.inbox(),
                None => {
                    let details = MailboxDetails {
                        name: name.clone(),
                        parent: at,
                        role: None,
                        sort_order: 0,
                        subscribed: true,
                    };
                    let made = store.edit_mailboxes(
                        self.account,
                        None,
                        vec![MailboxEdit::Create(details)],
                        now_us,
                    );
                    match made.await?.items.pop() {
                        Some(Ok(made)) => {
                            *self = Self::of(store, self.account).await?;
                            Some(made)
                        }
                        Some(Err(refusal)) => {
                            let why = format!("the mailbox {name:?}: {}", refusal.description);
                            return Ok(Err(why));
                        }
                        None => return Err(internal("a mailbox was not made")),
                    }
                }
            };
        }
        match at.or_else(|| self.inbox()) {
            Some(mailbox) => Ok(Ok(mailbox)),
            None => Ok(Err("the account has no inbox".to_owned())),
        }
    }
}

impl From<Error> for AdminError {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::AccountNotFound | Error::NotFound => ErrorCode::NotFound,
            Error::InvalidArguments(_) | Error::TooLarge(_) => ErrorCode::Invalid,
            Error::OverQuota | Error::AnchorNotFound | Error::StateMismatch => ErrorCode::Conflict,
            Error::SlowDown(_) | Error::Unavailable => ErrorCode::Unavailable,
            _ => ErrorCode::Internal,
        };
        let message = match error {
            Error::AccountNotFound => "the account has no mail".to_owned(),
            other => other.to_string(),
        };
        Self::new(code, message)
    }
}
