//! [`EmailStore`], joined.

use std::sync::Arc;

use concierge_identity::AccountId;
use concierge_sqlite::WriteTx;
use rusqlite::Connection;
use tokio::sync::broadcast;

use super::super::log;
use super::super::{Failure, SqliteStore};
use super::{Books, deliver, edit, exchange, feed, mailboxes, query, restore, rows, threads};
use crate::error::Error;
use crate::store::{
    Answer, Deliver, DeliverOutcome, DestroyedEmail, EmailEdit, EmailStore, FeedPage, StateChange,
};
use crate::types::{
    Changes, DataType, Edited, EmailId, EmailRow, Mailbox, MailboxEdit, MailboxId, Outcomes, Page,
    Query, QueryChanges, StateNumber, StorageId, Thread, ThreadId, TimeUs, Window,
};

impl EmailStore for SqliteStore {
    fn mailboxes(&self, account: AccountId) -> Answer<'_, (Vec<Mailbox>, StateNumber)> {
        self.read_account("mailboxes", account, |c, account| {
            let state = log::state(c, account, DataType::Mailbox)?;
            Ok((mailboxes::all(c, account)?, state))
        })
    }

    fn edit_mailboxes(
        &self,
        account: AccountId,
        if_in_state: Option<StateNumber>,
        edits: Vec<MailboxEdit>,
        now_us: TimeUs,
    ) -> Answer<'_, Outcomes<MailboxId>> {
        Box::pin(async move {
            let emptied = self.empty_big(account, if_in_state, &edits, now_us).await?;
            // The state was compared before they were emptied.
            let expected = if_in_state.filter(|_| emptied.is_none());
            let edit = move |tx: &WriteTx<'_>, account| {
                let old_state = log::expect_state(tx, account, DataType::Mailbox, expected)?;
                Ok(Outcomes {
                    old_state: emptied.unwrap_or(old_state),
                    items: exchange::edit_all(tx, account, &edits, now_us)?,
                    new_state: log::state(tx, account, DataType::Mailbox)?,
                })
            };
            self.write_account("edit_mailboxes", account, edit).await
        })
    }

    fn mailbox_changes(
        &self,
        account: AccountId,
        since: StateNumber,
        max: usize,
    ) -> Answer<'_, Changes<MailboxId>> {
        self.read_account("mailbox_changes", account, move |c, account| {
            let changes = log::changes(c, account, DataType::Mailbox, since, max)?;
            Ok(changes.map(|(number, _)| MailboxId(number)))
        })
    }

    fn deliver(&self, deliver: Deliver) -> Answer<'_, DeliverOutcome> {
        self.write_account("deliver", deliver.account, move |tx, account| {
            deliver::deliver(tx, account, deliver)
        })
    }

    fn edit_emails(
        &self,
        account: AccountId,
        if_in_state: Option<StateNumber>,
        edits: Vec<EmailEdit>,
        now_us: TimeUs,
    ) -> Answer<'_, Edited> {
        self.write_account("edit_emails", account, move |tx, account| {
            let old_state = log::expect_state(tx, account, DataType::Email, if_in_state)?;
            let books = Books::open(tx, account)?;
            let edits = edits.into_iter();
            let items = edits.map(|edit| edit::edit(&books, edit, now_us));
            Ok(Edited {
                old_state,
                items: items.collect::<Result<_, _>>()?,
                new_state: log::state(tx, account, DataType::Email)?,
            })
        })
    }

    fn emails(
        &self,
        account: AccountId,
        ids: Vec<EmailId>,
    ) -> Answer<'_, (Vec<EmailRow>, StateNumber)> {
        self.read_account("emails", account, move |c, account| {
            let state = log::state(c, account, DataType::Email)?;
            Ok((each(&ids, |id| rows::whole(c, account, id))?, state))
        })
    }

    fn emails_of_storage(
        &self,
        account: AccountId,
        ids: Vec<StorageId>,
    ) -> Answer<'_, Vec<EmailId>> {
        self.read_account("emails_of_storage", account, move |c, account| {
            Ok(each(&ids, |id| rows::present_id(c, account, id))?)
        })
    }

    fn email_changes(
        &self,
        account: AccountId,
        since: StateNumber,
        max: usize,
    ) -> Answer<'_, Changes<EmailId>> {
        self.read_account("email_changes", account, move |c, account| {
            let changes = log::changes(c, account, DataType::Email, since, max)?;
            let id = |(storage, generation)| rows::email_id(storage, generation);
            Ok(changes.map(id))
        })
    }

    fn threads(
        &self,
        account: AccountId,
        ids: Vec<ThreadId>,
    ) -> Answer<'_, (Vec<Thread>, StateNumber)> {
        self.read_account("threads", account, move |c, account| {
            let state = log::state(c, account, DataType::Thread)?;
            Ok((each(&ids, |id| threads::whole(c, account, id))?, state))
        })
    }

    fn thread_changes(
        &self,
        account: AccountId,
        since: StateNumber,
        max: usize,
    ) -> Answer<'_, Changes<ThreadId>> {
        self.read_account("thread_changes", account, move |c, account| {
            let changes = log::changes(c, account, DataType::Thread, since, max)?;
            Ok(changes.map(|(number, _)| ThreadId(number)))
        })
    }

    fn query(&self, account: AccountId, query: Query, window: Window) -> Answer<'_, Page> {
        self.read_account_long("query", account, move |c, account| {
            query::page(c, account, query, &window)
        })
    }

    fn query_changes(
        &self,
        account: AccountId,
        query: Query,
        since: StateNumber,
        max: Option<u32>,
        calculate_total: bool,
    ) -> Answer<'_, QueryChanges> {
        self.read_account_long("query_changes", account, move |c, account| {
            query::changes(c, account, query, since, max, calculate_total)
        })
    }

    fn destroyed(&self, account: AccountId, max: usize) -> Answer<'_, Vec<DestroyedEmail>> {
        self.read_account("destroyed", account, move |c, account| {
            Ok(restore::destroyed(c, account, max)?)
        })
    }

    fn restore(
        &self,
        account: AccountId,
        emails: Vec<StorageId>,
        _now_us: TimeUs,
    ) -> Answer<'_, Vec<EmailId>> {
        self.write_account("restore", account, move |tx, account| {
            restore::restore(tx, account, &emails)
        })
    }

    fn shards(&self) -> u16 {
        // At most SHARDS_MAX.
        self.shards.len() as u16
    }

    fn email_feed(&self, shard: u16, after: u64, max: usize) -> Answer<'_, FeedPage> {
        Box::pin(async move {
            let shard = self.shards.get(usize::from(shard));
            let shard = shard.ok_or_else(|| Error::InvalidArguments("shard".to_owned()))?;
            let page = move |c: &Connection| Ok(feed::page(c, after, max)?);
            shard.read_long("email_feed", page).await
        })
    }

    fn shard_of(&self, account: AccountId) -> u16 {
        self.shard_number(account)
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<StateChange>> {
        self.told.subscribe()
    }
}

