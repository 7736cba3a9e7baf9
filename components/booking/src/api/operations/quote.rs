//! What a stay would cost.

use http::StatusCode;
use serde::Serialize;

use crate::api::call::{Call, Outcome};
use crate::api::checks::Checks;
use crate::api::json::stay::{PricedStay, Stay};
use crate::api::json::{Money, Time};
use crate::api::json_reply;
use crate::host::Host;

#[derive(Serialize)]
struct Quote {
    #[serde(flatten)]
    stay: PricedStay,
    available: bool,
    free_cancellation_until: Option<Time>,
    cancellation_penalty: Money,
}

/// Prices a stay.
pub async fn quote<H: Host>(mut call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let hotel = call.hotel()?;
    let stay: Stay = call.json().await?;
    let mut checks = Checks::default();
    let stay = stay.checked(&mut checks);
    checks.finish()?;
    let priced = call.host.quote(hotel, stay).await?;
    let quote = Quote {
        cancellation_penalty: Money::of(priced.penalty, &priced.price.currency),
        free_cancellation_until: priced.free_until_us.map(Time),
        available: priced.available,
        stay: PricedStay::of(&priced.stay, priced.price),
    };
    json_reply(StatusCode::OK, &quote)
}
