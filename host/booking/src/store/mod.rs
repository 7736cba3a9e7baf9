//! What is kept: one trait of whole operations, each a transaction, and the engines behind it.
//!
//! The rules are not here: [`Rule`]s are pure functions from what is there to what is to be, and an engine
//! runs them inside its transaction. What an engine does itself is the inventory: it counts rooms, by one of three
//! [`Strategy`]s, and never above what may be sold. Engines pass one conformance suite.
//!
//! Invariant: for each (hotel, room type, night), `reserved` is the number of rooms of live and past reservations
//! whose [`reserved_nights`](crate::types::Reservation::reserved_nights) have that night, and 0 ≤ reserved ≤ sellable.

#[cfg(test)]
pub(crate) mod conformance;
pub(crate) mod edits;
pub mod postgres;
mod records;
pub mod sqlite;

pub use records::{
    AuditEntry, AuditQuery, ChangeKind, Changed, Claim, ClaimedKey, Decided, Due, Edit, Effects,
    FEED_KEPT_US, FeedEntry, FeedPage, Filter, KEY_KEPT_US, Mail, NightRow, Nights, QueuedMail,
    RecordedAnswer, Reserve, Rule, RuleResult, Strategy, Transition, Webhook, WebhookDelivery, Who,
};

use std::future::Future;
use std::pin::Pin;

use crate::error::Error;
use crate::types::{
    Catalogue, Date, HotelCode, MailId, Reservation, ReservationCode, ReservationId, TimeUs,
    Waiting, WaitingId, WebhookId,
};

/// What a method of the store gives.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// What is kept of bookings. Each method that changes something is one transaction and answers when it is durable;
/// once submitted it runs to its end, even when who asked goes away.
pub trait Store: Send + Sync {
    // The catalogue.

    /// Codes of hotels after `after`, in their order, at most `max`.
    fn hotels(&self, after: &str, max: usize) -> Answer<'_, Vec<HotelCode>>;
    /// A hotel with what it has; `None` if there is no such hotel.
    fn catalogue(&self, hotel: &HotelCode) -> Answer<'_, Option<Catalogue>>;
    /// Inventory and prices of `nights` nights from `first` on, in one snapshot.
    fn nights(&self, hotel: &HotelCode, first: Date, nights: u32) -> Answer<'_, Nights>;
    /// Changes the catalogue, prices or allotments, and what follows in the inventory of nights from `today` on.
    /// [`Conflict::InUse`](crate::Conflict::InUse) where more rooms are reserved than would be left.
    fn edit(
        &self,
        hotel: HotelCode,
        edit: Edit,
        today: Date,
        who: Who,
        now_us: TimeUs,
    ) -> Answer<'_, ()>;

    // Reservations.

    /// Makes a reservation with its rooms: all nights or none. Where the code is another reservation's already, the
    /// engine takes another.
    fn reserve(&self, reserve: Reserve) -> Answer<'_, Result<Decided, Changed>>;
    /// Changes a reservation by a rule. A key that comes again before an answer was recorded for it has its first
    /// outcome.
    fn change(&self, transition: Transition) -> Answer<'_, Result<Decided, Changed>>;
    /// Records the answer that a key is to have; gives the one that was first. [`Error::NotFound`] where there is no
    /// such key, [`Error::KeyReused`] where it has another fingerprint.
    fn record_answer(
        &self,
        hotel: HotelCode,
        claim: Claim,
        answer: RecordedAnswer,
    ) -> Answer<'_, RecordedAnswer>;
    /// A reservation by its id.
    fn reservation(&self, hotel: &HotelCode, id: ReservationId) -> Answer<'_, Option<Reservation>>;
    /// The id of a reservation by its code.
    fn reservation_of_code(
        &self,
        hotel: &HotelCode,
        code: &ReservationCode,
    ) -> Answer<'_, Option<ReservationId>>;
    /// A page of reservations and, where more follow, what to pass as `after`.
    fn reservations(
        &self,
        hotel: &HotelCode,
        filter: Filter,
        after: Option<String>,
        max: usize,
    ) -> Answer<'_, (Vec<Reservation>, Option<String>)>;
    /// Reservations that have a night or a departure among the days from `first` to before `end`, in whatever state:
    /// a page at a time, as [`Self::reservations`].
    fn overlapping(
        &self,
        hotel: &HotelCode,
        first: Date,
        end: Date,
        after: Option<String>,
        max: usize,
    ) -> Answer<'_, (Vec<Reservation>, Option<String>)>;

    // The waiting list.

    /// Adds to the waiting list; the same key gives the place that it made first.
    fn wait(&self, hotel: HotelCode, waiting: Waiting, claim: Claim) -> Answer<'_, Waiting>;
    /// The waiting list in its order, after `after`.
    fn waiting_list(
        &self,
        hotel: &HotelCode,
        after: Option<WaitingId>,
        max: usize,
    ) -> Answer<'_, Vec<Waiting>>;
    /// Notes that someone who waits was told, and queues the mail, unless told before; whether it was now.
    fn tell_waiting(
        &self,
        hotel: HotelCode,
        id: WaitingId,
        mail: Mail,
        now_us: TimeUs,
    ) -> Answer<'_, bool>;

    // What goes out, and the work behind.

    /// Reservations that are due before `now_us`, oldest first, at most `max`.
    fn due(&self, now_us: TimeUs, max: usize) -> Answer<'_, Vec<Due>>;
    /// The feed after a position (empty: from the oldest kept), of all hotels, at most `max`. Never passes over a
    /// change that becomes visible later.
    fn feed<'a>(&'a self, after: &'a str, max: usize) -> Answer<'a, FeedPage>;
    /// The position after the newest change: where one begins who wants only what comes.
    fn feed_end(&self) -> Answer<'_, String>;
    /// Waits for a change after the last call, or a moment: the bell of the feed.
    fn feed_bell(&self) -> Answer<'_, ()>;
    /// Mails to be handed on, oldest first.
    fn outbox(&self, max: usize) -> Answer<'_, Vec<QueuedMail>>;
    /// Forgets a mail that the mail service has.
    fn mail_sent(&self, hotel: HotelCode, id: MailId) -> Answer<'_, ()>;
    /// The webhooks of a hotel.
    fn webhooks(&self, hotel: &HotelCode) -> Answer<'_, Vec<Webhook>>;
    /// Webhooks with deliveries that are due, each with what to deliver next.
    fn webhook_deliveries(&self, now_us: TimeUs, max: usize) -> Answer<'_, Vec<WebhookDelivery>>;
    /// Notes how a delivery went: on success the webhook's next change is due, else the same again at `retry_us` (or,
    /// without one, it is given up).
    fn webhook_delivered(
        &self,
        hotel: HotelCode,
        webhook: WebhookId,
        delivery: u64,
        failure: Option<(String, Option<TimeUs>)>,
    ) -> Answer<'_, ()>;
    /// The audit log of a hotel, newest first.
    fn audit(&self, hotel: &HotelCode, query: AuditQuery) -> Answer<'_, Vec<AuditEntry>>;
    /// Removes a bounded number of keys, feed entries and past nights' prices that are over their time; how many rows
    /// went.
    fn sweep(&self, now_us: TimeUs, max: usize) -> Answer<'_, usize>;

    // The whole.

    /// The secret of guest tokens, made with the store.
    fn secret(&self) -> Answer<'_, [u8; 32]>;
    /// Whether it takes writes; else what is wrong.
    fn health(&self) -> Result<(), String>;
    /// Waits until what was accepted is durable, and takes no more.
    fn close(&self) -> Answer<'_, ()>;
}
