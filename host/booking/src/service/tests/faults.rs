//! A store and a provider that die with their host at a call that the test names.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use crate::error::Error;
use crate::payment::{self, Notice, Order, PaymentProvider, ProviderError};
use crate::rules::saga::Standing;
use crate::store::{
    Answer, AuditEntry, AuditQuery, Changed, Claim, Decided, Due, Edit, FeedPage, Filter, Mail,
    Nights, QueuedMail, RecordedAnswer, Reserve, Store, Transition, Webhook, WebhookDelivery, Who,
};
use crate::types::{
    AttemptId, Catalogue, Date, HotelCode, MailId, Money, Reservation, ReservationCode,
    ReservationId, TimeUs, Waiting, WaitingId, WebhookId,
};

/// A host's life: it ends at one of its writes or calls of the provider, before or after it is done.
pub(super) struct Life {
    calls: AtomicUsize,
    ends_at: usize,
    after: bool,
    over: AtomicBool,
    held_up: Option<HeldUp>,
}

/// The first read of nights is held up after it has read.
struct HeldUp {
    first: AtomicBool,
    read: Semaphore,
    go_on: Semaphore,
}

impl Life {
    pub(super) fn new(ends_at: usize, after: bool) -> Arc<Self> {
        Arc::new(Self {
            calls: AtomicUsize::new(0),
            ends_at,
            after,
            over: AtomicBool::new(false),
            held_up: None,
        })
    }

    /// A life without end, whose first read of nights is held up after it has read, until [`Self::go_on`].
    pub(super) fn held_up() -> Arc<Self> {
        Arc::new(Self {
            calls: AtomicUsize::new(0),
            ends_at: usize::MAX,
            after: false,
            over: AtomicBool::new(false),
            held_up: Some(HeldUp {
                first: AtomicBool::new(true),
                read: Semaphore::new(0),
                go_on: Semaphore::new(0),
            }),
        })
    }

    /// Waits until nights were read.
    pub(super) async fn has_read(&self) {
        let held_up = self.held_up.as_ref().unwrap();
        held_up.read.acquire().await.unwrap().forget();
    }

    /// Lets the read that is held up go on.
    pub(super) fn go_on(&self) {
        self.held_up.as_ref().unwrap().go_on.add_permits(1);
    }

    async fn hold_up(&self) {
        if let Some(held_up) = &self.held_up
            && held_up.first.swap(false, Ordering::SeqCst)
        {
            held_up.read.add_permits(1);
            held_up.go_on.acquire().await.unwrap().forget();
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    async fn call<T, E>(&self, done: impl Future<Output = Result<T, E>>, dead: E) -> Result<T, E> {
        if self.is_over() {
            return Err(dead);
        }
        let last = self.calls.fetch_add(1, Ordering::SeqCst) == self.ends_at;
        if last {
            self.over.store(true, Ordering::SeqCst);
        }
        match (last, self.after) {
            (false, _) => done.await,
            (true, false) => Err(dead),
            (true, true) => {
                // It is done, and nobody hears of it.
                let _ = done.await;
                Err(dead)
            }
        }
    }
}

/// A store that is not there any more when its host's life is over.
pub(super) struct MortalStore(pub(super) Arc<dyn Store>, pub(super) Arc<Life>);

/// The provider, as a host sees it that may die.
pub(super) struct MortalProvider(pub(super) Arc<dyn PaymentProvider>, pub(super) Arc<Life>);

impl PaymentProvider for MortalProvider {
    fn authorise<'a>(&'a self, order: &'a Order) -> payment::Answer<'a, Standing> {
        Box::pin(self.1.call(self.0.authorise(order), dead()))
    }

    fn capture(&self, attempt: AttemptId) -> payment::Answer<'_, Standing> {
        Box::pin(self.1.call(self.0.capture(attempt), dead()))
    }

    fn void(&self, attempt: AttemptId) -> payment::Answer<'_, Standing> {
        Box::pin(self.1.call(self.0.void(attempt), dead()))
    }

