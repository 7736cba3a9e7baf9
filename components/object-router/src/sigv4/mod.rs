//! Signature Version 4: what was signed is taken from the request here; the host, which has the secret, verifies it.
//!
//! Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".

mod canonical;
mod failure;
mod header;
mod payload;
mod presigned;

pub use canonical::canonical_request;
pub use failure::explain;
pub use header::parse_authorization;
pub use payload::{Payload, parse_payload};
pub use presigned::parse_presigned;

use crate::bindings::concierge::identity::sigv4::{
    Payload as SignedPayload, Placement, SignedRequest,
};
use crate::error::{Code, S3Error};
use crate::http::request::Request;

/// The one algorithm there is.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The service that must stand in a credential scope.
const SERVICE: &str = "s3";

/// The longest canonical request that the host takes, in bytes (`concierge:identity`, `signed-request`).
const MAX_CANONICAL_BYTES: usize = 64 * 1024;

/// The longest access key id that the host takes, in bytes (`concierge:identity`, `signed-request`).
const MAX_ACCESS_KEY_ID_BYTES: usize = 128;

/// What a request says of its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Where it stood.
    pub placement: Placement,
    /// The credential scope.
    pub scope: Scope,
    /// The names of the signed headers, in lower case, in the order sent.
    pub signed_headers: String,
    /// The signature, 64 hexadecimal digits.
    pub signature: String,
    /// The signing time, `YYYYMMDD'T'HHMMSS'Z'`.
    pub timestamp: String,
    /// The life of a presigned URL in seconds.
    pub expires_s: Option<u32>,
}

/// A credential scope, `KEY/DATE/REGION/SERVICE/aws4_request`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The access key id.
    pub access_key_id: String,
    /// `YYYYMMDD`.
    pub date: String,
    /// The region; any is taken, for there is one store.
    pub region: String,
}

/// Why a credential is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeError {
    /// Not five pieces, or one is empty, or it does not end as it must.
    Form,
    /// Another service than S3.
    Service,
    /// The date is not eight digits.
    Date,
}

/// Reads a credential. Access key ids may hold slashes, so the scope is read from its end.
pub fn parse_credential(text: &str) -> Result<Scope, ScopeError> {
    let mut pieces = text.rsplitn(5, '/');
    let mut next = || {
        pieces
            .next()
            .filter(|piece| !piece.is_empty())
            .ok_or(ScopeError::Form)
    };
    let (terminator, service, region, date, key) = (next()?, next()?, next()?, next()?, next()?);
    if terminator != "aws4_request" || key.len() > MAX_ACCESS_KEY_ID_BYTES {
        return Err(ScopeError::Form);
    }
    if service != SERVICE {
        return Err(ScopeError::Service);
    }
    if date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ScopeError::Date);
    }
    Ok(Scope {
        access_key_id: key.to_owned(),
        date: date.to_owned(),
        region: region.to_owned(),
    })
}

/// A request that can be verified, and what its body is announced to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Signed {
    /// What the host verifies.
    pub request: SignedRequest,
    /// What the payload line announces.
    pub payload: Payload,
}

/// Finds the signature of a request. `AccessDenied` when there is none: nothing is open to the anonymous.
pub fn parse_signed(request: &Request) -> Result<Signed, S3Error> {
    let claim = find_claim(request)?;
    if request.headers.has("x-amz-security-token") || request.query.has("X-Amz-Security-Token") {
        // There are no temporary credentials, so no token can belong to a key.
        return Err(S3Error::new(Code::InvalidToken));
    }
    let payload = parse_payload(request, claim.placement)?;
    let canonical_request = canonical_request(request, &claim, &payload)?;
    if canonical_request.len() > MAX_CANONICAL_BYTES {
        return Err(S3Error::request(
            "The request's headers and query are too long to be verified.",
        ));
    }
    let request = SignedRequest {
        placement: claim.placement,
        access_key_id: claim.scope.access_key_id,
        timestamp: claim.timestamp,
        scope_date: claim.scope.date,
        region: claim.scope.region,
        service: SERVICE.to_owned(),
        canonical_request,
        signature: claim.signature,
        expires_s: claim.expires_s,
        payload: signed_payload(&payload),
    };
    Ok(Signed { request, payload })
}

fn find_claim(request: &Request) -> Result<Claim, S3Error> {
    let authorization = request.headers.single("authorization")?;
    let query_v4 = request.query.has("X-Amz-Algorithm");
    let query_v2 = request.query.has("Signature") && request.query.has("AWSAccessKeyId");
    if usize::from(authorization.is_some()) + usize::from(query_v4) + usize::from(query_v2) > 1 {
        return Err(S3Error::argument(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
             parameter or the Authorization header should be specified",
            "Authorization",
            authorization.unwrap_or_default(),
        ));
    }
    match authorization {
        _ if query_v2 => Err(signature_version_2()),
        Some(text) => parse_authorization(text, request),
        None if query_v4 => parse_presigned(request),
        None => Err(S3Error::new(Code::AccessDenied)),
    }
}

/// Version 2 is refused as in the regions that never had it.
pub(crate) fn signature_version_2() -> S3Error {
    S3Error::request(
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    )
}

fn signed_payload(payload: &Payload) -> SignedPayload {
    match payload {
        Payload::SignedChunks => SignedPayload::SignedChunks,
        Payload::SignedChunksAndTrailer => SignedPayload::SignedChunksAndTrailer,
        Payload::Digest(_) | Payload::Unsigned | Payload::UnsignedChunksAndTrailer => {
            SignedPayload::Single
        }
    }
}

/// 64 hexadecimal digits, as the host wants them: in lower case.
pub(crate) fn is_signature(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
