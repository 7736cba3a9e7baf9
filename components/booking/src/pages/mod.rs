//! The pages under `/booking`: for guests, who find a room, book it and look after their reservation; and for the front
//! desk. They are made here whole, and need no script; what is sent is answered by a redirect to what can be asked for.

mod assets;
mod book;
mod calendar;
mod change;
mod decide;
mod desk;
mod failure;
mod find;
mod form;
mod guest;
mod hotel;
mod illustration;
mod language;
mod pay;
mod price;
mod reservation;
mod route;
mod security;
mod start;
mod text;
mod view;
mod visit;
mod wait;
mod wish;

use http::header::ALLOW;
use http::{HeaderValue, Method, Request, StatusCode};

use crate::bindings::concierge::booking::catalogue::Error;
use crate::cross_site::is_cross_site;
use crate::host::{Host, ReadError};
use crate::reply::{self, Reply};
use form::Form;
use illustration::Scene;
use route::{Route, Step};
use security::{harden, keep_nowhere};
use view::{Notice, Tone};
use visit::Visit;

/// Bytes of a form: the longest has a thousand characters of wishes, each of up to twelve bytes when it is encoded.
const FORM_MAX_BYTES: usize = 24 * 1024;

/// Answers a request of a browser.
pub async fn answer<H: Host>(host: &H, request: Request<H::Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let visit = Visit::of(&head);
    let mut reply = match Route::of(head.uri.path()) {
        None => missing(&visit),
        Some(route) => match head.method {
            Method::GET | Method::HEAD if route.can_be_got() => show(host, &visit, route).await,
            Method::POST if route.can_be_sent_to() => {
                if is_cross_site(&head.headers) {
                    cross_site(&visit)
                } else {
                    submit(host, &visit, route, body).await
                }
            }
            _ => not_allowed(&visit, route),
        },
    };
    visit.remember_language(&mut reply);
    harden(&mut reply);
    reply
}

/// A page that was asked for.
async fn show<H: Host>(host: &H, visit: &Visit, route: Route<'_>) -> Reply {
    match route {
        Route::Start => start::start(host, visit).await,
        Route::Search => start::search(host, visit).await,
        Route::Hotel(hotel) => hotel::show(host, visit, hotel).await,
        Route::Book(hotel) => book::show(host, visit, hotel).await,
        Route::Wait(hotel) => wait::show(host, visit, hotel).await,
        Route::WaitDone(hotel) => wait::done(host, visit, hotel).await,
        Route::Find => find::show(host, visit).await,
        Route::Reservation {
            hotel,
            reservation,
            step,
        } => keep_nowhere(show_reservation(host, visit, hotel, reservation, step).await),
        Route::Desk => keep_nowhere(desk::hotels(host, visit).await),
        Route::DeskDay(hotel) => keep_nowhere(desk::show(host, visit, hotel).await),
        Route::Asset => assets::answer(&visit.path).unwrap_or_else(|| missing(visit)),
        Route::Art { hotel, file } => match Scene::from_file(file) {
            Some(scene) => illustration::answer(hotel, scene),
            None => missing(visit),
        },
        Route::DeskAct { .. } => not_allowed(visit, route),
    }
}

async fn show_reservation<H: Host>(
    host: &H,
    visit: &Visit,
    hotel: &str,
    name: &str,
    step: Step,
) -> Reply {
    if let (Some(token), Step::Overview) = (visit.query.find("token"), step) {
        let opened = reservation::unlock(host, visit, hotel, name, token).await;
        return match opened {
            Ok(reply) => reply,
            Err(failure) => find::render(host, visit, &Form::default(), Some(failure)).await,
        };
    }
    match step {
        Step::Overview => reservation::show(host, visit, hotel, name, false).await,
        Step::Confirmation => reservation::show(host, visit, hotel, name, true).await,
        Step::Pay => pay::show(host, visit, hotel, name).await,
        Step::Change => change::show(host, visit, hotel, name).await,
        Step::Cancel => change::ask_to_cancel(host, visit, hotel, name).await,
    }
}

/// A form that was sent.
async fn submit<H: Host>(host: &H, visit: &Visit, route: Route<'_>, body: H::Incoming) -> Reply {
    let form = match host.read(body, FORM_MAX_BYTES).await {
        Ok(bytes) => Form::parse(&String::from_utf8_lossy(&bytes)),
        Err(ReadError::TooLong) => return too_long(visit),
        Err(ReadError::Incomplete) => {
            return failure::explain(visit.locale, &Error::Unavailable).page(visit);
        }
    };
    let reply = match route {
        Route::Book(hotel) => book::submit(host, visit, hotel, &form).await,
        Route::Wait(hotel) => wait::submit(host, visit, hotel, &form).await,
        Route::Find => find::submit(host, visit, &form).await,
        Route::Reservation {
            hotel,
            reservation,
            step: Step::Pay,
        } => pay::submit(host, visit, hotel, reservation, &form).await,
        Route::Reservation {
            hotel,
            reservation,
            step: Step::Change,
        } => change::submit(host, visit, hotel, reservation, &form).await,
        Route::Reservation {
            hotel,
            reservation,
            step: Step::Cancel,
        } => change::cancel(host, visit, hotel, reservation, &form).await,
        Route::DeskAct {
            hotel,
            reservation,
            act,
        } => desk::act(host, visit, hotel, reservation, act, &form).await,
        _ => not_allowed(visit, route),
    };
    keep_nowhere(reply)
}

fn missing(visit: &Visit) -> Reply {
    let t = visit.locale.t;
    let notice = Notice::new(Tone::Warn, t.page_missing_title, t.page_missing_text)
        .link("/booking", t.nav_search);
    view::message(visit, StatusCode::NOT_FOUND, notice)
}

fn cross_site(visit: &Visit) -> Reply {
    let t = visit.locale.t;
    let notice = Notice::new(Tone::Bad, t.cross_site_title, t.cross_site_text)
        .link("/booking", t.nav_search);
    view::message(visit, StatusCode::FORBIDDEN, notice)
}

fn too_long(visit: &Visit) -> Reply {
    let t = visit.locale.t;
    let notice = Notice::new(Tone::Bad, t.too_long_title, t.too_long_text);
    view::message(visit, StatusCode::PAYLOAD_TOO_LARGE, notice)
}

/// The method is not one of the page's (RFC 9110 §15.5.6).
fn not_allowed(visit: &Visit, route: Route<'_>) -> Reply {
    let t = visit.locale.t;
    let notice =
        Notice::new(Tone::Warn, t.method_title, t.method_text).link("/booking", t.nav_search);
    let mut reply = view::message(visit, StatusCode::METHOD_NOT_ALLOWED, notice);
    let allowed = match (route.can_be_got(), route.can_be_sent_to()) {
        (true, true) => "GET, HEAD, POST",
        (true, false) => "GET, HEAD",
        (false, _) => "POST",
    };
    reply::set(&mut reply, ALLOW, HeaderValue::from_static(allowed));
    reply
}
