//! What callers say and are told: one type for each record of the contract that is not kept as it is.

use std::sync::Arc;

use concierge_identity::Principal;

use super::codes::{
    HotelCode, RatePlanCode, ReservationCode, ReservationId, RoomTypeCode, WebhookId,
};
use super::dates::{Date, TimeUs};
use super::hotel::{Hotel, Money, Position, RatePlan, RoomType};
use super::reservation::{Guest, Reservation, State};
use super::stay::{Price, Stay};
use crate::error::Error;
use crate::store::RecordedAnswer;

/// Who calls: the WIT variant `caller`, its account proven.
#[derive(Debug, Clone)]
pub enum Caller {
    /// Someone who has shown nothing.
    Anyone,
    /// A guest with the token of a reservation.
    Guest(String),
    /// An account.
    Account(Principal),
}

/// A hotel with what it has.
#[derive(Debug, Clone)]
pub struct HotelDetails {
    /// The hotel.
    pub hotel: Arc<Hotel>,
    /// Its room types, in the order of their codes.
    pub room_types: Arc<[RoomType]>,
    /// Its rate plans, in the order of their codes.
    pub rate_plans: Arc<[RatePlan]>,
    /// The currency's digits after the point.
    pub currency_digits: u32,
    /// Today's date at the hotel.
    pub today: Date,
}

/// A page of hotels, in the order of their codes.
#[derive(Debug, Clone, Default)]
pub struct HotelPage {
    /// The hotels.
    pub hotels: Vec<Arc<Hotel>>,
    /// To be passed as `after` for the page that follows.
    pub next: Option<String>,
}

/// The order of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Nearest first; needs [`Query::near`].
    Distance,
    /// Cheapest first.
    Price,
    /// Most stars first.
    Stars,
    /// By name.
    Name,
}

/// A search.
#[derive(Debug, Clone)]
pub struct Query {
    /// Words, each of which the name, the city, the region or the country has.
    pub text: String,
    /// Centre and radius in metres.
    pub near: Option<(Position, u32)>,
    /// The day of arrival.
    pub arrival: Date,
    /// The day of departure.
    pub departure: Date,
    /// Rooms.
    pub rooms: u32,
    /// In all rooms together; they are spread evenly.
    pub adults: u32,
    /// In all rooms together.
    pub children: u32,
    /// Only hotels with this currency (ISO 4217).
    pub currency: Option<String>,
    /// Least total for the stay.
    pub min_total: Option<Money>,
    /// Greatest total for the stay.
    pub max_total: Option<Money>,
    /// The order.
    pub order: Order,
    /// `next` of the page before.
    pub after: Option<String>,
    /// At most 100.
    pub max: u32,
    /// The client's address, which searches are counted by.
    pub client: String,
}

/// A hotel that was found, with its best offer.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The hotel.
    pub hotel: Arc<Hotel>,
    /// The currency's digits after the point.
    pub currency_digits: u32,
    /// Metres from the point that was asked for.
    pub distance_m: Option<u32>,
    /// The rooms.
    pub room_type: RoomTypeCode,
    /// The room type's name.
    pub room_type_name: String,
    /// The rate plan.
    pub rate_plan: RatePlanCode,
    /// The rate plan's name.
    pub rate_plan_name: String,
    /// For all rooms and nights, with taxes.
    pub total: Money,
    /// Rooms of this type that are left on every night.
    pub left: u32,
}

/// A page of what was found.
#[derive(Debug, Clone, Default)]
pub struct Offers {
    /// The offers.
    pub offers: Vec<Offer>,
    /// To be passed as `after` for the page that follows.
    pub next: Option<String>,
}

/// A night of one room type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalendarNight {
    /// The night.
    pub night: Date,
    /// Rooms left to sell; 0 on nights that are past.
    pub left: u32,
    /// The lowest price of a room; `None`: not sold.
    pub price: Option<Money>,
}

/// The nights of one room type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomTypeCalendar {
    /// The room type.
    pub room_type: RoomTypeCode,
    /// Its nights, in their order.
    pub nights: Vec<CalendarNight>,
}

/// A quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedStay {
    /// What was asked for.
    pub stay: Stay,
    /// What it costs.
    pub price: Price,
    /// Until when cancelling is free; `None`: it never is.
    pub free_until_us: Option<TimeUs>,
    /// What cancelling costs after that.
    pub penalty: Money,
    /// Whether the rooms are free now.
    pub available: bool,
}

/// What is asked for: a stay and who is to have it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The stay.
    pub stay: Stay,
    /// Who stays.
    pub guest: Guest,
    /// The total that the guest agreed to; another price is a conflict.
    pub agreed_total: Option<Money>,
}