    fn refund(&self, attempt: AttemptId, refunded: Money) -> payment::Answer<'_, Standing> {
        Box::pin(self.1.call(self.0.refund(attempt, refunded), dead()))
    }

    fn status(&self, attempt: AttemptId) -> payment::Answer<'_, Standing> {
        Box::pin(self.1.call(self.0.status(attempt), dead()))
    }

    fn read_notice(&self, body: &[u8], signature: &str) -> Option<Notice> {
        self.0.read_notice(body, signature)
    }
}

fn dead() -> ProviderError {
    ProviderError("the host is dead".to_owned())
}

/// Reads, which do not count.
macro_rules! reads {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $gives:ty;)*) => {
        $(fn $name(&self, $($arg: $kind),*) -> Answer<'_, $gives> {
            match self.1.is_over() {
                true => Box::pin(async { Err(Error::Unavailable) }),
                false => self.0.$name($($arg),*),
            }
        })*
    };
}

/// Writes, at which a life may end.
macro_rules! writes {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $gives:ty;)*) => {
        $(fn $name(&self, $($arg: $kind),*) -> Answer<'_, $gives> {
            Box::pin(self.1.call(self.0.$name($($arg),*), Error::Unavailable))
        })*
    };
}

impl Store for MortalStore {
    reads! {
        catalogue(hotel: &HotelCode) -> Option<Catalogue>;
        reservation(hotel: &HotelCode, id: ReservationId) -> Option<Reservation>;
        reservation_of_code(hotel: &HotelCode, code: &ReservationCode) -> Option<ReservationId>;
        reservations(hotel: &HotelCode, filter: Filter, after: Option<String>, max: usize) -> (Vec<Reservation>, Option<String>);
        overlapping(hotel: &HotelCode, first: Date, end: Date, after: Option<String>, max: usize) -> (Vec<Reservation>, Option<String>);
        waiting_list(hotel: &HotelCode, after: Option<WaitingId>, max: usize) -> Vec<Waiting>;
        due(now_us: TimeUs, max: usize) -> Vec<Due>;
        feed_end() -> String;
        feed_bell() -> ();
        outbox(max: usize) -> Vec<QueuedMail>;
        webhooks(hotel: &HotelCode) -> Vec<Webhook>;
        webhook_deliveries(now_us: TimeUs, max: usize) -> Vec<WebhookDelivery>;
        audit(hotel: &HotelCode, query: AuditQuery) -> Vec<AuditEntry>;
        secret() -> [u8; 32];
    }

    writes! {
        edit(hotel: HotelCode, edit: Edit, today: Date, who: Who, now_us: TimeUs) -> ();
        reserve(reserve: Reserve) -> Result<Decided, Changed>;
        change(transition: Transition) -> Result<Decided, Changed>;
        record_answer(hotel: HotelCode, claim: Claim, answer: RecordedAnswer) -> RecordedAnswer;
        wait(hotel: HotelCode, waiting: Waiting, claim: Claim) -> Waiting;
        tell_waiting(hotel: HotelCode, id: WaitingId, mail: Mail, now_us: TimeUs) -> bool;
        mail_sent(hotel: HotelCode, id: MailId) -> ();
        webhook_delivered(hotel: HotelCode, webhook: WebhookId, delivery: u64, failure: Option<(String, Option<TimeUs>)>) -> ();
        sweep(now_us: TimeUs, max: usize) -> usize;
    }

    fn nights(&self, hotel: &HotelCode, first: Date, nights: u32) -> Answer<'_, Nights> {
        let hotel = hotel.clone();
        Box::pin(async move {
            let read = self.0.nights(&hotel, first, nights).await;
            self.1.hold_up().await;
            match self.1.is_over() {
                true => Err(Error::Unavailable),
                false => read,
            }
        })
    }

    fn hotels(&self, after: &str, max: usize) -> Answer<'_, Vec<HotelCode>> {
        self.0.hotels(after, max)
    }

    fn feed<'a>(&'a self, after: &'a str, max: usize) -> Answer<'a, FeedPage> {
        self.0.feed(after, max)
    }

    fn health(&self) -> Result<(), String> {
        self.0.health()
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
