//! The waiting list.

use http::StatusCode;
use serde::Serialize;

use super::reservations::check_currency;
use crate::api::call::{Call, Outcome};
use crate::api::checks::Checks;
use crate::api::json::reservation::{Request, Waiting};
use crate::api::json_reply;
use crate::host::Host;

/// Places on a page where no number is named.
const LIMIT: u32 = 50;
/// Places on a page.
const LIMIT_MAX: u32 = 200;

/// Waits for rooms.
pub async fn wait<H: Host>(mut call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let hotel = call.hotel()?;
    let body: Request = call.json().await?;
    let idempotency = call.idempotency(&body)?;
    let mut checks = Checks::default();
    check_currency(&call, &hotel, body.agreed_total(), &mut checks).await?;
    let request = body.checked(&mut checks);
    checks.finish()?;
    // The host gives the same place to the same key, so that the answer is the same, too.
    let waiting = call
        .host
        .wait(hotel, request, idempotency, call.client())
        .await?;
    json_reply(StatusCode::CREATED, &Waiting::from(waiting))
}

#[derive(Serialize)]
struct Page {
    waiting: Vec<Waiting>,
    next: Option<String>,
}

/// Who waits, in their order.
pub async fn list<H: Host>(call: Call<'_, H>) -> Outcome {
    let hotel = call.hotel()?;
    let query = call.query();
    let after = query.text("after");
    let max = query.number("limit", 1..=LIMIT_MAX).unwrap_or(LIMIT);
    query.finish()?;
    let caller = call.account().await?;
    let waiting = call.host.waiting_list(caller, hotel, after, max).await?;
    let full = waiting.len() == usize::try_from(max).unwrap_or(usize::MAX);
    let next = waiting.last().filter(|_| full).map(|last| last.id.clone());
    let waiting = waiting.into_iter().map(Into::into).collect();
    json_reply(StatusCode::OK, &Page { waiting, next })
}
