//! The service on a real store, with a clock that the tests set and the sandbox as the payment provider.
//!
//! The work behind is stopped where a test says when it is done.

mod cached;
mod crashes;
mod faults;
mod guests;
mod keys;
mod staff;
mod told;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use concierge_identity::{AccountId, ManualClock, Principal, Role};
use futures::FutureExt;
use tempfile::TempDir;

use super::{Booking, BookingOptions, Setup};
use crate::background::{MailOutbox, WebhookSender, due_round};
use crate::error::Error;
use crate::payment::PaymentProvider;
use crate::payment::sandbox::Sandbox;
use crate::rules::fixture;
use crate::store::sqlite::{SqliteOptions, SqliteStore};
use crate::store::{Store, Strategy};
use crate::throttle::Rate;
use crate::types::{
    Caller, DecidedView, Idempotency, Request, Reservation, ReservationView, Stay, TimeUs, US_PER_S,
};

/// The hotel of [`fixture::hotel`].
const SEA: &str = "sea";
/// A client's address.
const CLIENT: &str = "192.0.2.1";

/// A store, a provider, and a service over them.
struct House {
    store: Arc<dyn Store>,
    sandbox: Arc<Sandbox>,
    clock: Arc<ManualClock>,
    booking: Arc<Booking>,
    admin: Caller,
    _dir: Arc<TempDir>,
}

/// What a service is started with in a test.
#[derive(Default)]
struct With {
    webhooks: Option<Arc<dyn WebhookSender>>,
    mails: Option<Arc<dyn MailOutbox>>,
    /// The provider hangs: it is not waited for.
    impatient: bool,
    options: Option<BookingOptions>,
}

fn options(impatient: bool) -> BookingOptions {
    BookingOptions {
        searches: Rate::UNLIMITED,
        writes: Rate::UNLIMITED,
        // Longer than any test: what is stale was told of.
        cache_ttl: Duration::from_secs(3_600),
        payment_wait: Duration::from_secs(60),
        provider_timeout: match impatient {
            true => Duration::from_millis(1),
            false => Duration::from_secs(60),
        },
        ..BookingOptions::default()
    }
}

async fn start(
    store: Arc<dyn Store>,
    provider: Arc<dyn PaymentProvider>,
    clock: &Arc<ManualClock>,
    with: With,
) -> Result<Arc<Booking>, Error> {
    Booking::start(Setup {
        store,
        provider,
        webhooks: with.webhooks,
        mails: with.mails,
        clock: Arc::clone(clock) as _,
        options: with.options.unwrap_or_else(|| options(with.impatient)),
    })
    .await
}

async fn open_store(dir: &TempDir) -> Arc<dyn Store> {
    let store = SqliteStore::open(SqliteOptions {
        directory: dir.path().to_owned(),
        shards: None,
        strategy: Strategy::Constraint,
        group_commit: true,
    });
    Arc::new(store.await.unwrap())
}

impl House {
    /// A house with the hotel "sea", and no work behind.
    async fn open() -> Self {
        let house = Self::open_with(With::default()).await;
        house.booking.background.stop().await;
        house
    }

    async fn open_with(with: With) -> Self {
        let dir = TempDir::new().unwrap();
        let store = open_store(&dir).await;
        let sandbox = Sandbox::in_memory().unwrap();
        let clock = Arc::new(ManualClock::at(fixture::noon_us()));
        let booking = start(Arc::clone(&store), sandbox.clone(), &clock, with);
        let house = Self {
            booking: booking.await.unwrap(),
            store,
            sandbox,
            clock,
            admin: account(Role::Administrator),
            _dir: Arc::new(dir),
        };
        house.furnish(SEA).await;
        house
    }

    /// Makes a hotel with the room types and plans of the fixture.
    async fn furnish(&self, code: &str) {
        let (booking, admin) = (&self.booking, &self.admin);
        booking
            .put_hotel(admin, fixture::hotel(code))
            .await
            .unwrap();
        for (kind, rooms) in [("double", 5), ("suite", 1)] {
            let kind = fixture::room_type(kind, rooms);
            booking.put_room_type(admin, code, kind).await.unwrap();
        }
        for plan in fixture::plans() {
            booking.put_rate_plan(admin, code, plan).await.unwrap();
        }
    }

    fn after(&self, passed_us: TimeUs) {
        self.clock.advance_us(passed_us);
    }

    async fn create(&self, stay: Stay) -> Result<ReservationView, Error> {
        let decided = self.create_with(stay, key("create")).await?;
        decided.outcome
    }

    async fn create_with(&self, stay: Stay, key: Idempotency) -> Result<DecidedView, Error> {
        let created = self
            .booking
            .create(&Caller::Anyone, SEA, request(stay), key, CLIENT);
        created.await
    }

    async fn pay(&self, made: &ReservationView, method: &str) -> Result<ReservationView, Error> {
        let guest = Caller::Guest(made.guest_token.clone());
        let id = made.id.to_string();
        let paid = self
            .booking
            .pay(&guest, SEA, &id, method, key("pay"), CLIENT);
        paid.await?.outcome
    }

    async fn find(&self, made: &ReservationView) -> Reservation {
        let found = self.store.reservation(&made.hotel, made.id).await;
        found.unwrap().unwrap()
    }

    /// Does all that is due, and hands on what the provider tells.
    async fn settle_now(&self) {
        settle_now(&self.booking, &self.sandbox).await;
    }

    /// Rooms reserved of the doubles on a night.
    async fn reserved(&self, from_today: i32) -> u32 {
        let night = fixture::today().plus(from_today);
        let nights = self
            .store
            .nights(&SEA.parse().unwrap(), night, 1)
            .await
            .unwrap();
        let mut rows = nights.rows.iter();
        let row = rows.find(|row| row.room_type.as_str() == "double");
        row.map_or(0, |row| row.reserved)
    }
}

fn now(clock: &ManualClock) -> TimeUs {
    concierge_identity::Clock::now_us(clock)
}

async fn settle_now(booking: &Arc<Booking>, sandbox: &Sandbox) {
    loop {
        while let Some((body, signature)) = sandbox.next_notice().now_or_never() {
            booking.notify(&body, &signature).await.unwrap();
        }
        let due = booking.store.due(booking.now_us() + 1, 1).await.unwrap();
        if due.is_empty() {
            return;
        }
        due_round(booking).await.unwrap();
    }
}

/// Lets time pass and does what is due, until nothing is.
async fn settle(booking: &Arc<Booking>, sandbox: &Sandbox, clock: &ManualClock) {
    for _ in 0..100 {
        settle_now(booking, sandbox).await;
        let due = booking
            .store
            .due(TimeUs::from(u32::MAX) * US_PER_S, 1)
            .await;
        match due.unwrap().first() {
            Some(due) => clock.set_us(due.due_us.max(now(clock))),
            None => return,
        }
    }
    panic!("something is due for ever");
}

fn account(role: Role) -> Caller {
    Caller::Account(Principal::trusted(
        AccountId::generate(),
        "someone".into(),
        role,
    ))
}

fn request(stay: Stay) -> Request {
    Request {
        stay,
        guest: fixture::guest(),
        agreed_total: None,
    }
}

/// A key that was not used before.
fn key(name: &str) -> Idempotency {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Idempotency {
        key: format!("{name}-{number}"),
        scope: String::new(),
        fingerprint: vec![7; 32],
    }
}

fn conflict(result: Result<impl std::fmt::Debug, Error>) -> crate::Conflict {
    match result {
        Err(Error::Conflict(conflict, _)) => conflict,
        other => panic!("{other:?}"),
    }
}