/// Makes a request repeatable.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// 1 to 255 characters.
    pub key: String,
    /// Whose key it is where no account calls: the guest's cookie, or empty.
    pub scope: String,
    /// SHA-256 of the request, 32 bytes.
    pub fingerprint: Vec<u8>,
}

/// Where the payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentState {
    /// None was made.
    None,
    /// Under way: the outcome is not known yet.
    Pending,
    /// The provider said no.
    Declined,
    /// The amount is set aside.
    Authorised,
    /// The amount is charged.
    Captured,
    /// Given back, in part or in whole.
    Refunded,
    /// The authorisation was given up.
    Voided,
}

impl PaymentState {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pending => "pending",
            Self::Declined => "declined",
            Self::Authorised => "authorised",
            Self::Captured => "captured",
            Self::Refunded => "refunded",
            Self::Voided => "voided",
        }
    }
}

/// The payment of a reservation, summed up from its attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Where it stands.
    pub state: PaymentState,
    /// What was asked for.
    pub amount: Money,
    /// What was given back, or will be.
    pub refunded: Money,
    /// The provider's word for a declined payment.
    pub declined_for: String,
}

/// A reservation, as it is shown: without the tokens of payment methods, and with the guest's token only for those who
/// may have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationView {
    /// Its id.
    pub id: ReservationId,
    /// Its code, for people.
    pub code: ReservationCode,
    /// The hotel.
    pub hotel: HotelCode,
    /// The hotel's name when it was booked.
    pub hotel_name: String,
    /// Where it stands.
    pub state: State,
    /// What was booked.
    pub stay: Stay,
    /// What was agreed.
    pub price: Price,
    /// Who stays.
    pub guest: Guest,
    /// When it was made.
    pub created_us: TimeUs,
    /// When it was changed last.
    pub changed_us: TimeUs,
    /// While held.
    pub hold_expires_us: Option<TimeUs>,
    /// The payment.
    pub payment: Payment,
    /// What cancelling would cost now; once cancelled, what it cost.
    pub cancellation_fee: Money,
    /// Until when cancelling is free; `None`: it never is.
    pub free_until_us: Option<TimeUs>,
    /// Counts changes, from 1.
    pub version: u64,
    /// What the guest shows to see and change it. Empty for those who may not have it.
    pub guest_token: String,
}

/// What was decided, now or when the same key came first, and the answer that was given then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedView {
    /// The reservation, or why not.
    pub outcome: Result<ReservationView, Error>,
    /// The answer that was recorded. `None`: render one from the outcome and record it.
    pub answer: Option<RecordedAnswer>,
}

/// A page of reservations.
#[derive(Debug, Clone, Default)]
pub struct ReservationPage {
    /// The reservations.
    pub reservations: Vec<ReservationView>,
    /// To be passed as `after` for the page that follows.
    pub next: Option<String>,
}

/// What can be done with a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Gives the rooms back, and the money as the policy says. Guest or staff.
    Cancel,
    /// Another stay at today's prices. Guest or staff.
    Change(Stay),
    /// The guest is here. Staff.
    CheckIn,
    /// The guest goes. Staff.
    CheckOut,
    /// The guest did not come. Staff.
    NoShow,
}

/// A day of a hotel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OccupancyDay {
    /// The day.
    pub day: Date,
    /// Rooms there are.
    pub rooms: u32,
    /// Rooms reserved for the night.
    pub reserved: u32,
    /// Rooms that arrive.
    pub arrivals: u32,
    /// Rooms that depart.
    pub departures: u32,
    /// Nightly prices of the night without taxes, of what is confirmed or was used.
    pub revenue: Money,
}

/// A webhook as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookView {
    /// Its id.
    pub id: WebhookId,
    /// Where to.
    pub url: String,
    /// The key of the signatures, when it was just made; else empty.
    pub secret: String,
    /// Why the last delivery failed; empty: it did not.
    pub last_failure: String,
}

impl Payment {
    /// Sums up the attempts of a reservation: money that moved or may still move speaks before what was refused.
    #[must_use]
    pub fn of(reservation: &Reservation) -> Self {
        let shown = reservation
            .attempts
            .iter()
            .max_by_key(|attempt| attempt.state.weight());
        let Some(attempt) = shown else {
            return Self {
                state: PaymentState::None,
                amount: 0,
                refunded: 0,
                declined_for: String::new(),
            };
        };
        Self {
            state: attempt.state.shown(),
            amount: attempt.amount,
            refunded: attempt.refunded,
            declined_for: attempt.declined_for.clone(),
        }
    }
}
