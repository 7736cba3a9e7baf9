//! Other nights for a reservation, and its end.

use askama::Template;

use super::decide;
use super::failure::{self, Failure};
use super::form::Form;
use super::price::{PriceTable, currency};
use super::reservation::{self, Found, Item};
use super::text::{Locale, fill};
use super::view::{self, FieldProblem, Notice, Page};
use super::visit::Visit;
use crate::bindings::concierge::booking::availability::{PricedStay, Stay};
use crate::bindings::concierge::booking::catalogue::{Caller, Error};
use crate::bindings::concierge::booking::reservations::{Action, Reservation};
use crate::dates::{parse, text};
use crate::host::Host;
use crate::reply::Reply;

#[derive(Template)]
#[template(path = "change.html")]
struct Change {
    p: Page,
    notice: Option<Notice>,
    r: Item,
    arrival: String,
    departure: String,
    first_date: String,
    key: String,
    offer: Option<Offer>,
}

/// The stay as it would be.
struct Offer {
    dates: String,
    difference: String,
    before: PriceTable,
    after: PriceTable,
}

/// The choice of other nights; with dates, their price.
pub(crate) async fn show<H: Host>(host: &H, visit: &Visit, hotel: &str, name: &str) -> Reply {
    match reservation::open(host, visit, hotel, name).await {
        Ok(found) => render(host, visit, &found, &visit.query, None).await,
        Err(instead) => instead,
    }
}

/// The new stay of a form: other dates for the same rooms.
fn stay(l: Locale, found: &Found, form: &Form) -> Result<Stay, FieldProblem> {
    let problem = |id, text: &str| FieldProblem {
        id,
        text: text.to_owned(),
    };
    let arrival = parse(form.get("arrival")).map_err(|_| problem("arrival", l.t.wrong_arrival))?;
    let departure =
        parse(form.get("departure")).map_err(|_| problem("departure", l.t.wrong_departure))?;
    if departure <= arrival {
        return Err(problem("departure", l.t.wrong_dates_order));
    }
    Ok(Stay {
        arrival,
        departure,
        rooms: found.reservation.stay.rooms.clone(),
    })
}

async fn render<H: Host>(
    host: &H,
    visit: &Visit,
    found: &Found,
    form: &Form,
    mut failure: Option<Failure>,
) -> Reply {
    let l = visit.locale;
    let r = &found.reservation;
    let mut offer = None;
    if form.find("arrival").is_some() {
        match price(host, l, found, form).await {
            Ok(priced) if is_impossible(r, &priced) => {
                failure.get_or_insert_with(|| Failure::house_full(l.t));
            }
            Ok(priced) => offer = Some(Offer::of(l, r, &priced)),
            Err(wrong) => {
                failure.get_or_insert(wrong);
            }
        }
    }
    let typed = |name, known| {
        let typed = form.get(name);
        if typed.is_empty() {
            text(known)
        } else {
            typed.to_owned()
        }
    };
    let notice = failure.as_ref().map(|failure| failure.notice.clone());
    let template = Change {
        p: Page::of(visit).with(notice.as_ref()),
        notice,
        r: Item::of(l, found, host.now_us()),
        arrival: typed("arrival", r.stay.arrival),
        departure: typed("departure", r.stay.departure),
        first_date: text(Visit::earliest_today(host.now_us())),
        key: decide::new_key(host),
        offer,
    };
    failure::respond(&template, failure.as_ref())
}

async fn price<H: Host>(
    host: &H,
    l: Locale,
    found: &Found,
    form: &Form,
) -> Result<PricedStay, Failure> {
    let stay = stay(l, found, form).map_err(|problem| Failure::of_fields(l.t, vec![problem]))?;
    host.quote(found.reservation.hotel.clone(), stay)
        .await
        .map_err(|error| failure::explain(l, &error))
}

/// Whether the new nights are not to be had. Where they overlap with the old ones it may be the reservation itself that
/// takes the room: then only trying shows it.
fn is_impossible(r: &Reservation, priced: &PricedStay) -> bool {
    let overlaps = priced.stay.arrival < r.stay.departure && r.stay.arrival < priced.stay.departure;
    !priced.available && !overlaps
}

impl Offer {
    fn of(l: Locale, r: &Reservation, priced: &PricedStay) -> Self {
        let (before, after) = (r.price.total, priced.price.total);
        let amount = l.money(
            after.saturating_sub(before).saturating_abs(),
            currency(&r.price),
        );
        let amount = [("amount", amount.as_str())];
        let difference = match after.cmp(&before) {
            std::cmp::Ordering::Equal => l.t.change_same.to_owned(),
            std::cmp::Ordering::Greater => fill(l.t.change_more, &amount),
            std::cmp::Ordering::Less => fill(l.t.change_less, &amount),
        };
        Self {
            dates: l.dates(priced.stay.arrival, priced.stay.departure),
            difference,
            before: PriceTable::of(l, &r.price),
            after: PriceTable::of(l, &priced.price),
        }
    }
}

