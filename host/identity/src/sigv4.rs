//! What a signed request must look like before its signature is worth checking.
//!
//! Source: Amazon S3 API Reference, "Authenticating Requests (AWS Signature
//! Version 4)"; the contract is `wit/identity/sigv4.wit`.

use std::sync::Arc;

use crate::access_key::ACCESS_KEY_ID_MAX_BYTES;
use crate::account::AccountId;
use crate::clock::MICROS_PER_SECOND;
use crate::signing::{ALGORITHM, Scope, parse_signature, sha256};
use crate::token::Payload;

/// How far a request's signing time may be from the clock ("Authenticating
/// Requests": 15 minutes).
pub const MAX_SKEW_US: u64 = 15 * 60 * MICROS_PER_SECOND;
/// Longest life of a presigned URL ("Authenticating Requests: Using Query
/// Parameters": seven days).
pub const PRESIGNED_LIFE_MAX_S: u32 = 604_800;
/// Largest canonical request, in bytes: all headers and the query string of a
/// request fit, and hashing it costs little.
pub const CANONICAL_REQUEST_MAX_BYTES: usize = 64 * 1024;
/// Longest region or service, in bytes; the longest of AWS has 14.
pub const SCOPE_PART_MAX_BYTES: usize = 64;

/// Where the signature was carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// The `Authorization` header.
    Header,
    /// The query string (a presigned URL).
    Query,
}

/// A request to be verified, field by field as in the contract.
#[derive(Debug, Clone)]
pub struct SignedRequest<'a> {
    /// Where the signature was found.
    pub placement: Placement,
    /// The access key id of the credential scope.
    pub access_key_id: &'a str,
    /// The signing time as it was sent, `YYYYMMDD'T'HHMMSS'Z'`.
    pub timestamp: &'a str,
    /// The date of the credential scope, `YYYYMMDD`.
    pub scope_date: &'a str,
    /// The region of the credential scope.
    pub region: &'a str,
    /// The service of the credential scope.
    pub service: &'a str,
    /// The canonical request.
    pub canonical_request: &'a str,
    /// The signature, 64 lower-case hexadecimal digits.
    pub signature: &'a str,
    /// Life of a presigned URL in seconds; only with [`Placement::Query`].
    pub expires_s: Option<u32>,
    /// What the body carries.
    pub payload: Payload,
}

/// A request whose signature is good.
#[derive(Debug, Clone)]
pub struct Verified {
    /// To be shown with every later call.
    pub token: String,
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub account_name: Arc<str>,
    /// When the token stops being accepted: microseconds since the Unix epoch.
    pub expires_us: u64,
}

/// Why a request is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigV4Error {
    /// No such access key, or it or its account is disabled.
    #[error("no such access key")]
    UnknownAccessKey,
    /// The signature does not match; the string to sign that was computed here.
    #[error("the signature does not match")]
    SignatureDoesNotMatch(String),
    /// The signing time is too far from the clock, which is given in
    /// microseconds since the Unix epoch.
    #[error("the signing time is more than 15 minutes from the clock")]
    RequestTimeTooSkewed(u64),
    /// A presigned URL is over its time, or not yet valid; which.
    #[error("{0}")]
    Expired(String),
    /// A field is not of its form; which.
    #[error("{0}")]
    Malformed(String),
}

/// A request whose fields are of their form.
pub(crate) struct Checked {
    pub(crate) signature: [u8; 32],
    pub(crate) timestamp: [u8; 16],
    signed_us: u64,
}

fn malformed<T>(what: &str) -> Result<T, SigV4Error> {
    Err(SigV4Error::Malformed(what.to_owned()))
}

