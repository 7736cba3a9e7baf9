//! A host that plays back answers: it keeps what it was asked, and gives what the test scripted, in order.

use std::cell::RefCell;
use std::collections::VecDeque;

use booking::bindings::concierge::booking::administration::{Allotment, Rate, Webhook};
use booking::bindings::concierge::booking::availability::{
    Offers, PricedStay, Query, RoomTypeCalendar, Stay,
};
use booking::bindings::concierge::booking::catalogue::{
    Caller, Date, Error, Hotel, HotelDetails, HotelPage, RatePlan, RoomType,
};
use booking::bindings::concierge::booking::changes::Page;
use booking::bindings::concierge::booking::reports::{AuditEntry, Day};
use booking::bindings::concierge::booking::reservations::{
    Action, Answer as Given, Decided, Filter, Idempotency, Request, Reservation, ReservationPage,
    Waiting,
};
use booking::host::{Account, AuthenticationError, Credentials, Host, ReadError, Role};

/// The token that the host gives an account, and wants to see in every later call.
pub const TOKEN: &str = "principal-of-ada";

/// 2026-11-26T12:00:00Z.
pub const NOW_US: u64 = 1_795_694_400_000_000;

/// What the host is asked, and what it answers: one line a function of the contracts.
macro_rules! calls {
    ($($variant:ident $function:ident ( $($name:ident: $asked:ty),* ) -> $answer:ty;)+) => {
        /// What was asked.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Asked { $($variant($($asked),*),)+ }

        /// What is to be answered.
        #[derive(Clone, Debug)]
        pub enum Answer { $($variant(Result<$answer, Error>),)+ }

        impl Host for Playback {
            type Incoming = Incoming;

            async fn read(&self, body: Incoming, max_bytes: usize) -> Result<Vec<u8>, ReadError> {
                if body.bytes.len() > max_bytes {
                    return Err(ReadError::TooLong);
                }
                body.failure.map_or(Ok(body.bytes), Err)
            }

            fn now_us(&self) -> u64 {
                NOW_US
            }

            fn random(&self) -> [u8; 16] {
                [7; 16]
            }

            async fn authenticate(
                &self,
                credentials: Credentials,
                client: String,
            ) -> Result<Account, AuthenticationError> {
                self.shown.borrow_mut().push((credentials, client));
                match self.refusal {
                    Some(error) => Err(error),
                    None => Ok(Account {
                        token: TOKEN.into(),
                        id: "id-of-ada".into(),
                        name: "ada".into(),
                        role: Role::Staff,
                    }),
                }
            }

            $(async fn $function(&self, $($name: $asked),*) -> Result<$answer, Error> {
                let asked = Asked::$variant($($name),*);
                if self.failing {
                    return Err(Error::Internal);
                }
                match self.next(&asked) {
                    Answer::$variant(answer) => answer,
                    other => panic!("{other:?} is no answer to {asked:?}"),
                }
            })+
        }
    };
}

