//! The booking form: what is booked, who stays, and the way to the hold of the rooms.

use askama::Template;

use super::decide::{self, KEY_FIELD};
use super::failure::{self, Failure};
use super::form::{Address, Form};
use super::guest;
use super::hotel::{self, House};
use super::price::{Policy, PriceTable, currency};
use super::reservation;
use super::route::code;
use super::text::{Currency, Locale, fill};
use super::view::{self, Field, Notice, Page, StepItem};
use super::visit::Visit;
use super::wish::Wish;
use crate::bindings::concierge::booking::availability::PricedStay;
use crate::bindings::concierge::booking::catalogue::{
    Caller, Conflict, Error, HotelDetails, Money,
};
use crate::bindings::concierge::booking::reservations::{Request, Reservation};
use crate::host::Host;
use crate::reply::Reply;

/// The field with the total that the guest has seen.
const AGREED_FIELD: &str = "agreed_total";

#[derive(Template)]
#[template(path = "book.html")]
struct Book {
    p: Page,
    heading: &'static str,
    notice: Option<Notice>,
    steps: Vec<StepItem>,
    /// There is something to be booked: not where the rooms were gone before anything was typed.
    can_be_sent: bool,
    action: String,
    hidden: Vec<(&'static str, String)>,
    fields: Vec<Field>,
    small_print: String,
    button: &'static str,
    stay: StayItem,
    price: Option<PriceTable>,
}

/// What is booked, in words.
struct StayItem {
    hotel: String,
    hotel_name: String,
    arrival: String,
    departure: String,
    check_in: String,
    check_out: String,
    guests: String,
    policy: String,
    policy_class: &'static str,
    back: String,
}

/// What the form is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Rooms that are free.
    Book,
    /// A place in the waiting list.
    Wait,
}

/// The choice that a form is about: rooms of one type, at one rate, for a stay.
#[derive(Clone)]
pub(crate) struct Choice {
    pub(crate) hotel: String,
    room_type: String,
    rate_plan: String,
    pub(crate) wish: Wish,
}

impl Choice {
    /// Reads a form or a query; `None`: it does not say what is chosen.
    pub(crate) fn read(l: Locale, hotel: &str, form: &Form) -> Option<Self> {
        Some(Self {
            hotel: hotel.to_owned(),
            room_type: code(form.get("room_type"))?.to_owned(),
            rate_plan: code(form.get("rate_plan"))?.to_owned(),
            wish: Wish::read(l, form).ok()?,
        })
    }

    /// The address of the form.
    pub(crate) fn address(&self, purpose: Purpose) -> String {
        let page = match purpose {
            Purpose::Book => "book",
            Purpose::Wait => "wait",
        };
        let address = Address::to(format!("{}/{page}", hotel::address(&self.hotel)))
            .with("room_type", &self.room_type)
            .with("rate_plan", &self.rate_plan);
        self.wish.to_address(address).finish()
    }

    /// The address of the hotel with the same dates.
    pub(crate) fn hotel_address(&self) -> String {
        let address = Address::to(hotel::address(&self.hotel));
        format!("{}#rates", self.wish.to_address(address).finish())
    }

    /// The stay.
    pub(crate) fn stay(&self) -> crate::bindings::concierge::booking::availability::Stay {
        self.wish.stay(&self.room_type, &self.rate_plan)
    }

    fn hidden(&self) -> Vec<(&'static str, String)> {
        let mut hidden = vec![
            ("room_type", self.room_type.clone()),
            ("rate_plan", self.rate_plan.clone()),
        ];
        hidden.extend(self.wish.fields());
        hidden
    }
}

/// A form as it is shown: what was typed, its key, and what there is to say.
pub(crate) struct Shown<'a> {
    pub(crate) purpose: Purpose,
    pub(crate) typed: &'a Form,
    pub(crate) key: String,
    pub(crate) failure: Option<Failure>,
}

