//! The arithmetic of Signature V4: scopes, signing keys, signatures.
//!
//! Source: Amazon S3 API Reference, "Signature Calculations for the
//! Authorization Header: Transferring Payload in a Single Chunk".

use std::fmt;
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::access_key::SecretAccessKey;

/// The only algorithm there is.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Ends a credential scope.
const TERMINATOR: &str = "aws4_request";
/// How many scopes' signing keys a key keeps: today and yesterday (clocks
/// differ, presigned URLs live on), each in two regions.
const CACHED_SCOPES: usize = 4;

/// A keyed digest, ready to take its message.
pub(crate) type HmacSha256 = Hmac<Sha256>;

/// An HMAC-SHA256 under a key of any length.
#[allow(
    clippy::expect_used,
    reason = "HMAC takes keys of any length (RFC 2104 §3)"
)]
pub(crate) fn hmac(key: &[u8]) -> HmacSha256 {
    HmacSha256::new_from_slice(key).expect("a key of any length is good")
}

/// HMAC-SHA256 of a message in pieces.
pub(crate) fn hmac_sha256(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    let mut mac = hmac(key);
    for piece in message {
        mac.update(piece);
    }
    mac.finalize().into_bytes().into()
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// What a signing key is good for: a date, a region and a service.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// `YYYYMMDD`.
    pub(crate) date: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{TERMINATOR}",
            self.date, self.region, self.service
        )
    }
}

/// A key derived from a secret for one scope. Whoever has it can sign for a
/// day, so it never leaves this crate.
#[derive(Clone, Copy)]
pub(crate) struct SigningKey([u8; 32]);

impl SigningKey {
    /// Derives the key: four HMACs.
    pub(crate) fn derive(secret: &SecretAccessKey, scope: Scope<'_>) -> Self {
        let initial = format!("AWS4{}", secret.expose());
        let date = hmac_sha256(initial.as_bytes(), &[scope.date.as_bytes()]);
        let region = hmac_sha256(&date, &[scope.region.as_bytes()]);
        let service = hmac_sha256(&region, &[scope.service.as_bytes()]);
        Self(hmac_sha256(&service, &[TERMINATOR.as_bytes()]))
    }

    /// The signature of a string to sign.
    pub(crate) fn sign(&self, string_to_sign: &[&[u8]]) -> [u8; 32] {
        hmac_sha256(&self.0, string_to_sign)
    }
}

/// Whether two signatures are equal, in a time that does not depend on where
/// they differ.
pub(crate) fn same_signature(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.ct_eq(right).into()
}

/// Reads a signature of 64 lower-case hexadecimal digits, the one form that
/// signers write.
pub(crate) fn parse_signature(text: &[u8]) -> Option<[u8; 32]> {
    if text.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut signature = [0; 32];
    hex::decode_to_slice(text, &mut signature).ok()?;
    Some(signature)
}

/// The signing keys an access key used last, by scope. It belongs to the key's
/// entry in memory and goes with it: a key made again under an old id never
/// meets the old secret.
#[derive(Default)]
pub(crate) struct SigningKeys(Mutex<Vec<(String, SigningKey)>>);

impl SigningKeys {
    /// The key of a scope (`scope_text` is the scope as shown) if it was kept.
    pub(crate) fn get(&self, scope_text: &str) -> Option<SigningKey> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .find(|(scope, _)| scope == scope_text)
            .map(|&(_, key)| key)
    }

    /// Keeps the key of a scope, in place of the one kept longest. Only for
    /// scopes that a good signature has named: a stranger who knows an id must
    /// not be able to push the real ones out.
    pub(crate) fn keep(&self, scope_text: &str, key: SigningKey) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.iter().any(|(scope, _)| scope == scope_text) {
            return;
        }
        if kept.len() >= CACHED_SCOPES {
            kept.remove(0);
        }
        kept.push((scope_text.to_owned(), key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "Examples of how to derive a signing key for Signature Version 4",
    /// AWS General Reference.
    #[test]
    fn derives_awss_example_key() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".parse().unwrap();
        let scope = Scope {
            date: "20150830",
            region: "us-east-1",
            service: "iam",
        };
        assert_eq!(
            hex::encode(SigningKey::derive(&secret, scope).0),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
        assert_eq!(scope.to_string(), "20150830/us-east-1/iam/aws4_request");
    }

    #[test]
    fn keeps_few_scopes_and_drops_the_oldest() {
        let keys = SigningKeys::default();
        for day in 0..=CACHED_SCOPES {
            keys.keep(&format!("day {day}"), SigningKey([0; 32]));
        }
        assert!(keys.get("day 0").is_none());
        assert!((1..=CACHED_SCOPES).all(|day| keys.get(&format!("day {day}")).is_some()));
    }

    #[test]
    fn signatures_are_64_lower_case_digits() {
        assert!(parse_signature("0a".repeat(32).as_bytes()).is_some());
        for bad in [
            "0A".repeat(32),
            "0a".repeat(31),
            "0a".repeat(33),
            "0g".repeat(32),
            String::new(),
        ] {
            assert!(parse_signature(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
