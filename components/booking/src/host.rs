//! What API and pages ask of the host, as a trait: inside a component it is the contracts of `wit/`, in tests a host
//! that plays back answers.

use crate::bindings::concierge::booking::administration::{Allotment, Rate, Webhook};
use crate::bindings::concierge::booking::availability::{
    Offers, PricedStay, Query, RoomTypeCalendar, Stay,
};
use crate::bindings::concierge::booking::catalogue::{
    Caller, Date, Error, Hotel, HotelDetails, HotelPage, RatePlan, RoomType,
};
use crate::bindings::concierge::booking::changes::Page;
use crate::bindings::concierge::booking::reports::{AuditEntry, Day};
use crate::bindings::concierge::booking::reservations::{
    Action, Answer, Decided, Filter, Idempotency, Request, Reservation, ReservationPage, Waiting,
};

/// Why the body of a request could not be read into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It is longer than was allowed.
    TooLong,
    /// It ended before its announced length, or the client went away.
    Incomplete,
}

/// What an account shows of itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Name and password (RFC 7617).
    Basic {
        /// The account's name.
        name: String,
        /// Its password.
        password: String,
    },
    /// The secret of a token (RFC 6750).
    Bearer(String),
}

impl std::fmt::Debug for Credentials {
    /// Without what is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Basic { name, .. } => f.debug_struct("Basic").field("name", name).finish(),
            Self::Bearer(_) => f.write_str("Bearer"),
        }
    }
}

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Administrator,
    /// What the hotels that list it allow.
    Staff,
    /// Nothing of what is the hotels'.
    Other,
}

/// An account that the host has recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The token that later calls show; signed by the host, and short-lived.
    pub token: String,
    /// Its id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// Why the host did not recognise an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticationError {
    /// Nobody has these credentials.
    Refused,
    /// Too many tries; again after so many seconds.
    SlowDown(u32),
    /// Not now.
    Unavailable,
}

/// The calls of `concierge:identity` and `concierge:booking`. What they mean, and when a call fails, is said in `wit/`.
/// The client's address (`client`) is what rates are counted by.
#[allow(
    async_fn_in_trait,
    reason = "a component has one thread, so that no future need be sent to another"
)]
#[allow(
    clippy::missing_errors_doc,
    clippy::too_many_arguments,
    missing_docs,
    reason = "each call is documented in wit/, and takes what the contract says"
)]
pub trait Host {
    /// The body of a request, still with the host.
    type Incoming;

    /// Reads a body of at most `max_bytes` into memory.
    async fn read(&self, body: Self::Incoming, max_bytes: usize) -> Result<Vec<u8>, ReadError>;
    /// Microseconds since the Unix epoch, UTC.
    fn now_us(&self) -> u64;
    /// Random bytes that nobody can guess.
    fn random(&self) -> [u8; 16];

    async fn authenticate(
        &self,
        credentials: Credentials,
        client: String,
    ) -> Result<Account, AuthenticationError>;

    async fn get_hotel(&self, hotel: String) -> Result<HotelDetails, Error>;
    async fn get_hotel_for_staff(
        &self,
        caller: Caller,
        hotel: String,
    ) -> Result<HotelDetails, Error>;
    async fn list_hotels(
        &self,
        caller: Caller,
        after: String,
        max: u32,
    ) -> Result<HotelPage, Error>;

    async fn search(&self, query: Query) -> Result<Offers, Error>;
    async fn calendar(
        &self,
        hotel: String,
        room_type: Option<String>,
        first: Date,
        nights: u32,
    ) -> Result<Vec<RoomTypeCalendar>, Error>;
    async fn quote(&self, hotel: String, stay: Stay) -> Result<PricedStay, Error>;

    async fn create_reservation(
        &self,
        caller: Caller,
        hotel: String,
        request: Request,
        idempotency: Idempotency,
        client: String,
    ) -> Result<Decided, Error>;
    async fn record_answer(
        &self,
        caller: Caller,
        hotel: String,
        idempotency: Idempotency,
        answer: Answer,
    ) -> Result<Answer, Error>;
    async fn get_reservation(
        &self,
        caller: Caller,
        hotel: String,
        reservation: String,
    ) -> Result<Reservation, Error>;
    async fn act(
        &self,
        caller: Caller,
        hotel: String,
        reservation: String,
        action: Action,
        version: Option<u64>,
        idempotency: Option<Idempotency>,
        client: String,
    ) -> Result<Decided, Error>;
    async fn list_reservations(
        &self,
        caller: Caller,
        hotel: String,
        filter: Filter,
        after: Option<String>,
        max: u32,
    ) -> Result<ReservationPage, Error>;
    async fn wait(
        &self,
        hotel: String,
        request: Request,
        idempotency: Idempotency,
        client: String,
    ) -> Result<Waiting, Error>;
    async fn waiting_list(
        &self,
        caller: Caller,
        hotel: String,
        after: Option<String>,
        max: u32,
    ) -> Result<Vec<Waiting>, Error>;

    async fn pay(
        &self,
        caller: Caller,
        hotel: String,
        reservation: String,
        method: String,
        idempotency: Idempotency,
        client: String,
    ) -> Result<Decided, Error>;
    async fn notify_payment(&self, body: Vec<u8>, signature: String) -> Result<(), Error>;

    async fn put_hotel(&self, caller: Caller, hotel: Hotel) -> Result<(), Error>;
    async fn put_room_type(
        &self,
        caller: Caller,
        hotel: String,
        room_type: RoomType,
    ) -> Result<(), Error>;
    async fn put_rate_plan(
        &self,
        caller: Caller,
        hotel: String,
        rate_plan: RatePlan,
    ) -> Result<(), Error>;
    async fn set_rates(&self, caller: Caller, hotel: String, rates: Vec<Rate>)
    -> Result<(), Error>;
    async fn set_allotments(
        &self,
        caller: Caller,
        hotel: String,
        allotments: Vec<Allotment>,
    ) -> Result<(), Error>;
    async fn set_staff(
        &self,
        caller: Caller,
        hotel: String,
        accounts: Vec<String>,
    ) -> Result<(), Error>;
    async fn get_staff(&self, caller: Caller, hotel: String) -> Result<Vec<String>, Error>;
    async fn create_webhook(
        &self,
        caller: Caller,
        hotel: String,
        url: String,
    ) -> Result<Webhook, Error>;
    async fn list_webhooks(&self, caller: Caller, hotel: String) -> Result<Vec<Webhook>, Error>;
    async fn delete_webhook(&self, caller: Caller, hotel: String, id: String) -> Result<(), Error>;

    async fn occupancy(
        &self,
        caller: Caller,
        hotel: String,
        first: Date,
        days: u32,
    ) -> Result<Vec<Day>, Error>;
    async fn audit(
        &self,
        caller: Caller,
        hotel: String,
        subject: Option<String>,
        before: u64,
        max: u32,
    ) -> Result<Vec<AuditEntry>, Error>;

    async fn read_changes(&self, caller: Caller, after: String, max: u32) -> Result<Page, Error>;
}
