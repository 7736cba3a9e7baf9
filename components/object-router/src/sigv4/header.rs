//! The `Authorization` header.

use super::{ALGORITHM, Claim, ScopeError, is_signature, parse_credential, signature_version_2};
use crate::bindings::concierge::identity::sigv4::Placement;
use crate::error::{Code, S3Error};
use crate::http::date;
use crate::http::request::Request;

/// Reads `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`, and the signing time from x-amz-date or Date.
pub fn parse_authorization(text: &str, request: &Request) -> Result<Claim, S3Error> {
    let (scheme, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    match scheme {
        ALGORITHM => {}
        "AWS" => return Err(signature_version_2()),
        other if other.starts_with("AWS4-") => {
            return Err(S3Error::not_implemented("Authorization"));
        }
        _ => {
            return Err(S3Error::argument(
                "Unsupported Authorization Type",
                "Authorization",
                text,
            ));
        }
    }
    let fields = Fields::parse(rest)?;
    let scope = parse_credential(fields.credential).map_err(|error| malformed(reason(error)))?;
    if !is_signature(fields.signature) {
        return Err(malformed(
            "the Signature must be 64 lower-case hexadecimal digits.",
        ));
    }
    let timestamp = signing_time(request)?;
    if timestamp.get(..8) != Some(scope.date.as_str()) {
        return Err(malformed(
            "Invalid credential date. It must be the date of the request.",
        ));
    }
    Ok(Claim {
        placement: Placement::Header,
        scope,
        signed_headers: fields.signed_headers.to_owned(),
        signature: fields.signature.to_owned(),
        timestamp,
        expires_s: None,
    })
}

struct Fields<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Fields<'a> {
    fn parse(text: &'a str) -> Result<Self, S3Error> {
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for piece in text.split(',') {
            let (name, value) = piece
                .trim()
                .split_once('=')
                .ok_or_else(|| malformed("it must be a list of NAME=VALUE."))?;
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(malformed("it has a field that is not known.")),
            };
            if slot.replace(value).is_some() {
                return Err(malformed("it has a field twice."));
            }
        }
        let missing = |name: &'static str| move || malformed(name);
        Ok(Self {
            credential: credential.ok_or_else(missing("the Credential is missing."))?,
            signed_headers: signed_headers.ok_or_else(missing("the SignedHeaders are missing."))?,
            signature: signature.ok_or_else(missing("the Signature is missing."))?,
        })
    }
}

fn malformed(why: &str) -> S3Error {
    S3Error::with(
        Code::AuthorizationHeaderMalformed,
        format!("The authorization header is malformed; {why}"),
    )
}

fn reason(error: ScopeError) -> &'static str {
    match error {
        ScopeError::Form => {
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
        }
        ScopeError::Service => "incorrect service. This endpoint belongs to \"s3\".",
        ScopeError::Date => {
            "incorrect date format. This date in the credential must be in the format \"yyyyMMdd\"."
        }
    }
}

/// x-amz-date, else Date (API Reference, "Common Request Headers").
fn signing_time(request: &Request) -> Result<String, S3Error> {
    let denied = || {
        S3Error::with(
            Code::AccessDenied,
            "AWS authentication requires a valid Date or x-amz-date header",
        )
    };
    if let Some(text) = request.headers.single("x-amz-date")? {
        return date::parse_amz(text)
            .map(|_| text.to_owned())
            .ok_or_else(denied);
    }
    let text = request.headers.single("date")?.ok_or_else(denied)?;
    if date::parse_amz(text).is_some() {
        return Ok(text.to_owned());
    }
    date::parse(text).map(date::amz).ok_or_else(denied)
}