/// Changes the nights.
pub(crate) async fn submit<H: Host>(
    host: &H,
    visit: &Visit,
    hotel: &str,
    name: &str,
    form: &Form,
) -> Reply {
    let found = match reservation::open(host, visit, hotel, name).await {
        Ok(found) => found,
        Err(instead) => return instead,
    };
    let stay = match stay(visit.locale, &found, form) {
        Ok(stay) => stay,
        Err(problem) => {
            let failure = Failure::of_fields(visit.locale.t, vec![problem]);
            return render(host, visit, &found, form, Some(failure)).await;
        }
    };
    let done = format!("{}?changed", reservation::address(&found.reservation));
    let again = async |failure| render(host, visit, &found, form, Some(failure)).await;
    act(
        host,
        visit,
        &found,
        form,
        Action::Change(stay),
        &done,
        again,
    )
    .await
}

#[derive(Template)]
#[template(path = "cancel.html")]
struct Cancel {
    p: Page,
    notice: Option<Notice>,
    r: Item,
    price: PriceTable,
    fee: String,
    explanation: &'static str,
    key: String,
}

/// The question whether to cancel, and what it costs.
pub(crate) async fn ask_to_cancel<H: Host>(
    host: &H,
    visit: &Visit,
    hotel: &str,
    name: &str,
) -> Reply {
    match reservation::open(host, visit, hotel, name).await {
        Ok(found) => render_cancel(host, visit, &found, None),
        Err(instead) => instead,
    }
}

fn render_cancel<H: Host>(
    host: &H,
    visit: &Visit,
    found: &Found,
    failure: Option<Failure>,
) -> Reply {
    let l = visit.locale;
    let r = &found.reservation;
    let item = Item::of(l, found, host.now_us());
    if failure.is_none() && !item.can_change {
        return view::see_other(&item.href);
    }
    let (fee, explanation) = if r.cancellation_fee == 0 {
        (l.t.cancel_free.to_owned(), l.t.cancel_explain_free)
    } else {
        let fee = l.money(r.cancellation_fee, currency(&r.price));
        (fee, l.t.cancel_explain_fee)
    };
    let notice = failure.as_ref().map(|failure| failure.notice.clone());
    let template = Cancel {
        p: Page::of(visit).with(notice.as_ref()),
        notice,
        r: item,
        price: PriceTable::of(l, &r.price),
        fee,
        explanation,
        key: decide::new_key(host),
    };
    failure::respond(&template, failure.as_ref())
}

/// Cancels.
pub(crate) async fn cancel<H: Host>(
    host: &H,
    visit: &Visit,
    hotel: &str,
    name: &str,
    form: &Form,
) -> Reply {
    let found = match reservation::open(host, visit, hotel, name).await {
        Ok(found) => found,
        Err(instead) => return instead,
    };
    let done = reservation::address(&found.reservation);
    let again = async |failure| render_cancel(host, visit, &found, Some(failure));
    act(host, visit, &found, form, Action::Cancel, &done, again).await
}

/// Does something with the reservation as it was shown, and goes on to where it can be seen; where it cannot be done,
/// `again` shows the page with the reason.
async fn act<H: Host>(
    host: &H,
    visit: &Visit,
    found: &Found,
    form: &Form,
    action: Action,
    done: &str,
    again: impl AsyncFn(Failure) -> Reply,
) -> Reply {
    let Some(key) = decide::sent_key(form) else {
        return view::see_other(&visit.path);
    };
    let l = visit.locale;
    let r = &found.reservation;
    let caller: Caller = found.caller.clone();
    let idempotency = decide::idempotency(key, &visit.path, form);
    let acted = host
        .act(
            caller.clone(),
            r.hotel.clone(),
            r.id.clone(),
            action,
            form.number("version"),
            Some(idempotency.clone()),
            visit.client.clone(),
        )
        .await;
    let explain = |error: &Error| {
        let failure = failure::explain(l, error);
        match error {
            Error::Conflict(_) => failure.link(reservation::address(r), l.t.to_reservation),
            _ => failure,
        }
    };
    match acted {
        Ok(decided) => {
            let render = async |outcome| match outcome {
                Ok(_) => view::see_other(done),
                Err(error) => again(explain(&error)).await,
            };
            decide::answer(host, caller, &r.hotel, idempotency, decided, render).await
        }
        Err(error) => again(explain(&error)).await,
    }
}
