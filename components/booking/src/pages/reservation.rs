//! A guest's reservation: where it stands, and what can be done with it.

use askama::Template;
use http::StatusCode;

use super::failure::{self, Failure};
use super::hotel::{self, House};
use super::price::{Policy, PriceTable, currency};
use super::text::{Locale, fill};
use super::view::{self, Notice, Page, StepItem, Tone};
use super::visit::Visit;
use crate::bindings::concierge::booking::catalogue::{Caller, Error, HotelDetails, TimeUs};
use crate::bindings::concierge::booking::reservations::{PaymentState, Reservation, State};
use crate::host::Host;
use crate::reply::Reply;

/// The address of a reservation, which its cookie is for.
pub(crate) fn address(reservation: &Reservation) -> String {
    format!(
        "{}/reservations/{}",
        hotel::address(&reservation.hotel),
        reservation.id
    )
}

/// A reservation with its hotel, which is `None` where it is no longer open.
pub(crate) struct Found {
    pub(crate) reservation: Reservation,
    pub(crate) details: Option<HotelDetails>,
    pub(crate) caller: Caller,
}

impl Found {
    /// The zone of the hotel.
    pub(crate) fn zone(&self) -> &str {
        self.details
            .as_ref()
            .map_or("UTC", |details| details.hotel.time_zone.as_str())
    }
}

/// The reservation of an address, for the guest whose cookie came along; else what is answered instead.
pub(crate) async fn open<H: Host>(
    host: &H,
    visit: &Visit,
    hotel: &str,
    name: &str,
) -> Result<Found, Reply> {
    let l = visit.locale;
    let Some(token) = visit.guest_token.clone() else {
        return Err(locked(visit));
    };
    let caller = Caller::Guest(token);
    let found = host
        .get_reservation(caller.clone(), hotel.to_owned(), name.to_owned())
        .await;
    let reservation = match found {
        Ok(reservation) => reservation,
        // Whether there is such a reservation is nobody's business but its guest's.
        Err(Error::NotFound(_) | Error::Unauthorized | Error::Forbidden) => {
            return Err(locked(visit));
        }
        Err(error) => return Err(failure::explain(l, &error).page(visit)),
    };
    let details = host.get_hotel(hotel.to_owned()).await.ok();
    Ok(Found {
        reservation,
        details,
        caller,
    })
}

fn locked(visit: &Visit) -> Reply {
    let t = visit.locale.t;
    let notice = Notice::new(Tone::Warn, t.locked_title, t.locked_text)
        .link("/booking/reservation", t.find_button);
    view::message(visit, StatusCode::FORBIDDEN, notice)
}

/// The link of a confirmation: the token goes into the cookie, and out of the address, so that neither the history
/// of the browser nor what the page links to has it.
pub(crate) async fn unlock<H: Host>(
    host: &H,
    visit: &Visit,
    hotel: &str,
    name: &str,
    token: &str,
) -> Result<Reply, Failure> {
    let l = visit.locale;
    let caller = Caller::Guest(token.to_owned());
    let found = host
        .get_reservation(caller, hotel.to_owned(), name.to_owned())
        .await;
    match found {
        Ok(reservation) => {
            let path = address(&reservation);
            let mut reply = view::see_other(&path);
            visit.remember_guest(&mut reply, &path, token);
            Ok(reply)
        }
        Err(Error::NotFound(_) | Error::Unauthorized | Error::Forbidden) => {
            Err(Failure::not_found_reservation(l.t))
        }
        Err(error) => Err(failure::explain(l, &error)),
    }
}

/// A reservation for people: the templates' `r`.
pub(crate) struct Item {
    pub(crate) href: String,
    pub(crate) hotel: String,
    pub(crate) hotel_name: String,
    pub(crate) hotel_href: String,
    pub(crate) code: String,
    pub(crate) guest_name: String,
    pub(crate) state: &'static str,
    pub(crate) state_class: &'static str,
    pub(crate) arrival: String,
    pub(crate) departure: String,
    pub(crate) dates: String,
    pub(crate) guests: String,
    pub(crate) payment: String,
    pub(crate) policy: String,
    pub(crate) notes: String,
    pub(crate) version: u64,
    pub(crate) can_pay: bool,
    pub(crate) can_change: bool,
}

impl Item {
    pub(crate) fn of(l: Locale, found: &Found, now_us: TimeUs) -> Self {
        let r = &found.reservation;
        let (state, state_class) = state(l, r.state);
        let can_pay = r.state == State::Held && can_be_paid(r);
        Self {
            href: address(r),
            hotel: r.hotel.clone(),
            hotel_name: r.hotel_name.clone(),
            hotel_href: hotel::address(&r.hotel),
            code: r.code.clone(),
            guest_name: r.guest.name.clone(),
            state,
            state_class,
            arrival: l.date(r.stay.arrival),
            departure: l.date(r.stay.departure),
            dates: l.dates(r.stay.arrival, r.stay.departure),
            guests: l.stay(&r.stay),
            payment: payment(l, r),
            policy: policy(l, found, now_us).text,
            notes: r.guest.notes.clone(),
            version: r.version,
            can_pay,
            can_change: matches!(r.state, State::Held | State::Confirmed) && !is_pending(r),
        }
    }
}

