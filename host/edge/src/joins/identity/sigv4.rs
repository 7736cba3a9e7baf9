//! `concierge:identity/sigv4`.

use crate::joins::Services;
use crate::joins::bindings::identity::sigv4;
use concierge_identity::{Payload, Placement, SigV4Error, SignedRequest, Verified};

pub(in crate::joins) async fn verify(
    services: &Services,
    request: sigv4::SignedRequest,
) -> Result<sigv4::Principal, sigv4::Error> {
    let identity = services
        .identity
        .as_ref()
        .ok_or(sigv4::Error::Unavailable)?;
    let verified = identity.verify_sigv4(&SignedRequest {
        placement: match request.placement {
            sigv4::Placement::Header => Placement::Header,
            sigv4::Placement::Query => Placement::Query,
        },
        access_key_id: &request.access_key_id,
        timestamp: &request.timestamp,
        scope_date: &request.scope_date,
        region: &request.region,
        service: &request.service,
        canonical_request: &request.canonical_request,
        signature: &request.signature,
        expires_s: request.expires_s,
        payload: match request.payload {
            sigv4::Payload::Single => Payload::Single,
            sigv4::Payload::SignedChunks => Payload::SignedChunks,
            sigv4::Payload::SignedChunksAndTrailer => Payload::SignedChunksAndTrailer,
        },
    })?;
    if !services.admits(verified.account) {
        return Err(sigv4::Error::UnknownAccessKey);
    }
    Ok(verified.into())
}

impl From<Verified> for sigv4::Principal {
    fn from(verified: Verified) -> Self {
        Self {
            token: verified.token,
            account_id: verified.account.to_string(),
            account_name: verified.account_name.to_string(),
            expires_us: verified.expires_us,
        }
    }
}

impl From<SigV4Error> for sigv4::Error {
    fn from(error: SigV4Error) -> Self {
        match error {
            SigV4Error::UnknownAccessKey => Self::UnknownAccessKey,
            SigV4Error::SignatureDoesNotMatch(signed) => Self::SignatureDoesNotMatch(signed),
            SigV4Error::RequestTimeTooSkewed(now_us) => Self::RequestTimeTooSkewed(now_us),
            SigV4Error::Expired(which) => Self::Expired(which),
            SigV4Error::Malformed(what) => Self::Malformed(what),
        }
    }
}
