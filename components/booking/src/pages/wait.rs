//! The waiting list, where a stay is sold out.

use http::StatusCode;

use super::book::{self, Choice, Purpose, Shown};
use super::decide;
use super::failure::{self, Failure};
use super::form::Form;
use super::guest;
use super::hotel;
use super::text::fill;
use super::view::{self, Notice, Tone};
use super::visit::Visit;
use crate::bindings::concierge::booking::catalogue::{Conflict, Error};
use crate::bindings::concierge::booking::reservations::Request;
use crate::host::Host;
use crate::reply::Reply;

/// The empty form.
pub(crate) async fn show<H: Host>(host: &H, visit: &Visit, hotel: &str) -> Reply {
    let Some(choice) = Choice::read(visit.locale, hotel, &visit.query) else {
        return view::see_other(&hotel::address(hotel));
    };
    let shown = Shown {
        purpose: Purpose::Wait,
        typed: &Form::default(),
        key: decide::new_key(host),
        failure: None,
    };
    book::render(host, visit, &choice, shown).await
}

/// Takes a place in the list.
pub(crate) async fn submit<H: Host>(host: &H, visit: &Visit, hotel: &str, form: &Form) -> Reply {
    let l = visit.locale;
    let Some(choice) = Choice::read(l, hotel, form) else {
        return view::see_other(&hotel::address(hotel));
    };
    let Some(key) = decide::sent_key(form) else {
        return view::see_other(&choice.address(Purpose::Wait));
    };
    let shown = |key: &str, failure| Shown {
        purpose: Purpose::Wait,
        typed: form,
        key: key.to_owned(),
        failure: Some(failure),
    };
    let guest = match guest::read(l, form) {
        Ok(guest) => guest,
        Err(problems) => {
            let failure = Failure::of_fields(l.t, problems);
            return book::render(host, visit, &choice, shown(key, failure)).await;
        }
    };
    let request = Request {
        stay: choice.stay(),
        guest,
        agreed_total: None,
    };
    let idempotency = decide::idempotency(key, &visit.path, form);
    let client = visit.client.clone();
    let error = match host
        .wait(hotel.to_owned(), request, idempotency, client)
        .await
    {
        Ok(_) => return view::see_other(&format!("{}/wait/done", hotel::address(hotel))),
        Err(error) => error,
    };
    let mut failure = failure::explain(l, &error);
    if let Error::Conflict((Conflict::Available, _)) = error {
        failure = failure.link(choice.address(Purpose::Book), l.t.book);
    }
    let key = match error {
        // The same try can still be made.
        Error::KeyInUse | Error::SlowDown(_) | Error::Unavailable | Error::Internal => {
            key.to_owned()
        }
        _ => decide::new_key(host),
    };
    book::render(host, visit, &choice, shown(&key, failure)).await
}

/// The guest is on the list.
pub(crate) async fn done<H: Host>(host: &H, visit: &Visit, hotel: &str) -> Reply {
    let l = visit.locale;
    match host.get_hotel(hotel.to_owned()).await {
        Ok(details) => {
            let text = fill(l.t.wait_done_text, &[("hotel", &details.hotel.name)]);
            let notice = Notice::new(Tone::Good, l.t.wait_done_title, text)
                .link(hotel::address(hotel), l.t.other_rooms);
            view::message(visit, StatusCode::OK, notice)
        }
        Err(error) => failure::explain(l, &error).page(visit),
    }
}