fn policy(l: Locale, found: &Found, now_us: TimeUs) -> Policy {
    let r = &found.reservation;
    Policy::of(
        l,
        r.free_until_us,
        r.cancellation_fee,
        currency(&r.price),
        found.zone(),
        now_us,
    )
}

/// Where a reservation stands, and how that looks.
pub(crate) fn state(l: Locale, state: State) -> (&'static str, &'static str) {
    match state {
        State::Held => (l.t.state_held, "wait"),
        State::Confirmed => (l.t.state_confirmed, "ok"),
        State::CheckedIn => (l.t.state_checked_in, "ok"),
        State::CheckedOut => (l.t.state_checked_out, "done"),
        State::Cancelled => (l.t.state_cancelled, "off"),
        State::NoShow => (l.t.state_no_show, "off"),
        State::Expired => (l.t.state_expired, "off"),
    }
}

/// Where the payment stands.
pub(crate) fn payment(l: Locale, reservation: &Reservation) -> String {
    let payment = &reservation.payment;
    let amount = |amount| l.money(amount, currency(&reservation.price));
    let with = |text, amount: String| fill(text, &[("amount", &amount)]);
    match payment.state {
        PaymentState::None => l.t.payment_none.to_owned(),
        PaymentState::Pending => l.t.payment_pending.to_owned(),
        PaymentState::Declined if payment.declined_for.is_empty() => {
            l.t.payment_declined.to_owned()
        }
        PaymentState::Declined => fill(l.t.payment_declined_for, &[("why", &payment.declined_for)]),
        PaymentState::Authorised => with(l.t.payment_authorised, amount(payment.amount)),
        PaymentState::Captured => with(l.t.payment_captured, amount(payment.amount)),
        PaymentState::Refunded => with(l.t.payment_refunded, amount(payment.refunded)),
        PaymentState::Voided => l.t.payment_voided.to_owned(),
    }
}

/// A payment is under way.
pub(crate) fn is_pending(reservation: &Reservation) -> bool {
    reservation.payment.state == PaymentState::Pending
}

/// Nothing was paid yet, and nothing is under way.
pub(crate) fn can_be_paid(reservation: &Reservation) -> bool {
    matches!(
        reservation.payment.state,
        PaymentState::None | PaymentState::Declined
    )
}

#[derive(Template)]
#[template(path = "reservation.html")]
struct Overview {
    p: Page,
    notice: Option<Notice>,
    steps: Vec<StepItem>,
    r: Item,
    house: Option<House>,
    price: PriceTable,
    heading: String,
    lead: String,
    /// The page looks again by itself.
    watch: bool,
}

/// The reservation; right after the booking with its steps.
pub(crate) async fn show<H: Host>(
    host: &H,
    visit: &Visit,
    hotel: &str,
    name: &str,
    just_booked: bool,
) -> Reply {
    let found = match open(host, visit, hotel, name).await {
        Ok(found) => found,
        Err(instead) => return instead,
    };
    let l = visit.locale;
    let r = &found.reservation;
    let (heading, lead) = words(l, &found);
    let changed = visit.query.find("changed").is_some() && r.state == State::Confirmed;
    let notice = changed.then(|| Notice::new(Tone::Good, l.t.changed_notice, l.t.changed_text));
    let watch = r.state == State::Held && is_pending(r);
    let steps = if just_booked && (watch || r.state == State::Confirmed) {
        view::steps(l.t, if watch { 1 } else { 2 })
    } else {
        Vec::new()
    };
    let template = Overview {
        p: Page::of(visit),
        notice,
        steps,
        r: Item::of(l, &found, host.now_us()),
        house: found
            .details
            .as_ref()
            .map(|details| House::of(l, &details.hotel)),
        price: PriceTable::of(l, &r.price),
        heading,
        lead,
        watch,
    };
    view::html(StatusCode::OK, &template)
}

/// What is said first of a reservation.
fn words(l: Locale, found: &Found) -> (String, String) {
    let r = &found.reservation;
    let t = l.t;
    let (heading, lead) = match r.state {
        State::Held if is_pending(r) => (t.pending_heading, t.pending_lead),
        State::Held => (t.held_heading, t.held_lead),
        State::Confirmed => (t.confirmed_heading, t.confirmed_lead),
        State::CheckedIn => (t.checked_in_heading, t.checked_in_lead),
        State::CheckedOut => (t.checked_out_heading, t.checked_out_lead),
        State::Cancelled => (t.cancelled_heading, t.cancelled_lead),
        State::NoShow => (t.no_show_heading, t.no_show_lead),
        State::Expired => (t.expired_heading, t.expired_lead),
    };
    let until = r
        .hold_expires_us
        .map(|until| l.moment(until, found.zone()))
        .unwrap_or_default();
    let values = [
        ("hotel", r.hotel_name.as_str()),
        ("name", r.guest.name.as_str()),
        ("moment", until.as_str()),
    ];
    (fill(heading, &values), fill(lead, &values))
}