impl<'a> SignedRequest<'a> {
    pub(crate) fn scope(&self) -> Scope<'a> {
        Scope {
            date: self.scope_date,
            region: self.region,
            service: self.service,
        }
    }

    /// Checks the form of every field.
    pub(crate) fn check_form(&self) -> Result<Checked, SigV4Error> {
        if self.access_key_id.len() > ACCESS_KEY_ID_MAX_BYTES {
            return malformed("the access key id is longer than 128 bytes");
        }
        let Some((timestamp, signed_us)) = parse_timestamp(self.timestamp) else {
            return malformed("the signing time is not of the form YYYYMMDD'T'HHMMSS'Z'");
        };
        // "The date in the credential scope must be the date of x-amz-date",
        // else a signing key of one day would sign for another.
        if !self.timestamp.starts_with(self.scope_date) || self.scope_date.len() != 8 {
            return malformed("the date of the credential scope is not that of the signing time");
        }
        if !is_scope_part(self.region) {
            return malformed("the region of the credential scope is not of its form");
        }
        if !is_scope_part(self.service) {
            return malformed("the service of the credential scope is not of its form");
        }
        if self.canonical_request.len() > CANONICAL_REQUEST_MAX_BYTES {
            return malformed("the canonical request is larger than 64 KiB");
        }
        let Some(signature) = parse_signature(self.signature.as_bytes()) else {
            return malformed("the signature is not 64 lower-case hexadecimal digits");
        };
        match (self.placement, self.expires_s) {
            (Placement::Header, None) | (Placement::Query, Some(1..=PRESIGNED_LIFE_MAX_S)) => {}
            (Placement::Header, Some(_)) => {
                return malformed("only a presigned URL has a life of its own");
            }
            (Placement::Query, _) => {
                return malformed("the life of a presigned URL is 1 to 604800 seconds");
            }
        }
        Ok(Checked {
            signature,
            timestamp,
            signed_us,
        })
    }

    /// Checks the time of the request against the clock.
    pub(crate) fn check_time(&self, checked: &Checked, now_us: u64) -> Result<(), SigV4Error> {
        let signed_us = checked.signed_us;
        let Some(life_s) = self.expires_s else {
            return if signed_us.abs_diff(now_us) > MAX_SKEW_US {
                Err(SigV4Error::RequestTimeTooSkewed(now_us))
            } else {
                Ok(())
            };
        };
        if signed_us > now_us.saturating_add(MAX_SKEW_US) {
            return Err(SigV4Error::Expired(
                "the request is not valid yet".to_owned(),
            ));
        }
        let ends_us = signed_us.saturating_add(u64::from(life_s) * MICROS_PER_SECOND);
        if now_us > ends_us {
            return Err(SigV4Error::Expired("the request has expired".to_owned()));
        }
        Ok(())
    }

    /// The string to sign; `scope` is the credential scope as text.
    pub(crate) fn string_to_sign(&self, scope: &str) -> String {
        let digest = hex::encode(sha256(self.canonical_request.as_bytes()));
        format!("{ALGORITHM}\n{}\n{scope}\n{digest}", self.timestamp)
    }
}

/// A region or service: printable ASCII without the `/` that separates parts.
fn is_scope_part(text: &str) -> bool {
    (1..=SCOPE_PART_MAX_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'/')
}

/// Reads `YYYYMMDD'T'HHMMSS'Z'`; gives the text and microseconds since the
/// Unix epoch. Times before 1970 are not read.
fn parse_timestamp(text: &str) -> Option<([u8; 16], u64)> {
    let bytes: [u8; 16] = text.as_bytes().try_into().ok()?;
    let [
        y0,
        y1,
        y2,
        y3,
        mo0,
        mo1,
        d0,
        d1,
        b'T',
        h0,
        h1,
        mi0,
        mi1,
        s0,
        s1,
        b'Z',
    ] = bytes
    else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i16, |sum, digit| {
            digit
                .is_ascii_digit()
                .then(|| sum * 10 + i16::from(digit - b'0'))
        })
    };
    let small = |digits: [u8; 2]| number(&digits).and_then(|value| i8::try_from(value).ok());
    let time = jiff::civil::DateTime::new(
        number(&[y0, y1, y2, y3])?,
        small([mo0, mo1])?,
        small([d0, d1])?,
        small([h0, h1])?,
        small([mi0, mi1])?,
        small([s0, s1])?,
        0,
    )
    .ok()?;
    let instant = jiff::tz::TimeZone::UTC.to_timestamp(time).ok()?;
    Some((bytes, u64::try_from(instant.as_microsecond()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_signing_time() {
        assert_eq!(
            parse_timestamp("20130524T000000Z").unwrap().1,
            1_369_353_600_000_000
        );
        assert_eq!(
            parse_timestamp("20240229T235959Z").unwrap().1,
            1_709_251_199_000_000
        );
        for bad in [
            "",
            "20130524T000000",
            "20130524 000000Z",
            "2013-05-24T0:0:0Z",
            "20130230T000000Z",
            "20131301T000000Z",
            "20130524T240000Z",
            "20130524T006000Z",
            "+0130524T000000Z",
            "20130524T0000é",
            "19691231T235959Z",
        ] {
            assert!(parse_timestamp(bad).is_none(), "{bad}");
        }
    }
}