/// The empty form.
pub(crate) async fn show<H: Host>(host: &H, visit: &Visit, hotel: &str) -> Reply {
    let Some(choice) = Choice::read(visit.locale, hotel, &visit.query) else {
        return view::see_other(&hotel::address(hotel));
    };
    let shown = Shown {
        purpose: Purpose::Book,
        typed: &Form::default(),
        key: decide::new_key(host),
        failure: None,
    };
    render(host, visit, &choice, shown).await
}

/// The form with all that is known of what it books.
pub(crate) async fn render<H: Host>(
    host: &H,
    visit: &Visit,
    choice: &Choice,
    mut shown: Shown<'_>,
) -> Reply {
    let l = visit.locale;
    let details = match host.get_hotel(choice.hotel.clone()).await {
        Ok(details) => details,
        Err(error) => {
            return failure::explain(l, &error)
                .link("/booking", l.t.nav_search)
                .page(visit);
        }
    };
    let quote = match host.quote(choice.hotel.clone(), choice.stay()).await {
        Ok(quote) => Some(quote),
        // What was typed must not be lost because the price cannot be had.
        Err(_) if shown.failure.is_some() => None,
        Err(error) => {
            let failure = failure::explain(l, &error).link(choice.hotel_address(), l.t.other_rooms);
            return failure.page(visit);
        }
    };
    let is_gone = quote.as_ref().is_some_and(|quote| !quote.available);
    let can_be_sent = shown.purpose == Purpose::Wait || shown.failure.is_some() || !is_gone;
    if !can_be_sent {
        shown.failure = Some(gone(l, choice));
    }
    let failure = shown.failure.take();
    let mut template = template(
        host,
        visit,
        choice,
        &details,
        quote.as_ref(),
        &shown,
        failure.as_ref(),
    );
    template.can_be_sent = can_be_sent;
    failure::respond(&template, failure.as_ref())
}

fn gone(l: Locale, choice: &Choice) -> Failure {
    Failure::gone(l.t)
        .link(choice.address(Purpose::Wait), l.t.join_waiting_list)
        .link(choice.hotel_address(), l.t.other_rooms)
}

fn template<H: Host>(
    host: &H,
    visit: &Visit,
    choice: &Choice,
    details: &HotelDetails,
    quote: Option<&PricedStay>,
    shown: &Shown<'_>,
    failure: Option<&Failure>,
) -> Book {
    let l = visit.locale;
    let notice = failure.map(|failure| failure.notice.clone());
    let problems = notice
        .as_ref()
        .map(|notice| notice.fields.as_slice())
        .unwrap_or_default();
    let mut hidden = choice.hidden();
    hidden.push((KEY_FIELD, shown.key.clone()));
    if shown.purpose == Purpose::Book {
        // What the guest sees is what is agreed to; where no price can be had now, what was seen before.
        let seen = || shown.typed.get(AGREED_FIELD).to_owned();
        let agreed = quote.map_or_else(seen, |quote| quote.price.total.to_string());
        hidden.push((AGREED_FIELD, agreed));
    }
    let hold = l.minutes(details.hotel.hold_s.div_ceil(60));
    let (heading, button, small_print, steps) = match shown.purpose {
        Purpose::Book => (
            l.t.book_heading,
            l.t.hold_button,
            fill(l.t.hold_promise, &[("minutes", &hold)]),
            view::steps(l.t, 0),
        ),
        Purpose::Wait => (
            l.t.wait_heading,
            l.t.wait_button,
            l.t.wait_promise.to_owned(),
            Vec::new(),
        ),
    };
    Book {
        p: Page::of(visit)
            .found_at(choice.address(shown.purpose))
            .with(notice.as_ref()),
        heading,
        steps,
        can_be_sent: true,
        action: visit.path.clone(),
        hidden,
        fields: guest::fields(l.t, shown.typed, problems),
        small_print,
        button,
        stay: stay_item(l, choice, details, quote, host.now_us()),
        price: quote.map(|quote| PriceTable::of(l, &quote.price)),
        notice,
    }
}

