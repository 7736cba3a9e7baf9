//! GetObject and HeadObject.

use super::object_headers;
use crate::bindings::concierge::objects::blobs::{Error, GetRequest};
use crate::call::{Call, Outcome};
use crate::error::S3Error;
use crate::headers::{conditions, range};
use crate::host::Host;
use crate::http::reply::ReplyBody;
use crate::http::request::parse_decimal;
use crate::xml::MAX_PARTS;

/// Sends an object, or a range or a part of it.
pub async fn get<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let Wanted { request, otherwise } = wanted(call)?;
    let part_asked = request.part_number.is_some();
    let first = call.host.get(call.token(), request).await;
    let (result, stream) = match (first, otherwise) {
        (Err(Error::PreconditionFailed(_)), Some(whole)) => {
            call.host.get(call.token(), whole).await?
        }
        (first, _) => first?,
    };
    let mut reply = object_headers::of_object(&result, checksums_asked(call), part_asked);
    object_headers::override_headers(&mut reply, &call.request.query)?;
    if result.length > 0 {
        reply.body = ReplyBody::Stream(stream);
    }
    Ok(reply)
}

/// As [`get`], without the bytes.
pub async fn head<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let Wanted { request, otherwise } = wanted(call)?;
    let part_asked = request.part_number.is_some();
    let first = call.host.head(call.token(), request).await;
    let result = match (first, otherwise) {
        (Err(Error::PreconditionFailed(_)), Some(whole)) => {
            call.host.head(call.token(), whole).await?
        }
        (first, _) => first?,
    };
    let mut reply = object_headers::of_object(&result, checksums_asked(call), part_asked);
    object_headers::override_headers(&mut reply, &call.request.query)?;
    Ok(reply)
}

/// What a GET or HEAD asks for.
struct Wanted {
    request: GetRequest,
    /// To be asked instead when the object is no longer the one that the client knows: all of it.
    otherwise: Option<GetRequest>,
}

/// Reads the request with its If-Range (RFC 9110 §13.1.5): a client that has the beginning of an object wants the rest
/// only while it is still the same object. The host compares, so that no other write can come between.
fn wanted<H: Host>(call: &Call<'_, H>) -> Result<Wanted, S3Error> {
    let mut request = get_request(call)?;
    let mut otherwise = None;
    if request.range.is_some()
        && let Some(known) = call.request.headers.single("if-range")?
    {
        let whole = GetRequest {
            range: None,
            ..request.clone()
        };
        match conditions::strong_tag(known) {
            Some(tag) if conditions::leaves_room_for_if_match(&request.conditions) => {
                request.conditions.if_match.push(tag.to_owned());
                otherwise = Some(whole);
            }
            // A date or a weak tag, or conditions with which the host would not compare the tag: a range may always be
            // ignored (RFC 9110 §14.2).
            _ => request = whole,
        }
    }
    Ok(Wanted { request, otherwise })
}

fn get_request<H: Host>(call: &Call<'_, H>) -> Result<GetRequest, S3Error> {
    let named = call.named()?;
    let range = range::parse_range(&call.request.headers);
    let part_number = call
        .request
        .query
        .get("partNumber")
        .map(parse_part_number)
        .transpose()?;
    if range.is_some() && part_number.is_some() {
        return Err(S3Error::request(
            "Cannot specify both Range header and partNumber query parameter",
        ));
    }
    Ok(GetRequest {
        bucket: named.bucket,
        key: named.key,
        version_id: named.version_id,
        range,
        part_number,
        conditions: conditions::parse_read(&call.request.headers),
    })
}

/// Reads the number of a part, 1 to 10,000.
pub fn parse_part_number(text: &str) -> Result<u32, S3Error> {
    match parse_decimal(text) {
        Some(number @ 1..) if number <= MAX_PARTS as u64 => Ok(number as u32),
        _ => {
            let message = "Part number must be an integer between 1 and 10000, inclusive";
            Err(S3Error::argument(message, "partNumber", text))
        }
    }
}

/// Checksums are sent to those who ask for them (API Reference, "GetObject", x-amz-checksum-mode).
fn checksums_asked<H: Host>(call: &Call<'_, H>) -> bool {
    call.request
        .headers
        .get("x-amz-checksum-mode")
        .is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED"))
}
