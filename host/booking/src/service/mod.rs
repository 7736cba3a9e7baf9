//! The service: what the contract's functions do, with one method for each.
//!
//! A call is let in ([`crate::throttle`]), checked ([`crate::rules::check`]), authorised ([`crate::authorize`]), and handed
//! to the store as one operation with a rule. Nothing here is kept between calls but caches and counters.

mod administration;
mod availability;
mod catalogue;
mod payments;
mod reports;
mod reservations;
#[cfg(test)]
mod tests;
mod waiting;

pub(crate) use waiting::Free;

use std::sync::Arc;
use std::time::Duration;

use concierge_identity::Clock;
use tokio::runtime::Handle;

use crate::authorize::{self, Gate};
use crate::background::{Background, Bells, MailOutbox, WebhookSender};
use crate::cache::{self, Cache, Known};
use crate::error::{Error, Reason};
use crate::payment::PaymentProvider;
use crate::rules::check;
use crate::store::{ChangeKind, Claim, ClaimedKey, Decided, Store};
use crate::throttle::{KeysUnderWay, Rate, Throttle};
use crate::types::{
    Caller, Date, DecidedView, HotelCode, Idempotency, Reservation, ReservationId, TimeUs,
};

/// How often an operation is prepared again because the hotel's prices changed meanwhile.
const CHANGED_TRIES: u32 = 5;

/// No catalogue has this version: an operation that names it does nothing but replay what its key decided before.
const NO_VERSION: u64 = 0;

/// Settings.
#[derive(Debug, Clone)]
pub struct BookingOptions {
    /// Searches by client.
    pub searches: Rate,
    /// Reservations, payments and other writes by hotel.
    pub writes: Rate,
    /// How old catalogue and nights may be when they are shown, should the change feed be late.
    pub cache_ttl: Duration,
    /// How much memory nights may take, bytes.
    pub cache_bytes: usize,
    /// How long a payment waits for the provider before it is answered as pending.
    pub payment_wait: Duration,
    /// How long a step of a payment waits for the provider before it is left for another try.
    pub provider_timeout: Duration,
}

impl Default for BookingOptions {
    fn default() -> Self {
        Self {
            // A page that searches as one types, for a house behind one address.
            searches: Rate {
                per_s: 20,
                burst: 200,
            },
            // Above what a hotel sells on its best day, below what hurts its neighbours.
            writes: Rate {
                per_s: 500,
                burst: 2_000,
            },
            cache_ttl: Duration::from_secs(10),
            cache_bytes: 64 << 20,
            payment_wait: Duration::from_secs(5),
            provider_timeout: Duration::from_secs(20),
        }
    }
}

/// What the service works with.
pub struct Setup {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The payment provider.
    pub provider: Arc<dyn PaymentProvider>,
    /// Posts to webhooks; `None`: they wait.
    pub webhooks: Option<Arc<dyn WebhookSender>>,
    /// Takes mails; `None`: they stay in the store's outbox.
    pub mails: Option<Arc<dyn MailOutbox>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Settings.
    pub options: BookingOptions,
}

/// The booking service.
pub struct Booking {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) provider: Arc<dyn PaymentProvider>,
    pub(crate) webhooks: Option<Arc<dyn WebhookSender>>,
    pub(crate) mails: Option<Arc<dyn MailOutbox>>,
    pub(crate) cache: Cache,
    pub(crate) bells: Bells,
    pub(crate) options: BookingOptions,
    clock: Arc<dyn Clock>,
    gate: Gate,
    searches: Throttle,
    writes: Throttle,
    keys: KeysUnderWay,
    background: Background,
    /// Where work goes on when a client goes away.
    runtime: Handle,
}

impl Booking {
    /// Starts the service and the work behind, on the runtime that calls, which has to outlive it.
    ///
    /// # Errors
    /// What the store says.
    pub async fn start(setup: Setup) -> Result<Arc<Self>, Error> {
        let options = setup.options;
        let limits = cache::Limits {
            ttl: options.cache_ttl,
            bytes: options.cache_bytes,
        };
        let booking = Arc::new(Self {
            gate: Gate::new(setup.store.secret().await?),
            cache: Cache::new(Arc::clone(&setup.store), Arc::clone(&setup.clock), limits),
            store: setup.store,
            provider: setup.provider,
            webhooks: setup.webhooks,
            mails: setup.mails,
            bells: Bells::default(),
            clock: setup.clock,
            searches: Throttle::new(options.searches),
            writes: Throttle::new(options.writes),
            keys: KeysUnderWay::default(),
            background: Background::default(),
            runtime: Handle::current(),
            options,
        });
        // From here on changes are told, and then the hotels are read: none is missed.
        let position = booking.store.feed_end().await?;
        booking.cache.read_new_hotels().await?;
        booking.background.start(&booking, position);
        Ok(booking)
    }