fn stay_item(
    l: Locale,
    choice: &Choice,
    details: &HotelDetails,
    quote: Option<&PricedStay>,
    now_us: u64,
) -> StayItem {
    let house = House::of(l, &details.hotel);
    let policy = quote.map_or(
        Policy {
            text: String::new(),
            class: "strict",
        },
        |quote| hotel::policy_of(l, details, quote, now_us),
    );
    StayItem {
        hotel: house.code,
        hotel_name: house.name,
        arrival: l.date(choice.wish.arrival),
        departure: l.date(choice.wish.departure),
        check_in: house.check_in,
        check_out: house.check_out,
        guests: l.stay(&choice.stay()),
        policy: policy.text,
        policy_class: policy.class,
        back: choice.hotel_address(),
    }
}

/// Holds the rooms.
pub(crate) async fn submit<H: Host>(host: &H, visit: &Visit, hotel: &str, form: &Form) -> Reply {
    let l = visit.locale;
    let Some(choice) = Choice::read(l, hotel, form) else {
        return view::see_other(&hotel::address(hotel));
    };
    // Nobody books without the key of a form, or a price that was not seen.
    let (Some(key), Some(agreed)) = (decide::sent_key(form), form.number::<Money>(AGREED_FIELD))
    else {
        return view::see_other(&choice.address(Purpose::Book));
    };
    let shown = |key: &str, failure| Shown {
        purpose: Purpose::Book,
        typed: form,
        key: key.to_owned(),
        failure: Some(failure),
    };
    let guest = match guest::read(l, form) {
        Ok(guest) => guest,
        Err(problems) => {
            let failure = Failure::of_fields(l.t, problems);
            return render(host, visit, &choice, shown(key, failure)).await;
        }
    };
    let idempotency = decide::idempotency(key, &visit.path, form);
    let request = Request {
        stay: choice.stay(),
        guest,
        agreed_total: Some(agreed),
    };
    let called = host
        .create_reservation(
            Caller::Anyone,
            hotel.to_owned(),
            request,
            idempotency.clone(),
            visit.client.clone(),
        )
        .await;
    match called {
        Ok(decided) => {
            let render = async |outcome: Result<Reservation, Error>| match outcome {
                Ok(reservation) => held(visit, &reservation),
                // A refusal is kept with the key: the next try is another one.
                Err(error) => {
                    let failure = refused(host, visit, &choice, agreed, &error).await;
                    let key = decide::new_key(host);
                    self::render(host, visit, &choice, shown(&key, failure)).await
                }
            };
            decide::answer(host, Caller::Anyone, hotel, idempotency, decided, render).await
        }
        // Whether something was booked is not known: the same key must be sent again.
        Err(error) => {
            let failure = refused(host, visit, &choice, agreed, &error).await;
            let key = match error {
                Error::KeyReused => decide::new_key(host),
                _ => key.to_owned(),
            };
            self::render(host, visit, &choice, shown(&key, failure)).await
        }
    }
}

/// The rooms are held: on to the payment.
fn held(visit: &Visit, reservation: &Reservation) -> Reply {
    let path = reservation::address(reservation);
    let mut reply = view::see_other(&format!("{path}/pay"));
    visit.remember_guest(&mut reply, &path, &reservation.guest_token);
    reply
}

async fn refused<H: Host>(
    host: &H,
    visit: &Visit,
    choice: &Choice,
    agreed: Money,
    error: &Error,
) -> Failure {
    let l = visit.locale;
    let mut failure = failure::explain(l, error);
    match error {
        Error::SoldOut(_) => failure
            .link(choice.address(Purpose::Wait), l.t.join_waiting_list)
            .link(choice.hotel_address(), l.t.other_rooms),
        Error::Conflict((Conflict::Price, _)) => {
            if let Ok(quote) = host.quote(choice.hotel.clone(), choice.stay()).await {
                failure.notice.text = changed(l, agreed, quote.price.total, currency(&quote.price));
            }
            failure
        }
        Error::Invalid(_) | Error::NotFound(_) => {
            failure.link(choice.hotel_address(), l.t.other_rooms)
        }
        _ => failure,
    }
}

fn changed(l: Locale, before: Money, after: Money, currency: Currency<'_>) -> String {
    let (before, after) = (l.money(before, currency), l.money(after, currency));
    fill(
        l.t.price_changed_text,
        &[("before", &before), ("after", &after)],
    )
}
