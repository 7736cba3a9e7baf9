//! Whole flows over the store in SQLite files.

mod access;
mod events;
mod operating;
mod reading;
mod reports;
mod sending;

use std::sync::Arc;

use bytes::Bytes;
use concierge_identity::{AccountId, ManualClock};
use futures::{StreamExt, TryStreamExt, stream};
use tempfile::TempDir;

use super::{Mail, MailOptions, Setup, TextSearch};
use crate::blobs::DirectoryBlobs;
use crate::error::Error;
use crate::store::sqlite::SqliteStore;
use crate::store::{Answer, NewAccount, Store};
use crate::types::calls::ByteStream;
use crate::types::calls::emails::{Detail, Edit, Email, Message};
use crate::types::calls::messages::Range;
use crate::types::calls::search::Snippet;
use crate::types::{Done, EmailId, Made, Term, TimeUs, US_PER_DAY};

/// 2026-11-26.
const NOW_US: TimeUs = 1_795_651_200_000_000;
const US_PER_S: TimeUs = 1_000_000;

/// A search that finds nothing: what is tested here has no texts to find.
struct NoTexts;

impl TextSearch for NoTexts {
    fn resolve(&self, _: AccountId, filter: Vec<Term>) -> Answer<'_, Vec<Term>> {
        Box::pin(async move { Ok(filter) })
    }

    fn snippets(&self, _: AccountId, _: Vec<Term>, _: Vec<EmailId>) -> Answer<'_, Vec<Snippet>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// The service with two accounts, and without the work behind: tests do it step by step.
struct World {
    mail: Arc<Mail>,
    clock: Arc<ManualClock>,
    dir: TempDir,
    ann: AccountId,
    bob: AccountId,
}

impl World {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::at(NOW_US));
        let mail = open(&dir, &clock).await;
        let mut accounts = Vec::new();
        for name in ["ann", "bob"] {
            let account = NewAccount {
                id: AccountId::generate(),
                name: name.to_owned(),
                addresses: vec![format!("{name}@example.org")],
                quota_octets: 200_000_000,
                quota_count: 1_000,
            };
            mail.store().put_account(account.clone()).await.unwrap();
            accounts.push(account.id);
        }
        Self {
            mail,
            clock,
            dir,
            ann: accounts[0],
            bob: accounts[1],
        }
    }

    /// The mailbox of a role.
    async fn mailbox(&self, account: AccountId, role: &str) -> String {
        let (mailboxes, _) = self.mail.store.mailboxes(account).await.unwrap();
        let found = mailboxes
            .iter()
            .find(|mailbox| mailbox.role.as_deref() == Some(role));
        found.unwrap().id.to_string()
    }

    /// Imports a message into a mailbox.
    async fn import(&self, account: AccountId, role: &str, bytes: &str) -> Made {
        let text = account.to_string();
        let upload = self
            .mail
            .upload(account, &text, whole(bytes))
            .await
            .unwrap();
        let message = Message {
            blob_id: upload.id.to_string(),
            mailboxes: vec![self.mailbox(account, role).await],
            keywords: vec!["$Seen".to_owned()],
            received_us: None,
        };
        let edits = vec![Edit::Import(message)];
        let edited = self
            .mail
            .set_emails(account, &text, None, edits)
            .await
            .unwrap();
        match edited.items[0].clone() {
            Ok(Done::Made(made)) => made,
            other => panic!("{other:?}"),
        }
    }

    /// The emails in a mailbox, oldest first.
    async fn emails_in(&self, account: AccountId, role: &str) -> Vec<Email> {
        let mailbox = self.mailbox(account, role).await;
        let page = self.mail.store.email_feed(0, 0, 1_000).await.unwrap();
        let changes = page.changes.into_iter();
        let storage = changes
            .filter(|change| change.account == account)
            .map(|change| change.storage);
        let storage = storage.collect();
        let ids = self
            .mail
            .store
            .emails_of_storage(account, storage)
            .await
            .unwrap();
        let ids = ids.iter().map(ToString::to_string).collect();
        let text = account.to_string();
        let (emails, _) = self
            .mail
            .emails(account, &text, ids, Detail::default())
            .await
            .unwrap();
        let in_it = |email: &Email| email.mailboxes.iter().any(|id| id.to_string() == mailbox);
        emails.into_iter().filter(in_it).collect()
    }

    /// The bytes of a blob.
    async fn bytes(&self, account: AccountId, blob: &str) -> Result<Vec<u8>, Error> {
        let (content, stream) = self
            .mail
            .download(account, &account.to_string(), blob, Range::default())
            .await?;
        let bytes = collected(stream).await;
        assert_eq!(content.length, bytes.len() as u64);
        Ok(bytes)
    }
}

/// Opens a service over a directory. Its work behind is not started.
async fn open(dir: &TempDir, clock: &Arc<ManualClock>) -> Arc<Mail> {
    Arc::new(Mail::new(setup(dir, clock).await))
}

async fn setup(dir: &TempDir, clock: &Arc<ManualClock>) -> Setup {
    let path = dir.path();
    std::fs::create_dir_all(path.join("spool")).unwrap();
    let store = SqliteStore::open(&path.join("store"), None).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let blobs = DirectoryBlobs::open(&path.join("blobs")).await.unwrap();
    Setup {
        store,
        blobs: Arc::new(blobs),
        search: Arc::new(NoTexts),
        relay: None,
        pushes: None,
        clock: Arc::clone(clock) as _,
        options: MailOptions {
            domains: vec!["example.org".to_owned()],
            spool: path.join("spool"),
            ..MailOptions::default()
        },
    }
}

fn whole(bytes: &str) -> ByteStream {
    stream::iter([Ok(Bytes::copy_from_slice(bytes.as_bytes()))]).boxed()
}

async fn collected(stream: ByteStream) -> Vec<u8> {
    let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
    pieces.concat()
}

fn message(subject: &str, id: &str, more: &str) -> String {
    format!(
        "From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: {subject}\r\n\
         Message-ID: <{id}@example.org>\r\n{more}\r\nHello {subject}.\r\n"
    )
}
