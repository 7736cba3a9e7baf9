//! Requests (RFC 8620 §3).

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use crate::host::{Host, Principal, ReadError};
use crate::jmap::limits::{ANSWERED_BYTES_MAX, JSON_VALUES_MAX, REQUEST_BYTES_MAX};
use crate::jmap::request::Request;
use crate::jmap::run::run_within;
use crate::problem::Problem;
use crate::reply::{self, Reply};
use crate::serve::Around;
use crate::session;

/// What a request takes whatever its length, before its answers are long.
const MEMORY_AT_LEAST: usize = 1 << 20;
/// What a byte of a request takes: in the buffer that it is read into, which doubles as it grows, and in a text.
const MEMORY_PER_BYTE: usize = 3;
/// What a value takes at most. Objects of one member take the most, 470 bytes for two values: their tree's node has room
/// for eleven members.
const MEMORY_PER_VALUE: usize = 256;
/// Bytes of a request that a value takes at least, on average: those of `{"":0},` are two.
const BYTES_PER_VALUE: usize = 3;

/// Memory that all requests of an instance may take: two of the largest with their answers, and a few small ones. The
/// rest of an instance's memory is for what is not counted.
pub const MEMORY_BYTES: usize =
    2 * (memory_of(REQUEST_BYTES_MAX) + ANSWERED_BYTES_MAX) + 16 * MEMORY_AT_LEAST;

/// Memory that a request of so many bytes may take.
const fn memory_of(bytes: usize) -> usize {
    let values = bytes / BYTES_PER_VALUE;
    let values = if values < JSON_VALUES_MAX {
        values
    } else {
        JSON_VALUES_MAX
    };
    MEMORY_AT_LEAST + bytes * MEMORY_PER_BYTE + values * MEMORY_PER_VALUE
}

/// Answers a request.
///
/// # Errors
/// What is wrong with it as a whole (§3.6.1).
pub async fn answer<H: Host>(
    host: &H,
    around: Around<'_>,
    principal: &Principal,
    head: &Parts,
    body: H::Incoming,
) -> Result<Reply<H::Outgoing>, Problem> {
    if !is_json(&head.headers) {
        return Err(Problem::not_json(
            "The Content-Type of a request is to be application/json.",
        ));
    }
    let mut memory = around.memory.share();
    let announced = announced(&head.headers).unwrap_or(REQUEST_BYTES_MAX);
    let of_request = memory_of(announced.min(REQUEST_BYTES_MAX));
    if !memory.grow_to(of_request) {
        return Err(ReadError::Busy.into());
    }
    let bytes = host.read(body, REQUEST_BYTES_MAX).await?;
    let request = Request::read(&bytes)?;
    drop(bytes);
    let accounts = host.accounts(&principal.token).await?;
    let state = session::state(principal, &accounts, around.settings);
    let mut has_room = |answered: usize| {
        // As values, and as the text that is made of them.
        let bytes = of_request + 2 * answered;
        let fits = memory.grow_to(bytes);
        if !fits {
            memory.grow_up_to(bytes);
        }
        fits
    };
    let token = &principal.token;
    let response = run_within(host, token, &accounts, &state, request, &mut has_room).await;
    Ok(reply::json(StatusCode::OK, &response))
}

/// RFC 8620 §3.1: I-JSON, and no other charset than UTF-8.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let Some(value) = value else {
        return false;
    };
    let (media_type, parameters) = value.split_once(';').unwrap_or((value, ""));
    let parameters = parameters.trim().to_ascii_lowercase();
    media_type.trim().eq_ignore_ascii_case("application/json")
        && matches!(
            parameters.as_str(),
            "" | "charset=utf-8" | "charset=\"utf-8\""
        )
}

/// Bytes of the body, where the client tells.
fn announced(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(http::header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn json_is_json_in_utf_8() {
        let is = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            is_json(&headers)
        };
        assert!(is("application/json"));
        assert!(is("Application/JSON; charset=UTF-8"));
        for other in [
            "text/plain",
            "application/json; charset=latin1",
            "application/jsonx",
            "",
        ] {
            assert!(!is(other), "{other}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
