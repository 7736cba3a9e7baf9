//! The front desk: for the hotel's staff, who sign in with their account's name and password.

mod day;
mod entry;

use askama::Template;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};

pub(crate) use day::{act, show};

use super::failure;
use super::form::Address;
use super::route::code;
use super::text::fill;
use super::view::{self, Notice, Page, Tone};
use super::visit::Visit;
use crate::bindings::concierge::booking::catalogue::{Caller, Error};
use crate::host::{AuthenticationError, Host, Role};
use crate::reply::{self, Reply};

/// Hotels of a page.
const HOTELS_MAX: u32 = 60;

/// Someone who works here.
pub(crate) struct Staff {
    caller: Caller,
    name: String,
}

/// Who signs in; else what is answered instead.
async fn sign_in<H: Host>(host: &H, visit: &Visit) -> Result<Staff, Reply> {
    let l = visit.locale;
    let Some(credentials) = visit.credentials() else {
        return Err(challenge(visit));
    };
    let client = visit.client.clone();
    match host.authenticate(credentials, client).await {
        Ok(account) if account.role == Role::Other => {
            Err(failure::explain(l, &Error::Forbidden).page(visit))
        }
        Ok(account) => Ok(Staff {
            caller: Caller::Account(account.token),
            name: account.name,
        }),
        Err(AuthenticationError::Refused) => Err(challenge(visit)),
        Err(AuthenticationError::SlowDown(seconds)) => {
            Err(failure::explain(l, &Error::SlowDown(seconds)).page(visit))
        }
        Err(AuthenticationError::Unavailable) => {
            Err(failure::explain(l, &Error::Unavailable).page(visit))
        }
    }
}

/// Asks for name and password (RFC 7617 §2).
fn challenge(visit: &Visit) -> Reply {
    let t = visit.locale.t;
    let notice = Notice::new(Tone::Warn, t.desk_sign_in, t.desk_sign_in_text)
        .link("/booking/desk", t.try_again);
    let mut reply = view::message(visit, StatusCode::UNAUTHORIZED, notice);
    let field = HeaderValue::from_static("Basic realm=\"Front desk\", charset=\"UTF-8\"");
    reply::set(&mut reply, WWW_AUTHENTICATE, field);
    reply
}

#[derive(Template)]
#[template(path = "desk_hotels.html")]
struct Hotels {
    p: Page,
    signed_in: String,
    hotels: Vec<House>,
    next: Option<String>,
}

struct House {
    code: String,
    name: String,
    place: String,
}

/// The choice of a hotel.
pub(crate) async fn hotels<H: Host>(host: &H, visit: &Visit) -> Reply {
    let staff = match sign_in(host, visit).await {
        Ok(staff) => staff,
        Err(instead) => return instead,
    };
    let l = visit.locale;
    let after = code(visit.query.get("after"))
        .unwrap_or_default()
        .to_owned();
    let page = match host.list_hotels(staff.caller, after, HOTELS_MAX).await {
        Ok(page) => page,
        Err(error) => return failure::explain(l, &error).page(visit),
    };
    let template = Hotels {
        p: Page::of(visit),
        signed_in: fill(l.t.desk_signed_in, &[("name", &staff.name)]),
        hotels: page
            .hotels
            .iter()
            .map(|hotel| House {
                code: hotel.code.clone(),
                name: hotel.name.clone(),
                place: view::place(hotel),
            })
            .collect(),
        next: page
            .next
            .map(|next| Address::to("/booking/desk").with("after", &next).finish()),
    };
    view::html(StatusCode::OK, &template)
}
