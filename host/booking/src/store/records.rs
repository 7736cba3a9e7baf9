//! What goes into and comes out of the store.

use std::sync::Arc;

use concierge_identity::AccountId;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::types::{
    Allotment, Date, Delta, Hotel, HotelCode, MailId, Money, Rate, RatePlan, RatePlanCode,
    Reservation, ReservationId, RoomType, RoomTypeCode, TimeUs, US_PER_S, WebhookId,
};

/// How long idempotency keys are kept: as long as Stripe keeps them, a day.
pub const KEY_KEPT_US: TimeUs = 24 * 3_600 * US_PER_S;

/// How long the feed is kept: a reader that was away for a week has to read everything anew.
pub const FEED_KEPT_US: TimeUs = 7 * 24 * 3_600 * US_PER_S;

/// How an engine makes sure that no room is sold twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Lock the nights' rows, look, then change them.
    Pessimistic,
    /// Look without a lock, then change the rows if their versions are still the same, a bounded number of times.
    Optimistic,
    /// Change the rows under a condition that the table's CHECK states too.
    Constraint,
}

/// Who did something, for the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// An account.
    Account(AccountId),
    /// A guest, or someone who is to become one.
    Guest,
    /// The host itself.
    System,
}

/// A change of the catalogue.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, and as often as a hotel changes"
)]
pub enum Edit {
    /// Makes or replaces the hotel.
    Hotel(Hotel),
    /// Makes or replaces a room type.
    RoomType(RoomType),
    /// Makes or replaces a rate plan.
    RatePlan(RatePlan),
    /// Sets prices.
    Rates(Vec<Rate>),
    /// Sets allotments.
    Allotments(Vec<Allotment>),
    /// Names who works there.
    Staff(Vec<AccountId>),
    /// Adds a webhook.
    AddWebhook(Webhook),
    /// Removes a webhook; [`Error::NotFound`] if there is none.
    RemoveWebhook(WebhookId),
}

/// Inventory and prices of one night of a room type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NightRow {
    /// The room type.
    pub room_type: RoomTypeCode,
    /// The night.
    pub night: Date,
    /// Rooms that may be sold, overbooking included.
    pub sellable: u32,
    /// Rooms that are reserved.
    pub reserved: u32,
}

/// Inventory and prices of some nights of a hotel, in one snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nights {
    /// The version of the catalogue in the same snapshot.
    pub version: u64,
    /// Nights that have a row, by room type and night. What has none has nothing reserved, and may be sold as often
    /// as the room type and the hotel's overbooking say.
    pub rows: Vec<NightRow>,
    /// Prices that are set for dates, by plan, room type and night; `None`: not sold.
    pub prices: Vec<(RatePlanCode, RoomTypeCode, Date, Option<Money>)>,
}

/// An idempotency key, claimed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Whose key it is: an account, a guest's cookie, or empty.
    pub scope: String,
    /// The key, 1 to 255 characters.
    pub key: String,
    /// SHA-256 of the request.
    pub fingerprint: [u8; 32],
}

/// A claim at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedKey {
    /// The claim.
    pub claim: Claim,
    /// When: it is forgotten [`KEY_KEPT_US`] later.
    pub at_us: TimeUs,
}

/// An answer that was given to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAnswer {
    /// HTTP status.
    pub status: u16,
    /// Content-Type.
    pub content_type: String,
    /// Other header fields that belong to it.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What was decided, now or when the same key came first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The reservation as it was after the decision, or why not. Only errors that [`Error::is_decided`] are here;
    /// others are the call's own.
    pub outcome: Result<Reservation, Error>,
    /// The answer that was recorded with the key.
    pub answer: Option<RecordedAnswer>,
    /// Whether it was decided by this call. Where not, nothing was changed.
    pub now: bool,
}

/// What happened, in the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// A reservation was made.
    ReservationCreated,
    /// A reservation was changed.
    ReservationChanged,
    /// A reservation was cancelled or its hold expired: rooms are free.
    ReservationCancelled,
    /// The catalogue, prices or allotments changed.
    CatalogueChanged,
}

/// A mail to be sent by the mail service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Its id, and the mail service's idempotency key.
    pub id: MailId,
    /// The hotel's address.
    pub from: String,
    /// The hotel's name.
    pub from_name: String,
    /// The guest's address.
    pub to: String,
    /// The guest's name.
    pub to_name: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// iCalendar (RFC 5545), to be attached as `invite.ics`; empty: none.
    pub calendar: String,
}

