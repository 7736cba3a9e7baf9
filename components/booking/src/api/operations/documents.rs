//! What describes the API itself.

use http::StatusCode;
use serde_json::json;

use crate::api::call::{Call, Outcome};
use crate::api::from_host::not_found;
use crate::api::problem::Code;
use crate::api::{OPENAPI, cache, json_reply};
use crate::host::Host;
use crate::reply;

/// Seconds for which a description may be kept; it changes with the program.
const MAX_AGE_S: u32 = 3_600;

/// The OpenAPI document.
pub fn openapi<H: Host>(call: &Call<'_, H>) -> Outcome {
    call.no_query()?;
    let answer = reply::document(StatusCode::OK, "application/json", OPENAPI.to_vec());
    Ok(cache::public(&call.head.headers, answer, MAX_AGE_S))
}

/// What a problem's type means (RFC 9457 §3.1.1: what a type refers to should explain it).
pub fn problem<H: Host>(call: &Call<'_, H>) -> Outcome {
    call.no_query()?;
    let name = call.resource.parameter("code");
    let code = Code::named(name).ok_or_else(|| not_found("code"))?;
    let answer = json_reply(
        StatusCode::OK,
        &json!({
            "code": code.name(),
            "status": code.status().as_u16(),
            "title": code.title(),
        }),
    )?;
    Ok(cache::public(&call.head.headers, answer, MAX_AGE_S))
}
