//! What the domain speaks of.

mod calls;
mod codes;
mod dates;
mod hotel;
mod reservation;
mod stay;

pub use calls::{
    Action, CalendarNight, Caller, DecidedView, HotelDetails, HotelPage, Idempotency, OccupancyDay,
    Offer, Offers, Order, Payment, PaymentState, PricedStay, Query, Request, ReservationPage,
    ReservationView, RoomTypeCalendar, WebhookView,
};
pub use codes::{
    AttemptId, CODE_MAX_BYTES, HotelCode, InvalidCode, MailId, RatePlanCode, ReservationCode,
    ReservationId, RoomTypeCode, WaitingId, WebhookId,
};
pub use dates::{Date, InvalidDate, MINUTES_PER_DAY, TimeUs, US_PER_S, Zone, rfc3339};
pub use hotel::{
    Address, Allotment, Catalogue, Hotel, Localised, Meals, Money, Penalty, Photo, Position, Rate,
    RatePlan, RoomType, sellable,
};
pub use reservation::{
    ATTEMPTS_MAX, Attempt, AttemptState, Guest, PAYMENT_PATIENCE_US, Reservation, State, Waiting,
};
pub use stay::{Delta, Price, PricedRoom, Room, Stay};
