//! Access keys: what a program signs its requests with.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rand::TryRng;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;

/// Longest access key id, in bytes (AWS IAM API Reference, "AccessKey").
pub const ACCESS_KEY_ID_MAX_BYTES: usize = 128;
/// Shortest access key id accepted for import: AWS begins at 16, but keys of
/// other stores that people bring along are shorter.
pub const ACCESS_KEY_ID_MIN_BYTES: usize = 3;
/// Shortest secret accepted for import, in bytes; below it, guessing is cheap.
pub const SECRET_MIN_BYTES: usize = 8;
/// Longest secret, in bytes; AWS uses 40.
pub const SECRET_MAX_BYTES: usize = 128;

/// How generated ids begin, so that people and secret scanners know them.
const GENERATED_ID_PREFIX: &str = "CK";
/// Length of a generated id, as AWS has it.
const GENERATED_ID_CHARS: usize = 20;
/// Letters of a generated id: base32 (RFC 4648 §6), 5 bits each, 90 in all.
pub(crate) const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Length of a generated secret, as AWS has it.
const GENERATED_SECRET_CHARS: usize = 40;
/// Characters of a generated secret, 64 so that six random bits choose one
/// without bias; none needs quoting in a shell, INI file or URL. 240 bits in all.
const SECRET_ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The public half of an access key. Case matters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccessKeyId(Arc<str>);

/// The secret half of an access key. Never shown by `Debug`.
///
/// Signature V4 needs the secret itself on both sides, so it cannot be kept as
/// a hash; see [`crate::Identity`] for where it lies.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretAccessKey(Arc<str>);

/// An id or secret that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAccessKey {
    /// The id is not of its form.
    #[error("an access key id is 3 to 128 of A-Z, a-z, 0-9, '.', '_' and '-'")]
    Id,
    /// The secret is not of its form.
    #[error("a secret access key is 8 to 128 printable ASCII characters without spaces")]
    Secret,
}

/// The system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the system's random number generator failed: {0}")]
pub struct RandomError(String);

/// Fills `bytes` from the system's generator.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), RandomError> {
    SysRng
        .try_fill_bytes(bytes)
        .map_err(|error| RandomError(error.to_string()))
}

/// `chars` characters of an alphabet whose size divides 256, each as likely.
pub(crate) fn random_text<const LETTERS: usize>(
    alphabet: &[u8; LETTERS],
    chars: usize,
) -> Result<String, RandomError> {
    const {
        assert!(
            LETTERS != 0 && 256 % LETTERS == 0,
            "the choice would be biased"
        )
    };
    let mut bytes = vec![0; chars];
    fill_random(&mut bytes)?;
    Ok(bytes
        .iter()
        .filter_map(|&byte| alphabet.get(usize::from(byte) % LETTERS))
        .map(|&letter| char::from(letter))
        .collect())
}

impl AccessKeyId {
    /// A new random id: `CK` and 18 letters and digits.
    ///
    /// Fails when the system has no randomness.
    pub fn generate() -> Result<Self, RandomError> {
        let tail = random_text(ID_ALPHABET, GENERATED_ID_CHARS - GENERATED_ID_PREFIX.len())?;
        Ok(Self(format!("{GENERATED_ID_PREFIX}{tail}").into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccessKeyId {
    type Err = InvalidAccessKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // No '/', which separates the credential scope, and nothing that a
        // header, a query string or a shell would treat specially.
        let allowed = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if allowed && (ACCESS_KEY_ID_MIN_BYTES..=ACCESS_KEY_ID_MAX_BYTES).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAccessKey::Id)
        }
    }
}

impl std::borrow::Borrow<str> for AccessKeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccessKeyId {
    type Error = InvalidAccessKey;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AccessKeyId> for String {
    fn from(id: AccessKeyId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl SecretAccessKey {
    /// A new random secret of 40 characters.
    ///
    /// Fails when the system has no randomness.
    pub fn generate() -> Result<Self, RandomError> {
        random_text(SECRET_ALPHABET, GENERATED_SECRET_CHARS).map(|text| Self(text.into()))
    }

    /// The secret itself: to show it once to its owner, to sign, to store.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretAccessKey {
    type Err = InvalidAccessKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = text.bytes().all(|b| b.is_ascii_graphic());
        if allowed && (SECRET_MIN_BYTES..=SECRET_MAX_BYTES).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAccessKey::Secret)
        }
    }
}

impl fmt::Debug for SecretAccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretAccessKey(…)")
    }
}

/// What is known of an access key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its id.
    pub id: AccessKeyId,
    /// Whose it is.
    pub account: AccountId,
    /// While true, it is not accepted.
    pub disabled: bool,
    /// When it was made: microseconds since the Unix epoch.
    pub created_us: u64,
    /// When it last signed something, to the hour: microseconds since the
    /// Unix epoch.
    pub last_used_us: Option<u64>,
}

/// A new key with its secret: the only time the secret is given out.
#[derive(Debug, Clone)]
pub struct NewAccessKey {
    /// The key.
    pub key: AccessKey,
    /// Its secret.
    pub secret: SecretAccessKey,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_keys_have_awss_form_and_are_importable() {
        let id = AccessKeyId::generate().unwrap();
        assert_eq!(id.as_str().len(), 20);
        assert!(id.as_str().starts_with("CK"));
        assert!(
            id.as_str()
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        );
        assert_eq!(id.as_str().parse::<AccessKeyId>().unwrap(), id);

        let secret = SecretAccessKey::generate().unwrap();
        assert_eq!(secret.expose().len(), 40);
        assert_eq!(secret.expose().parse::<SecretAccessKey>().unwrap(), secret);
        assert_ne!(secret, SecretAccessKey::generate().unwrap());
    }

    #[test]
    fn imported_keys_are_checked() {
        for good in [
            "AKIAIOSFODNN7EXAMPLE",
            "minioadmin",
            "a-b",
            &"k".repeat(128),
        ] {
            assert!(good.parse::<AccessKeyId>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "a/b/c",
            "a b c",
            "a=b",
            "schlüssel",
            "a\nb",
            &"k".repeat(129),
        ] {
            assert_eq!(
                bad.parse::<AccessKeyId>(),
                Err(InvalidAccessKey::Id),
                "{bad}"
            );
        }
        for good in [
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "12345678",
            "it's+\"$x",
        ] {
            assert!(good.parse::<SecretAccessKey>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "1234567",
            "eight 8s",
            "tab\tinside",
            "geheimnüs",
            &"s".repeat(129),
        ] {
            assert_eq!(
                bad.parse::<SecretAccessKey>(),
                Err(InvalidAccessKey::Secret),
                "{bad}"
            );
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let secret: SecretAccessKey = "wJalrXUtnFEMI".parse().unwrap();
        assert!(!format!("{secret:?}").contains("wJal"));
    }
}