    /// Ends the work behind, and then closes the store.
    ///
    /// # Errors
    /// What the store says.
    pub async fn close(&self) -> Result<(), Error> {
        self.background.stop().await;
        self.store.close().await
    }

    /// Whether reservations can be taken; else what is wrong.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn health(&self) -> Result<(), String> {
        self.store.health()
    }

    /// The time.
    pub(crate) fn now_us(&self) -> TimeUs {
        self.clock.now_us()
    }

    /// A hotel, open or not.
    async fn known(&self, hotel: &str) -> Result<(HotelCode, Arc<Known>), Error> {
        let code: HotelCode = hotel.parse().map_err(|_| not_found("hotel"))?;
        let known = self.cache.known(&code).await?;
        Ok((code, known))
    }

    /// A hotel that is open.
    async fn open(&self, hotel: &str) -> Result<(HotelCode, Arc<Known>), Error> {
        let (code, known) = self.known(hotel).await?;
        match known.catalogue.hotel.open {
            true => Ok((code, known)),
            false => Err(not_found("hotel")),
        }
    }

    /// Today's date at a hotel.
    pub(crate) fn today(&self, known: &Known) -> Date {
        known.today(self.now_us())
    }

    /// Lets a write of a hotel in, and claims its key, checked.
    fn claim(&self, caller: &Caller, idempotency: &Idempotency) -> Result<ClaimedKey, Error> {
        let claim = check_claim(caller, idempotency)?;
        let at_us = self.now_us();
        Ok(ClaimedKey { claim, at_us })
    }

    fn decided(&self, decided: Decided, with_token: bool) -> DecidedView {
        let now_us = self.now_us();
        DecidedView {
            outcome: decided
                .outcome
                .map(|reservation| self.gate.view(&reservation, now_us, with_token)),
            answer: decided.answer,
        }
    }

    /// What has to be done here when a reservation was changed by this host: the feed tells the others.
    pub(crate) fn after_change(&self, reservation: &Reservation) {
        let kind = ChangeKind::ReservationChanged;
        self.cache.changed(&reservation.hotel, kind);
        if reservation.due_us().is_some() {
            self.bells.due.notify_one();
        }
    }

    /// A reservation of a hotel by its id or its code.
    async fn find(&self, hotel: &HotelCode, id_or_code: &str) -> Result<Reservation, Error> {
        let id: Option<ReservationId> = match id_or_code.parse() {
            Ok(id) => Some(id),
            Err(_) => match crate::types::ReservationCode::parse(id_or_code) {
                Some(code) => self.store.reservation_of_code(hotel, &code).await?,
                None => None,
            },
        };
        let id = id.ok_or_else(|| not_found("reservation"))?;
        let found = self.store.reservation(hotel, id).await?;
        found.ok_or_else(|| not_found("reservation"))
    }
}

/// Checks an idempotency key, and says whose it is.
fn check_claim(caller: &Caller, idempotency: &Idempotency) -> Result<Claim, Error> {
    let malformed = |field: &str, detail: String| {
        Err(Error::invalid(
            format!("idempotency.{field}"),
            Reason::Malformed,
            detail,
        ))
    };
    let chars = idempotency.key.chars().count();
    if chars == 0 || chars > check::KEY_MAX_CHARS {
        let detail = format!("A key has 1 to {} characters.", check::KEY_MAX_CHARS);
        return malformed("key", detail);
    }
    if idempotency.scope.len() > check::KEY_MAX_CHARS {
        let detail = format!("A scope has up to {} bytes.", check::KEY_MAX_CHARS);
        return malformed("scope", detail);
    }
    let Ok(fingerprint) = idempotency.fingerprint.as_slice().try_into() else {
        return malformed("fingerprint", "It is not a SHA-256.".to_owned());
    };
    Ok(Claim {
        scope: authorize::scope(caller, &idempotency.scope),
        key: idempotency.key.clone(),
        fingerprint,
    })
}

fn not_found(what: &str) -> Error {
    Error::NotFound(what.to_owned())
}
