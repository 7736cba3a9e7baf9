//! A mail service with two accounts, and mail's way into it.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use concierge_identity::{
    AccountId, AccountName, AccountSelector, Bootstrap, Identity, Password, Role, SystemClock,
};
use concierge_mail::Mail;
use concierge_mail::blobs::DirectoryBlobs;
use concierge_mail::service::{MailOptions, Setup, TextSearch};
use concierge_mail::store::sqlite::SqliteStore;
use concierge_mail::store::{Answer, NewAccount, QueueEntry, QueueFilter, Store};
use concierge_mail::types::calls::emails::Detail;
use concierge_mail::types::calls::messages::Range;
use concierge_mail::types::calls::search::Snippet;
use concierge_mail::types::{EmailId, Term};
use concierge_smtp::server::{Authenticated, Connection, Limits, ServerOptions, Service, speak};
use futures::TryStreamExt;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::queue::faulty::Faulty;
use crate::queue::{Queue, QueueLimits};
use crate::rules::Rules;
use crate::steps::authentication::Authentication;
use crate::{IncomingMail, IncomingOptions, Parts, RetryOptions};

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

/// All that is open.
pub(super) struct World {
    pub(super) mail: Arc<Mail>,
    pub(super) incoming: Arc<IncomingMail>,
    pub(super) identity: Arc<Identity>,
    pub(super) ann: AccountId,
    pub(super) bob: AccountId,
    pub(super) dir: Arc<TempDir>,
    give_up_us: u64,
}

/// What `ann` may have.
pub(super) const QUOTA_OCTETS: u64 = 100_000_000;

pub(super) fn options(dir: &TempDir, give_up_us: u64) -> IncomingOptions {
    IncomingOptions {
        directory: dir.path().join("incoming"),
        host_name: "mx.test".to_owned(),
        domains: vec!["example.org".to_owned()],
        postmaster: Some("bob@example.org".to_owned()),
        queue: QueueLimits {
            free_min_octets: 0,
            // Small enough that many are begun, over what older ones have left.
            log_octets: 4 << 10,
            ..QueueLimits::default()
        },
        retry: RetryOptions {
            first_us: 1_000,
            max_us: 10_000,
            give_up_us,
        },
    }
}

impl World {
    /// What cannot be delivered at once is given up.
    pub(super) async fn new() -> Self {
        Self::with(0).await
    }

    /// What cannot be delivered is tried for ever.
    pub(super) async fn patient() -> Self {
        Self::with(u64::MAX).await
    }

    async fn with(give_up_us: u64) -> Self {
        let dir = Arc::new(TempDir::new().unwrap());
        let clock = Arc::new(SystemClock);
        let bootstrap = Bootstrap {
            account_name: None,
            access_key_id: None,
            secret_access_key: None,
            password: None,
            credentials_file: None,
        };
        let identity = Identity::open(&dir.path().join("identity"), clock, bootstrap);
        let identity = Arc::new(identity.unwrap());
        let mail = open_mail(&dir).await;
        let mut accounts = Vec::new();
        for name in ["ann", "bob"] {
            let named: AccountName = name.parse().unwrap();
            let account = identity.create_account(named, Role::User).unwrap().id;
            let selector: AccountSelector = account.into();
            let password: Password = format!("the password of {name}").parse().unwrap();
            identity.set_password(&selector, &password).unwrap();
            let new = NewAccount {
                id: account,
                name: name.to_owned(),
                addresses: vec![format!("{name}@example.org")],
                quota_octets: QUOTA_OCTETS,
                quota_count: 10_000,
            };
            mail.store().put_account(new).await.unwrap();
            accounts.push(account);
        }
        let incoming = open_incoming(&dir, &mail, &identity, give_up_us).await;
        Self {
            mail,
            incoming,
            identity,
            ann: accounts[0],
            bob: accounts[1],
            dir,
            give_up_us,
        }
    }

    /// The same after an end and a start.
    pub(super) async fn again(self) -> Self {
        self.incoming.close().await;
        let incoming = open_incoming(&self.dir, &self.mail, &self.identity, self.give_up_us).await;
        Self { incoming, ..self }
    }

    /// The same with its queue on a disk, after what ran before is gone.
    pub(super) async fn on(self, disk: Arc<Faulty>) -> Self {
        self.incoming.close().await;
        let options = options(&self.dir, self.give_up_us);
        let queue = Queue::on(disk, options.queue).unwrap();
        let rules = Rules::open(&IncomingMail::rules_file(&options.directory)).unwrap();
        let parts = Parts {
            options,
            mail: Arc::clone(&self.mail),
            identity: Arc::clone(&self.identity),
            authentication: Authentication::none("mx.test"),
            clock: Arc::new(SystemClock),
        };
        let incoming = IncomingMail::start(parts, queue, rules);
        Self { incoming, ..self }
    }

    /// The replies to what a client of a stranger's address says.
    pub(super) async fn says(&self, said: impl AsRef<[u8]>) -> String {
        self.session(Service::Exchange, "192.0.2.1:4000", None, said)
            .await
    }

