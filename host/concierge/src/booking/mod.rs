//! Opens bookings as the configuration has them.

mod mails;

use std::sync::Arc;
use std::time::Duration;

use concierge_booking::payment::sandbox::Sandbox;
use concierge_booking::store::Store;
use concierge_booking::store::postgres::{PostgresOptions, PostgresStore};
use concierge_booking::store::sqlite::{SqliteOptions, SqliteStore};
use concierge_booking::{Booking, BookingOptions, CallRate, MailOutbox, Setup, WebhookSender};
use concierge_identity::SystemClock;
use concierge_mail::Mail;
use tokio::task::JoinHandle;

use self::mails::Mails;
use crate::callbacks::Webhooks;
use crate::config::Config;
use crate::data_dir::Layout;
use crate::exit::{Exit, Failure};

/// Searches at once after a pause, in seconds of the rate: a page that searches as one types.
const SEARCHES_BURST_S: u32 = 10;
/// Changes at once after a pause, in seconds of the rate.
const CHANGES_BURST_S: u32 = 4;

/// Bookings that are open.
pub struct OpenBooking {
    /// The domain.
    pub service: Arc<Booking>,
    /// Hands on what the payment provider's sandbox tells; a real one's words come in over HTTP.
    notices: JoinHandle<()>,
}

/// Opens bookings. Without `webhooks` nothing is told to any, and without `mails` confirmations stay in the outbox.
pub async fn open(
    config: &Config,
    layout: &Layout,
    webhooks: Option<Arc<dyn WebhookSender>>,
    mails: Option<Arc<dyn MailOutbox>>,
) -> Result<OpenBooking, Failure> {
    let sandbox = Sandbox::open(&layout.payment_sandbox()).map_err(Failure::failed)?;
    let service = Booking::start(Setup {
        store: store(config, layout).await?,
        provider: Arc::clone(&sandbox) as _,
        webhooks,
        mails,
        clock: Arc::new(SystemClock),
        options: options(config),
    });
    let service = service
        .await
        .map_err(|error| Failure::failed(format!("bookings: {error}")))?;
    let notices = tokio::spawn(hand_on(sandbox, Arc::clone(&service)));
    Ok(OpenBooking { service, notices })
}

/// What sends to webhooks.
pub fn webhooks(config: &Config) -> Result<Arc<dyn WebhookSender>, Failure> {
    Ok(Arc::new(Webhooks::new(config.booking_private_webhooks)?))
}

/// What takes bookings' mails; nothing unless an address is set that they leave from.
pub fn mails(config: &Config, mail: &Arc<Mail>) -> Option<Arc<dyn MailOutbox>> {
    let from = config.booking_mail_from.as_ref()?;
    Some(Arc::new(Mails {
        mail: Arc::clone(mail),
        from: from.to_string(),
    }))
}

impl OpenBooking {
    /// Ends the work behind and waits until what was accepted is on disk.
    pub async fn close(self) {
        self.notices.abort();
        if let Err(error) = self.service.close().await {
            tracing::error!("bookings were not closed: {error}");
        }
    }
}

async fn store(config: &Config, layout: &Layout) -> Result<Arc<dyn Store>, Failure> {
    if !config.booking_postgres.is_empty() {
        let urls = config.booking_postgres.iter();
        let urls = urls.map(|url| url.expose().to_owned()).collect();
        let store = PostgresStore::open(PostgresOptions {
            strategy: config.booking_strategy.0,
            ..PostgresOptions::new(urls)
        });
        let store = store.await.map_err(|error| {
            Failure::new(
                Exit::Unavailable,
                format!("bookings on PostgreSQL: {error}"),
            )
        })?;
        return Ok(Arc::new(store));
    }
    let store = SqliteStore::open(SqliteOptions {
        directory: layout.booking(),
        shards: config.booking_shards,
        strategy: config.booking_strategy.0,
        group_commit: config.booking_group_commit,
    });
    Ok(Arc::new(store.await.map_err(Failure::failed)?))
}

fn options(config: &Config) -> BookingOptions {
    let rate = |per_s: u32, burst_s: u32| match per_s {
        0 => CallRate::UNLIMITED,
        per_s => CallRate {
            per_s,
            burst: per_s.saturating_mul(burst_s),
        },
    };
    BookingOptions {
        searches: rate(config.booking_searches_per_s, SEARCHES_BURST_S),
        writes: rate(config.booking_changes_per_s, CHANGES_BURST_S),
        cache_ttl: Duration::from_secs(config.booking_cache_s.into()),
        ..BookingOptions::default()
    }
}

async fn hand_on(sandbox: Arc<Sandbox>, booking: Arc<Booking>) {
    loop {
        let (body, signature) = sandbox.next_notice().await;
        if let Err(error) = booking.notify(&body, &signature).await {
            tracing::warn!("what the payment sandbox told was not taken: {error}");
        }
    }
}