impl SqliteStore {
    /// Empties big mailboxes that are to be destroyed with their mail little by little, so that others of the shard write
    /// in between. Gives the state before, where there were any.
    async fn empty_big(
        &self,
        account: AccountId,
        mut if_in_state: Option<StateNumber>,
        edits: &[MailboxEdit],
        now_us: TimeUs,
    ) -> Result<Option<StateNumber>, Error> {
        let mut before = None;
        for edit in edits {
            let MailboxEdit::Destroy(removal) = *edit else {
                continue;
            };
            let mut more = removal.remove_emails;
            while more {
                let empty = move |tx: &WriteTx<'_>, account| {
                    let state = log::expect_state(tx, account, DataType::Mailbox, if_in_state)?;
                    let emptied = mailboxes::empty_some(tx, account, removal, now_us)?;
                    Ok(emptied.then_some(state))
                };
                let emptied = self.write_account("empty_mailbox", account, empty).await?;
                more = emptied.is_some();
                if more {
                    before = before.or(emptied);
                    if_in_state = None;
                }
            }
        }
        Ok(before)
    }
}

/// What is there, in the order that it was asked for.
fn each<Id: Copy, T>(
    ids: &[Id],
    find: impl FnMut(Id) -> rusqlite::Result<Option<T>>,
) -> rusqlite::Result<Vec<T>> {
    let found = ids.iter().copied().map(find);
    found.filter_map(Result::transpose).collect()
}

/// Forgets what is over its time of deliveries and destroyed emails; how many went.
pub(in super::super) fn sweep_emails(
    tx: &WriteTx<'_>,
    now_us: TimeUs,
    max: usize,
) -> Result<usize, Failure> {
    let deliveries = deliver::sweep(tx, now_us, max)?;
    let emails = restore::sweep(tx, now_us, max.saturating_sub(deliveries))?;
    Ok(deliveries + emails)
}