    /// The replies to what `ann` says.
    pub(super) async fn submits(&self, said: impl AsRef<[u8]>) -> String {
        let who = Authenticated {
            account: self.ann.0,
            name: "ann".to_owned(),
        };
        self.session(Service::Submission, "192.0.2.1:4000", Some(who), said)
            .await
    }

    pub(super) async fn session(
        &self,
        service: Service,
        peer: &str,
        authenticated: Option<Authenticated>,
        said: impl AsRef<[u8]>,
    ) -> String {
        let (client, server) = duplex(1 << 16);
        let connection = Connection {
            number: 1,
            service,
            peer: peer.parse::<SocketAddr>().unwrap(),
            local: "192.0.2.2:25".parse().unwrap(),
            hello: String::new(),
            is_extended: false,
            tls: None,
            authenticated,
        };
        let options = ServerOptions {
            limits: Limits::default(),
            plain_on_loopback: true,
            ..ServerOptions::new(service, "mx.test")
        };
        let handler = Arc::clone(&self.incoming) as _;
        let session = tokio::spawn(speak(options, handler, connection, server));
        let (mut reader, mut writer) = tokio::io::split(client);
        let said = said.as_ref().to_vec();
        let write = async {
            // A session that ends early takes no more.
            let _ = writer.write_all(&said).await;
            let _ = writer.shutdown().await;
        };
        let mut told = String::new();
        let (_, read) = tokio::join!(write, reader.read_to_string(&mut told));
        read.unwrap();
        session.await.unwrap();
        told
    }

    /// All emails of an account, as they are kept, once there are so many.
    pub(super) async fn emails(&self, account: AccountId, count: usize) -> Vec<Bytes> {
        loop {
            let all = self.all(account).await;
            if all.len() >= count {
                return all;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    async fn all(&self, account: AccountId) -> Vec<Bytes> {
        let mut storage = Vec::new();
        for shard in 0..64 {
            let page = self.mail.store().email_feed(shard, 0, 10_000).await;
            let Ok(page) = page else {
                break;
            };
            let own = page
                .changes
                .into_iter()
                .filter(|change| change.account == account);
            storage.extend(own.map(|change| change.storage));
        }
        let ids = self
            .mail
            .store()
            .emails_of_storage(account, storage)
            .await
            .unwrap();
        let text = account.to_string();
        let mut bytes = Vec::new();
        for ids in ids.chunks(100) {
            let ids = ids.iter().map(ToString::to_string).collect();
            let (emails, _) = self
                .mail
                .emails(account, &text, ids, Detail::default())
                .await
                .unwrap();
            for email in emails {
                let blob = email.blob_id.to_string();
                let download = self
                    .mail
                    .download(account, &text, &blob, Range::default())
                    .await;
                let pieces: Vec<Bytes> = download.unwrap().1.try_collect().await.unwrap();
                bytes.push(pieces.concat().into());
            }
        }
        bytes
    }

    /// Waits until nothing waits.
    pub(super) async fn idle(&self) {
        while self.incoming.size().messages > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// What waits to be sent to others.
    pub(super) async fn outgoing(&self) -> Vec<QueueEntry> {
        self.mail
            .store()
            .queue(QueueFilter::default(), 1_000)
            .await
            .unwrap()
    }
}

async fn open_mail(dir: &TempDir) -> Arc<Mail> {
    let path = dir.path();
    std::fs::create_dir_all(path.join("spool")).unwrap();
    let store = SqliteStore::open(&path.join("store"), Some(1))
        .await
        .unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let blobs = DirectoryBlobs::open(&path.join("blobs")).await.unwrap();
    Mail::start(Setup {
        store,
        blobs: Arc::new(blobs),
        search: Arc::new(NoTexts),
        relay: None,
        pushes: None,
        clock: Arc::new(SystemClock),
        options: MailOptions {
            domains: vec!["example.org".to_owned()],
            spool: path.join("spool"),
            host_name: "mx.test".to_owned(),
            ..MailOptions::default()
        },
    })
}

async fn open_incoming(
    dir: &TempDir,
    mail: &Arc<Mail>,
    identity: &Arc<Identity>,
    give_up_us: u64,
) -> Arc<IncomingMail> {
    std::fs::create_dir_all(dir.path().join("incoming")).unwrap();
    let authentication = Authentication::none("mx.test");
    let (mail, identity) = (Arc::clone(mail), Arc::clone(identity));
    let clock = Arc::new(SystemClock);
    let opened = IncomingMail::open(
        options(dir, give_up_us),
        mail,
        identity,
        authentication,
        clock,
    )
    .await;
    opened.unwrap()
}

/// A transaction of one message.
pub(super) fn transaction(from: &str, to: &[&str], message: &str) -> String {
    let mut said = format!("EHLO client.test\r\nMAIL FROM:<{from}>\r\n");
    for to in to {
        said += &format!("RCPT TO:<{to}>\r\n");
    }
    let stuffed = message.replace("\r\n.", "\r\n..");
    said + &format!("DATA\r\n{stuffed}.\r\nQUIT\r\n")
}