calls! {
    GetHotel get_hotel(hotel: String) -> HotelDetails;
    GetHotelForStaff get_hotel_for_staff(caller: Caller, hotel: String) -> HotelDetails;
    ListHotels list_hotels(caller: Caller, after: String, max: u32) -> HotelPage;
    Search search(query: Query) -> Offers;
    Calendar calendar(hotel: String, room_type: Option<String>, first: Date, nights: u32) -> Vec<RoomTypeCalendar>;
    Quote quote(hotel: String, stay: Stay) -> PricedStay;
    Create create_reservation(caller: Caller, hotel: String, request: Request, idempotency: Idempotency, client: String) -> Decided;
    Record record_answer(caller: Caller, hotel: String, idempotency: Idempotency, answer: Given) -> Given;
    GetReservation get_reservation(caller: Caller, hotel: String, reservation: String) -> Reservation;
    Act act(caller: Caller, hotel: String, reservation: String, action: Action, version: Option<u64>, idempotency: Option<Idempotency>, client: String) -> Decided;
    ListReservations list_reservations(caller: Caller, hotel: String, filter: Filter, after: Option<String>, max: u32) -> ReservationPage;
    Wait wait(hotel: String, request: Request, idempotency: Idempotency, client: String) -> Waiting;
    WaitingList waiting_list(caller: Caller, hotel: String, after: Option<String>, max: u32) -> Vec<Waiting>;
    Pay pay(caller: Caller, hotel: String, reservation: String, method: String, idempotency: Idempotency, client: String) -> Decided;
    NotifyPayment notify_payment(body: Vec<u8>, signature: String) -> ();
    PutHotel put_hotel(caller: Caller, hotel: Hotel) -> ();
    PutRoomType put_room_type(caller: Caller, hotel: String, room_type: RoomType) -> ();
    PutRatePlan put_rate_plan(caller: Caller, hotel: String, rate_plan: RatePlan) -> ();
    SetRates set_rates(caller: Caller, hotel: String, rates: Vec<Rate>) -> ();
    SetAllotments set_allotments(caller: Caller, hotel: String, allotments: Vec<Allotment>) -> ();
    SetStaff set_staff(caller: Caller, hotel: String, accounts: Vec<String>) -> ();
    GetStaff get_staff(caller: Caller, hotel: String) -> Vec<String>;
    CreateWebhook create_webhook(caller: Caller, hotel: String, url: String) -> Webhook;
    ListWebhooks list_webhooks(caller: Caller, hotel: String) -> Vec<Webhook>;
    DeleteWebhook delete_webhook(caller: Caller, hotel: String, id: String) -> ();
    Occupancy occupancy(caller: Caller, hotel: String, first: Date, days: u32) -> Vec<Day>;
    Audit audit(caller: Caller, hotel: String, subject: Option<String>, before: u64, max: u32) -> Vec<AuditEntry>;
    ReadChanges read_changes(caller: Caller, after: String, max: u32) -> Page;
}

/// The body of a request.
#[derive(Clone, Debug, Default)]
pub struct Incoming {
    pub bytes: Vec<u8>,
    /// Why it cannot be read, where it cannot.
    pub failure: Option<ReadError>,
}

/// The host of a test.
#[derive(Default)]
pub struct Playback {
    /// What credentials are found to be; good unless the test says otherwise.
    refusal: Option<AuthenticationError>,
    /// The answer that is recorded, where it is not the one that comes.
    recorded: Option<Given>,
    /// Nothing works.
    failing: bool,
    answers: RefCell<VecDeque<Answer>>,
    shown: RefCell<Vec<(Credentials, String)>>,
    asked: RefCell<Vec<Asked>>,
}

impl Playback {
    /// Gives these answers, in this order.
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: RefCell::new(answers.into_iter().collect()),
            ..Self::default()
        }
    }

    /// Knows nobody.
    pub fn refusing(error: AuthenticationError) -> Self {
        Self {
            refusal: Some(error),
            ..Self::default()
        }
    }

    /// Answers every call with a fault.
    pub fn failing() -> Self {
        Self {
            failing: true,
            ..Self::default()
        }
    }

    /// Has recorded another answer when one comes to be recorded.
    pub fn having_recorded(mut self, answer: Given) -> Self {
        self.recorded = Some(answer);
        self
    }

    /// What was asked. Every scripted answer must have been wanted.
    pub fn asked(&self) -> Vec<Asked> {
        assert!(
            self.answers.borrow().is_empty(),
            "never asked for: {:?}",
            self.answers.borrow()
        );
        self.asked.borrow().clone()
    }

    /// The credentials that were to be looked at, and of which client.
    pub fn shown(&self) -> Vec<(Credentials, String)> {
        self.shown.borrow().clone()
    }

    /// Answers that are to be recorded are recorded, unless the test scripts something else.
    fn next(&self, asked: &Asked) -> Answer {
        self.asked.borrow_mut().push(asked.clone());
        let scripted = matches!(self.answers.borrow().front(), Some(Answer::Record(_)));
        if let (Asked::Record(.., answer), false) = (asked, scripted) {
            let recorded = self.recorded.clone().unwrap_or_else(|| answer.clone());
            return Answer::Record(Ok(recorded));
        }
        let answer = self.answers.borrow_mut().pop_front();
        answer.unwrap_or_else(|| panic!("no answer is scripted to {asked:?}"))
    }
}
