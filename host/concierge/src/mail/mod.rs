//! Opens mail as the configuration has it.

mod blobs;
mod certificate;
mod reindex;
pub mod smtp;

use std::sync::Arc;

use concierge_identity::SystemClock;
use concierge_mail::Relay;
use concierge_mail::search::{MailSearch, SearchSetup};
use concierge_mail::service::{Mail, MailOptions, Setup};
use concierge_mail::store::sqlite::SqliteStore;
use concierge_objects::ObjectStore;

pub use self::reindex::Reindex;

use self::blobs::ObjectBlobs;
use crate::callbacks::Pushes;
use crate::config::Config;
use crate::data_dir::Layout;
use crate::exit::Failure;

/// Mail that is open.
pub struct OpenMail {
    /// The domain.
    pub service: Arc<Mail>,
    /// The search index.
    pub search: Arc<MailSearch>,
    /// Makes the index anew.
    pub reindex: Arc<Reindex>,
}

/// Opens mail, whose bytes are in the object store. Without a relay what is for other servers waits.
pub async fn open(
    config: &Config,
    layout: &Layout,
    objects: Arc<ObjectStore>,
    relay: Option<Arc<dyn Relay>>,
) -> Result<OpenMail, Failure> {
    let failed = |error: concierge_mail::Error| Failure::failed(format!("mail: {error}"));
    let store = SqliteStore::open(&layout.mail(), config.mail_shards).await;
    let store = Arc::new(store.map_err(Failure::failed)?);
    let blobs = Arc::new(ObjectBlobs::open(objects).await?);
    let search = MailSearch::start(SearchSetup {
        directory: layout.mail_index(),
        emails: Arc::clone(&store) as _,
        references: Arc::clone(&store) as _,
        blobs: Arc::clone(&blobs) as _,
    });
    let search = Arc::new(search.await.map_err(failed)?);
    let spool = layout.mail_spool();
    std::fs::create_dir_all(&spool)
        .map_err(|error| Failure::failed(format!("{}: {error}", spool.display())))?;
    let service = Mail::start(Setup {
        store,
        blobs,
        search: Arc::clone(&search) as _,
        relay,
        pushes: Some(Arc::new(Pushes::new(config.mail_private_pushes)?)),
        clock: Arc::new(SystemClock),
        options: MailOptions {
            domains: config
                .mail_domains
                .iter()
                .map(|domain| domain.as_str().to_owned())
                .collect(),
            private_pushes: config.mail_private_pushes,
            host_name: smtp::host_name(config),
            spool,
            ..MailOptions::default()
        },
    });
    let reindex = Reindex::new(Arc::clone(&search));
    Ok(OpenMail {
        service,
        search,
        reindex,
    })
}

impl OpenMail {
    /// Ends the work behind and waits until what was accepted is on disk.
    pub async fn close(self) {
        if let Err(error) = self.search.close().await {
            tracing::error!("the search index of mail was not closed: {error}");
        }
        if let Err(error) = self.service.close().await {
            tracing::error!("mail was not closed: {error}");
        }
    }
}
