//! All that a client can see of an account, and what must be true of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Engine, House};
use crate::types::{
    DataType, EmailId, EmailRow, Mailbox, MailboxId, Query, StateNumber, Thread, ThreadId, Window,
};

/// What a client sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) states: BTreeMap<DataType, StateNumber>,
    pub(crate) emails: BTreeMap<EmailId, EmailRow>,
    pub(crate) threads: BTreeMap<ThreadId, Thread>,
    pub(crate) mailboxes: BTreeMap<MailboxId, Mailbox>,
}

/// All results of a query, page by page.
pub(crate) async fn all_results<S: Engine>(house: &House<'_, S>, query: &Query) -> Vec<EmailId> {
    let mut all = Vec::new();
    loop {
        let window = Window {
            position: all.len() as i64,
            anchor: None,
            anchor_offset: 0,
            limit: 100,
            calculate_total: false,
        };
        let page = house.store.query(house.account, query.clone(), window);
        let page = page.await.unwrap();
        if page.ids.is_empty() {
            return all;
        }
        assert_eq!(page.position, all.len() as u64);
        all.extend(page.ids);
    }
}

/// Reads everything and checks that it agrees with itself.
pub(crate) async fn snapshot<S: Engine>(house: &House<'_, S>) -> Snapshot {
    let (store, account) = (house.store, house.account);
    let ids = all_results(house, &Query::default()).await;
    let (emails, _) = store.emails(account, ids.clone()).await.unwrap();
    assert_eq!(emails.len(), ids.len());
    let in_order: Vec<_> = emails.iter().map(|email| email.id).collect();
    assert_eq!(in_order, ids);
    let of_threads: BTreeSet<_> = emails.iter().map(|email| email.thread).collect();
    let threads = store.threads(account, of_threads.iter().copied().collect());
    let (threads, _) = threads.await.unwrap();
    assert_eq!(threads.len(), of_threads.len());
    let (mailboxes, _) = store.mailboxes(account).await.unwrap();
    let snapshot = Snapshot {
        states: store.states(account).await.unwrap().into_iter().collect(),
        emails: emails.into_iter().map(|email| (email.id, email)).collect(),
        threads: threads
            .into_iter()
            .map(|thread| (thread.id, thread))
            .collect(),
        mailboxes: mailboxes
            .into_iter()
            .map(|mailbox| (mailbox.id, mailbox))
            .collect(),
    };
    snapshot.check_threads();
    snapshot.check_counts();
    let quotas = store.quotas(account).await.unwrap();
    let used: Vec<_> = quotas.iter().map(|quota| quota.used).collect();
    let octets: u64 = snapshot.emails.values().map(|email| email.size).sum();
    assert_eq!(used, [octets, snapshot.emails.len() as u64]);
    snapshot
}

fn is_unread(email: &EmailRow) -> bool {
    !email
        .keywords
        .iter()
        .any(|keyword| keyword == "$seen" || keyword == "$draft")
}

impl Snapshot {
    /// Each email is in its thread, in the order of receipt, and in no other.
    fn check_threads(&self) {
        let mut expected: BTreeMap<ThreadId, Vec<&EmailRow>> = BTreeMap::new();
        for email in self.emails.values() {
            expected.entry(email.thread).or_default().push(email);
        }
        for (id, mut emails) in expected {
            emails.sort_by_key(|email| (email.received_us, email.id.storage));
            let ids: Vec<_> = emails.iter().map(|email| email.id).collect();
            assert_eq!(self.threads[&id].emails, ids);
        }
    }

    /// Counts of mailboxes, counted again as RFC 8621 §2 says.
    fn check_counts(&self) {
        let is_trash = |id: &MailboxId| self.mailboxes[id].role.as_deref() == Some("trash");
        for mailbox in self.mailboxes.values() {
            let within = |email: &&EmailRow| email.mailboxes.contains(&mailbox.id);
            let emails: Vec<_> = self.emails.values().filter(within).collect();
            let threads: BTreeSet<_> = emails.iter().map(|email| email.thread).collect();
            let counts_here = |email: &&EmailRow| match is_trash(&mailbox.id) {
                true => email.mailboxes.contains(&mailbox.id),
                false => !email.mailboxes.iter().all(is_trash),
            };
            let unread = |email: &&EmailRow| is_unread(email);
            let unread_threads: BTreeSet<_> = self
                .emails
                .values()
                .filter(unread)
                .filter(counts_here)
                .map(|email| email.thread)
                .collect();
            let expected = (
                emails.len(),
                emails.iter().filter(|email| is_unread(email)).count(),
                threads.len(),
                threads.intersection(&unread_threads).count(),
            );
            let counted = (
                mailbox.total_emails as usize,
                mailbox.unread_emails as usize,
                mailbox.total_threads as usize,
                mailbox.unread_threads as usize,
            );
            assert_eq!(counted, expected, "{}", mailbox.name);
        }
    }
}
