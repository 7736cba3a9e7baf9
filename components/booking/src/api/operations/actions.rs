//! What is done with a reservation after it was made.

use http::StatusCode;
use serde::Serialize;

use crate::api::call::{Call, Outcome};
use crate::api::checks::Checks;
use crate::api::decided;
use crate::api::json::stay::Stay;
use crate::bindings::concierge::booking::reservations::Action;
use crate::host::Host;

/// Another stay.
pub async fn change_stay<H: Host>(mut call: Call<'_, H>) -> Outcome {
    let body: Stay = call.json().await?;
    let mut checks = Checks::default();
    let stay = body.clone().checked(&mut checks);
    checks.finish()?;
    act(call, Action::Change(stay), &body).await
}

/// Gives the rooms back.
pub async fn cancel<H: Host>(call: Call<'_, H>) -> Outcome {
    plain(call, Action::Cancel).await
}

/// The guest is here.
pub async fn check_in<H: Host>(call: Call<'_, H>) -> Outcome {
    plain(call, Action::CheckIn).await
}

/// The guest goes.
pub async fn check_out<H: Host>(call: Call<'_, H>) -> Outcome {
    plain(call, Action::CheckOut).await
}

/// The guest did not come.
pub async fn no_show<H: Host>(call: Call<'_, H>) -> Outcome {
    plain(call, Action::NoShow).await
}

async fn plain<H: Host>(mut call: Call<'_, H>, action: Action) -> Outcome {
    let body = call.no_json().await?;
    act(call, action, &body).await
}

async fn act<H: Host>(call: Call<'_, H>, action: Action, body: &impl Serialize) -> Outcome {
    call.no_query()?;
    let (hotel, id) = (call.hotel()?, call.id("reservation")?);
    let version = call.version()?;
    let idempotency = call.optional_idempotency(body)?;
    let caller = call.account().await?;
    let decided = call
        .host
        .act(
            caller.clone(),
            hotel.clone(),
            id,
            action,
            version,
            idempotency.clone(),
            call.client(),
        )
        .await?;
    decided::answer(&call, caller, hotel, idempotency, decided, |reservation| {
        decided::reservation(StatusCode::OK, reservation)
    })
    .await
}