/// What goes with a change of a reservation, in the same transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// What the feed and the webhooks tell, about this reservation.
    pub kind: Option<ChangeKind>,
    /// What the audit log calls it (`reservation.cancel`).
    pub what: &'static str,
    /// Mails.
    pub mails: Vec<Mail>,
}

/// A reservation to be made. It is priced; whether it is still priced rightly, and whether there is room, the store
/// decides.
#[derive(Debug, Clone)]
pub struct Reserve {
    /// As it will be.
    pub reservation: Reservation,
    /// The rooms to take, sorted.
    pub take: Vec<Delta>,
    /// The version of the catalogue it was priced under. Another is [`Changed::Catalogue`].
    pub catalogue_version: u64,
    /// The idempotency key.
    pub key: ClaimedKey,
    /// Who asked.
    pub who: Who,
    /// What goes with it.
    pub effects: Effects,
}

/// Why an operation must be prepared again: what it was prepared on has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// The hotel's catalogue or prices.
    Catalogue,
}

/// What a rule makes of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleResult {
    /// As it is to be. The store sets `version`.
    pub reservation: Reservation,
    /// Rooms to take and to give back, sorted.
    pub deltas: Vec<Delta>,
    /// What goes with it.
    pub effects: Effects,
}

/// From a reservation to what becomes of it, or why not; `Ok(None)`: nothing is to be done. Pure: an engine may run it
/// more than once.
pub type Rule = Arc<dyn Fn(&Reservation) -> Result<Option<RuleResult>, Error> + Send + Sync>;

/// A change of a reservation.
#[derive(Clone)]
pub struct Transition {
    /// The hotel.
    pub hotel: HotelCode,
    /// The reservation; [`Error::NotFound`] if there is none.
    pub reservation: ReservationId,
    /// The version of the catalogue that the rule was made under, where that matters.
    pub catalogue_version: Option<u64>,
    /// The idempotency key, if there is one.
    pub key: Option<ClaimedKey>,
    /// Who asked.
    pub who: Who,
    /// When.
    pub now_us: TimeUs,
    /// What is to be done.
    pub rule: Rule,
}

/// Which reservations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// That arrive on a day.
    Arriving(Date),
    /// That depart on a day.
    Departing(Date),
    /// That have the night of a day.
    Staying(Date),
    /// Whose code, guest's name or address of mail begins with a text, in any case.
    Matching(String),
    /// Changed last first.
    Recent,
}

/// A reservation that the host has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The hotel.
    pub hotel: HotelCode,
    /// The reservation.
    pub reservation: ReservationId,
    /// Since when it is due.
    pub due_us: TimeUs,
}

/// An entry of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEntry {
    /// The hotel.
    pub hotel: HotelCode,
    /// What happened.
    pub kind: ChangeKind,
    /// The reservation's id, or the code of what was set.
    pub subject: String,
    /// When.
    pub at_us: TimeUs,
}

/// A page of the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedPage {
    /// The changes.
    pub entries: Vec<FeedEntry>,
    /// The position after them.
    pub next: String,
}

/// A mail in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMail {
    /// The hotel.
    pub hotel: HotelCode,
    /// The mail.
    pub mail: Mail,
}

/// Where changes of a hotel's reservations are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where to.
    pub url: String,
    /// The key of the signatures.
    pub secret: String,
    /// Why the last delivery failed; empty: it did not.
    pub last_failure: String,
}

/// A delivery to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// The hotel.
    pub hotel: HotelCode,
    /// Where to.
    pub webhook: Webhook,
    /// Its number: the same for each try.
    pub delivery: u64,
    /// How often it was tried before.
    pub tries: u32,
    /// What happened.
    pub kind: ChangeKind,
    /// When.
    pub at_us: TimeUs,
    /// The reservation, as it is now.
    pub reservation: Reservation,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place in the hotel's log.
    pub position: u64,
    /// When.
    pub at_us: TimeUs,
    /// Who.
    pub who: Who,
    /// What was done.
    pub what: String,
    /// To what: the reservation's id, or the code of what was set.
    pub subject: String,
    /// JSON; empty: there was nothing.
    pub before: String,
    /// JSON; empty: nothing is left.
    pub after: String,
}

/// Which entries of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditQuery {
    /// Of one subject, or all.
    pub subject: Option<String>,
    /// Before this position; 0: from the newest.
    pub before: u64,
    /// At most so many.
    pub max: usize,
}
