//! The canonical request (General Reference, "Create a canonical request"; API Reference, "Signature Calculations for
//! the Authorization Header": in S3 the path is encoded once, and not normalised).

use super::{Claim, Payload};
use crate::bindings::concierge::identity::sigv4::Placement;
use crate::error::{Code, S3Error};
use crate::http::escape::{self, Plus};
use crate::http::request::Request;

/// Builds the canonical request of a claim. Fails where the claim leaves out a header that must be signed.
pub fn canonical_request(
    request: &Request,
    claim: &Claim,
    payload: &Payload,
) -> Result<String, S3Error> {
    check_signed_headers(request, &claim.signed_headers)?;
    let mut out = String::with_capacity(512 + request.raw_path.len());
    out.push_str(request.method.name());
    out.push('\n');
    push_path(&mut out, &request.raw_path)?;
    out.push('\n');
    push_query(&mut out, request, claim.placement);
    out.push('\n');
    for name in claim.signed_headers.split(';') {
        push_header(&mut out, request, name);
    }
    out.push('\n');
    out.push_str(&claim.signed_headers);
    out.push('\n');
    payload.push_line(&mut out);
    Ok(out)
}

/// The path, decoded and encoded anew: a client that leaves `(` as it is on the wire has signed `%28`.
fn push_path(out: &mut String, raw: &str) -> Result<(), S3Error> {
    let plain = |b: u8| matches!(b, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/');
    if raw.bytes().all(plain) {
        out.push_str(if raw.is_empty() { "/" } else { raw });
        return Ok(());
    }
    let decoded = escape::decode(raw, Plus::Literal).map_err(|_| S3Error::new(Code::InvalidUri))?;
    escape::encode_into(out, &decoded, true);
    Ok(())
}

/// The parameters, encoded, in the order of their encoded names and values; a presigned URL without its signature.
fn push_query(out: &mut String, request: &Request, placement: Placement) {
    let mut pairs: Vec<(String, String)> = request
        .query
        .pairs()
        .iter()
        .filter(|(name, _)| !(placement == Placement::Query && name == "X-Amz-Signature"))
        .map(|(name, value)| (escape::encode(name, false), escape::encode(value, false)))
        .collect();
    pairs.sort_unstable();
    for (position, (name, value)) in pairs.iter().enumerate() {
        if position > 0 {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.push_str(value);
    }
}

/// A header: its values trimmed, runs of spaces made one, several lines joined by commas.
fn push_header(out: &mut String, request: &Request, name: &str) {
    out.push_str(name);
    out.push(':');
    if name == "host" {
        out.push_str(&request.host);
    } else {
        for (position, value) in request.headers.all(name).enumerate() {
            if position > 0 {
                out.push(',');
            }
            push_trimmed(out, value);
        }
    }
    out.push('\n');
}

/// Tabs count as spaces: that is how the SDKs that touch them at all sign them.
fn push_trimmed(out: &mut String, value: &str) {
    let words = value.split([' ', '\t']).filter(|word| !word.is_empty());
    for (position, word) in words.enumerate() {
        if position > 0 {
            out.push(' ');
        }
        out.push_str(word);
    }
}

/// The most headers that may be signed: more than a request can have (the 100 of hyper). Each is looked up among the
/// headers, before anyone is known to have signed anything.
const MAX_SIGNED_HEADERS: usize = 128;

/// `host` and every `x-amz-*` header must be signed; what is not signed could be changed on the way.
fn check_signed_headers(request: &Request, signed: &str) -> Result<(), S3Error> {
    if signed.split(';').count() > MAX_SIGNED_HEADERS {
        return Err(S3Error::request("Too many headers are signed."));
    }
    let is_signed = |name: &str| signed.split(';').any(|known| known == name);
    let mut missing: Vec<&str> = request
        .headers
        .iter()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("x-amz-") && !is_signed(name))
        .collect();
    if !is_signed("host") {
        missing.push("host");
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(S3Error::with(
        Code::AccessDenied,
        "There were headers present in the request which were not signed",
    )
    .detail("HeadersNotSigned", missing.join(", ")))
}
