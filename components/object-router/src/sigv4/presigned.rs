//! The signature in the query string: a presigned URL (API Reference, "Authenticating Requests: Using Query Parameters").

use super::{ALGORITHM, Claim, ScopeError, is_signature, parse_credential};
use crate::bindings::concierge::identity::sigv4::Placement;
use crate::error::{Code, S3Error};
use crate::http::date;
use crate::http::request::{Request, parse_decimal};

/// The longest life of a presigned URL: seven days, in seconds.
const MAX_EXPIRES_S: u32 = 604_800;

const PARAMETERS: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
];

/// Reads the parameters of a presigned URL.
pub fn parse_presigned(request: &Request) -> Result<Claim, S3Error> {
    let query = &request.query;
    if PARAMETERS.iter().any(|name| query.count(name) != 1) {
        return Err(wrong(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, \
             X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        ));
    }
    let value = |name: &str| query.get(name).unwrap_or_default();
    if value("X-Amz-Algorithm") != ALGORITHM {
        return Err(wrong("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
    }
    let scope =
        parse_credential(value("X-Amz-Credential")).map_err(|error| wrong(reason(error)))?;
    let timestamp = value("X-Amz-Date");
    if date::parse_amz(timestamp).is_none() {
        return Err(wrong(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
        ));
    }
    if timestamp.get(..8) != Some(scope.date.as_str()) {
        return Err(wrong(
            "Invalid credential date. This date is not the same as X-Amz-Date.",
        ));
    }
    // A presigned signature of another form can only be one that does not match; the host takes none but this.
    let signature = value("X-Amz-Signature");
    if !is_signature(signature) {
        return Err(
            S3Error::new(Code::SignatureDoesNotMatch).detail("SignatureProvided", signature)
        );
    }
    Ok(Claim {
        placement: Placement::Query,
        scope,
        signed_headers: value("X-Amz-SignedHeaders").to_owned(),
        signature: signature.to_owned(),
        timestamp: timestamp.to_owned(),
        expires_s: Some(parse_expires(value("X-Amz-Expires"))?),
    })
}

fn parse_expires(text: &str) -> Result<u32, S3Error> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let Some(seconds) = parse_decimal(digits) else {
        return Err(wrong("X-Amz-Expires should be a number"));
    };
    if text.starts_with('-') || seconds == 0 {
        return Err(wrong("X-Amz-Expires must be non-negative"));
    }
    match u32::try_from(seconds) {
        Ok(seconds) if seconds <= MAX_EXPIRES_S => Ok(seconds),
        _ => Err(wrong(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than \
             604800 seconds",
        )),
    }
}

fn wrong(why: &'static str) -> S3Error {
    S3Error::with(Code::AuthorizationQueryParametersError, why)
}

fn reason(error: ScopeError) -> &'static str {
    match error {
        ScopeError::Form => {
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting \
             \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
        }
        ScopeError::Service => {
            "Error parsing the X-Amz-Credential parameter; incorrect service. This endpoint belongs to \"s3\"."
        }
        ScopeError::Date => {
            "Error parsing the X-Amz-Credential parameter; incorrect date format. This date in the credential must be \
             in the format \"yyyyMMdd\"."
        }
    }
}
