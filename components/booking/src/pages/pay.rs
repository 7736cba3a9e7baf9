//! The payment of a hold.

use askama::Template;

use super::decide;
use super::failure::{self, Failure};
use super::form::Form;
use super::price::{PriceTable, currency};
use super::reservation::{self, Found, Item};
use super::text::{Locale, Messages, fill};
use super::view::{self, FieldProblem, Notice, Page, StepItem};
use super::visit::Visit;
use crate::bindings::concierge::booking::catalogue::{Conflict, Error};
use crate::bindings::concierge::booking::reservations::{PaymentState, Reservation, State};
use crate::host::Host;
use crate::reply::Reply;

#[derive(Template)]
#[template(path = "pay.html")]
struct Pay {
    p: Page,
    notice: Option<Notice>,
    steps: Vec<StepItem>,
    r: Item,
    price: PriceTable,
    key: String,
    hold_until: Option<String>,
    methods: Vec<Method>,
    button: String,
}

/// A payment method.
struct Method {
    value: &'static str,
    name: &'static str,
    about: &'static str,
    chosen: bool,
}

/// The methods of the sandbox: tokens that say how it is to behave, in the place of those of cards.
fn methods(t: &Messages, chosen: &str) -> Vec<Method> {
    let methods = [
        (
            "sandbox:approve",
            t.sandbox_approve,
            t.sandbox_approve_about,
        ),
        (
            "sandbox:decline",
            t.sandbox_decline,
            t.sandbox_decline_about,
        ),
        ("sandbox:late", t.sandbox_late, t.sandbox_late_about),
        ("sandbox:hang", t.sandbox_hang, t.sandbox_hang_about),
        ("sandbox:twice", t.sandbox_twice, t.sandbox_twice_about),
    ];
    let [(usual, ..), ..] = methods;
    let known = methods.iter().any(|(value, ..)| *value == chosen);
    let chosen = if known { chosen } else { usual };
    methods
        .into_iter()
        .map(|(value, name, about)| Method {
            value,
            name,
            about,
            chosen: value == chosen,
        })
        .collect()
}

/// The choice of a payment method.
pub(crate) async fn show<H: Host>(host: &H, visit: &Visit, hotel: &str, name: &str) -> Reply {
    let found = match reservation::open(host, visit, hotel, name).await {
        Ok(found) => found,
        Err(instead) => return instead,
    };
    if let Some(elsewhere) = elsewhere(&found.reservation) {
        return elsewhere;
    }
    render(host, visit, &found, "", decide::new_key(host), None)
}

/// Where nothing is to be paid: the reservation says what is.
fn elsewhere(r: &Reservation) -> Option<Reply> {
    let to_be_paid = r.state == State::Held && reservation::can_be_paid(r);
    (!to_be_paid).then(|| view::see_other(&format!("{}/confirmation", reservation::address(r))))
}

fn render<H: Host>(
    host: &H,
    visit: &Visit,
    found: &Found,
    chosen: &str,
    key: String,
    failure: Option<Failure>,
) -> Reply {
    let l = visit.locale;
    let r = &found.reservation;
    let now_us = host.now_us();
    let notice = failure.as_ref().map(|failure| failure.notice.clone());
    let total = l.money(r.price.total, currency(&r.price));
    let template = Pay {
        p: Page::of(visit).with(notice.as_ref()),
        notice,
        steps: view::steps(l.t, 1),
        r: Item::of(l, found, now_us),
        price: PriceTable::of(l, &r.price),
        key,
        hold_until: r
            .hold_expires_us
            .map(|until| held_until(l, found, until, now_us)),
        methods: methods(l.t, chosen),
        button: fill(l.t.pay_button, &[("total", &total)]),
    };
    failure::respond(&template, failure.as_ref())
}

fn held_until(l: Locale, found: &Found, until_us: u64, now_us: u64) -> String {
    const MINUTE_US: u64 = 60_000_000;
    let left = until_us.saturating_sub(now_us) / MINUTE_US;
    let minutes = l.minutes(u32::try_from(left).unwrap_or(u32::MAX));
    let moment = l.moment(until_us, found.zone());
    fill(
        l.t.held_until,
        &[("moment", &moment), ("minutes", &minutes)],
    )
}

/// Pays.
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
    let l = visit.locale;
    let method = form.get("method");
    let Some(key) = decide::sent_key(form) else {
        return view::see_other(&visit.path);
    };
    if method.is_empty() {
        let problem = FieldProblem {
            id: "main",
            text: l.t.pay_choose.to_owned(),
        };
        let failure = Failure::of_fields(l.t, vec![problem]);
        return render(host, visit, &found, "", key.to_owned(), Some(failure));
    }
    // Not asked whether it is to be paid: a second click must have the answer of the first.
    let idempotency = decide::idempotency(key, &visit.path, form);
    let paid = host
        .pay(
            found.caller.clone(),
            hotel.to_owned(),
            name.to_owned(),
            method.to_owned(),
            idempotency.clone(),
            visit.client.clone(),
        )
        .await;
    match paid {
        Ok(decided) => {
            let caller = found.caller.clone();
            let render = async |outcome| decided_reply(host, visit, found, method, outcome);
            decide::answer(host, caller, hotel, idempotency, decided, render).await
        }
        Err(error) => {
            let failure = refused(l, &found.reservation, &error);
            render(host, visit, &found, method, key.to_owned(), Some(failure))
        }
    }
}

fn decided_reply<H: Host>(
    host: &H,
    visit: &Visit,
    found: Found,
    method: &str,
    outcome: Result<Reservation, Error>,
) -> Reply {
    let l = visit.locale;
    match outcome {
        Ok(reservation) if reservation.payment.state == PaymentState::Declined => {
            let failure = Failure::declined(l.t);
            let found = Found {
                reservation,
                ..found
            };
            // The answer of the old key is that it was declined: the next try is another payment.
            render(
                host,
                visit,
                &found,
                "",
                decide::new_key(host),
                Some(failure),
            )
        }
        Ok(reservation) => view::see_other(&format!(
            "{}/confirmation",
            reservation::address(&reservation)
        )),
        Err(error) => {
            let failure = refused(l, &found.reservation, &error);
            render(
                host,
                visit,
                &found,
                method,
                decide::new_key(host),
                Some(failure),
            )
        }
    }
}

fn refused(l: Locale, r: &Reservation, error: &Error) -> Failure {
    let failure = failure::explain(l, error);
    match error {
        Error::Conflict((Conflict::HoldExpired, _)) => {
            failure.link(super::hotel::address(&r.hotel), l.t.book_again)
        }
        Error::Conflict(_) | Error::KeyInUse => {
            failure.link(reservation::address(r), l.t.to_reservation)
        }
        _ => failure,
    }
}
