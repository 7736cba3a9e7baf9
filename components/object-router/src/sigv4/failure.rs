//! What a client is told when its signature was not accepted.

use crate::bindings::concierge::identity::sigv4::{Error, Placement, SignedRequest};
use crate::error::{Code, S3Error};
use crate::http::date;

/// How far a client's clock may be off, in milliseconds, as the error document says it.
const MAX_SKEW_MS: &str = "900000";

/// The error in S3's terms, with the details that S3 gives. `request` is what was sent to be verified.
pub fn explain(error: Error, request: &SignedRequest) -> S3Error {
    match error {
        Error::UnknownAccessKey => S3Error::new(Code::InvalidAccessKeyId)
            .detail("AWSAccessKeyId", request.access_key_id.as_str()),
        Error::SignatureDoesNotMatch(string_to_sign) => does_not_match(&string_to_sign, request),
        Error::RequestTimeTooSkewed(now_us) => S3Error::new(Code::RequestTimeTooSkewed)
            .detail("RequestTime", request.timestamp.as_str())
            .detail("ServerTime", date::iso(now_us))
            .detail("MaxAllowedSkewMilliseconds", MAX_SKEW_MS),
        Error::Expired(why) => expired(why, request),
        Error::Malformed(why) => S3Error::with(malformed(request.placement), why),
        Error::Unavailable => S3Error::new(Code::ServiceUnavailable),
    }
}

fn malformed(placement: Placement) -> Code {
    match placement {
        Placement::Header => Code::AuthorizationHeaderMalformed,
        Placement::Query => Code::AuthorizationQueryParametersError,
    }
}

fn does_not_match(string_to_sign: &str, request: &SignedRequest) -> S3Error {
    S3Error::new(Code::SignatureDoesNotMatch)
        .detail("AWSAccessKeyId", request.access_key_id.as_str())
        .detail("StringToSign", string_to_sign)
        .detail("SignatureProvided", request.signature.as_str())
        .detail("StringToSignBytes", spaced_hex(string_to_sign))
        .detail("CanonicalRequest", request.canonical_request.as_str())
        .detail(
            "CanonicalRequestBytes",
            spaced_hex(&request.canonical_request),
        )
}

fn expired(why: String, request: &SignedRequest) -> S3Error {
    let why = if why.is_empty() {
        "Request has expired".to_owned()
    } else {
        why
    };
    let error = S3Error::with(Code::AccessDenied, why);
    let Some(life_s) = request.expires_s else {
        return error;
    };
    let error = error.detail("X-Amz-Expires", life_s.to_string());
    match date::parse_amz(&request.timestamp) {
        Some(signed_s) => error.detail(
            "Expires",
            date::iso((signed_s + u64::from(life_s)).saturating_mul(1_000_000)),
        ),
        None => error,
    }
}

/// Bytes in hexadecimal with spaces between, as S3 shows them.
fn spaced_hex(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for (position, byte) in text.bytes().enumerate() {
        if position > 0 {
            out.push(' ');
        }
        for nibble in [byte >> 4, byte & 0xf] {
            out.extend(char::from_digit(nibble.into(), 16));
        }
    }
    out
}
