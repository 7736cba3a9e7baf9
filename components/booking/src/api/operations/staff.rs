//! Who works at a hotel.

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::api::call::{Call, Outcome};
use crate::api::checks::{BULK_MAX, Checks, NAME_CHARS_MAX};
use crate::api::json_reply;
use crate::host::Host;
use crate::reply;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Staff {
    /// Ids of accounts.
    accounts: Vec<String>,
}

/// Who works there.
pub async fn get<H: Host>(call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let hotel = call.hotel()?;
    let caller = call.account().await?;
    let accounts = call.host.get_staff(caller, hotel).await?;
    json_reply(StatusCode::OK, &Staff { accounts })
}

/// Names who works there, in the place of who did.
pub async fn put<H: Host>(mut call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let hotel = call.hotel()?;
    let caller = call.account().await?;
    let Staff { accounts } = call.bulk_json().await?;
    let mut checks = Checks::default();
    checks.count("accounts", accounts.len(), BULK_MAX);
    for (at, account) in accounts.iter().enumerate() {
        checks.needed(format!("accounts.{at}"), account, NAME_CHARS_MAX);
    }
    checks.finish()?;
    call.host.set_staff(caller, hotel, accounts).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
