//! Passwords of applications: one for each program that acts for a person, so
//! that it never knows the person's own and can be shut out by itself.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::access_key::{RandomError, random_text};
use crate::account::AccountId;

/// Longest name of an application password, in characters: one line of a list.
pub const APP_PASSWORD_NAME_MAX_CHARS: usize = 64;

/// How application passwords begin, so that people, secret scanners and the
/// check itself know them.
const PREFIX: &str = "cap_";
/// Letters after the prefix, 5 random bits each: 130, and 128 is out of reach
/// of any guessing, so that a fast hash keeps them well.
const SECRET_CHARS: usize = 26;
/// Base32 (RFC 4648 §6) in lower case: marked by a double click, read out
/// without "capital".
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

const _: () = assert!(SECRET_CHARS * 5 >= 128);

/// The identifier of an application password: a UUIDv7, shown as 32
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppPasswordId(#[serde(with = "uuid::serde::simple")] pub Uuid);

impl AppPasswordId {
    /// A new identifier.
    pub(crate) fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for AppPasswordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(f)
    }
}

impl fmt::Debug for AppPasswordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppPasswordId({self})")
    }
}

impl FromStr for AppPasswordId {
    type Err = uuid::Error;

    /// Reads 32 hexadecimal digits (other forms of a UUID are accepted too).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// What a person calls an application password: 1 to 64 characters, none of
/// them a control character, no space at either end.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppPasswordName(Arc<str>);

/// A text that is not such a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of an application password is 1 to 64 characters without control characters, and without a space at either end"
)]
pub struct InvalidAppPasswordName;

impl AppPasswordName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppPasswordName {
    type Err = InvalidAppPasswordName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let chars = text.chars().count();
        let fits = (1..=APP_PASSWORD_NAME_MAX_CHARS).contains(&chars);
        if fits && text.trim() == text && !text.chars().any(char::is_control) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAppPasswordName)
        }
    }
}

impl TryFrom<String> for AppPasswordName {
    type Error = InvalidAppPasswordName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<AppPasswordName> for String {
    fn from(name: AppPasswordName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for AppPasswordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AppPasswordName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// An application password itself: `cap_` and 26 letters and digits. Never
/// shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct AppPassword(Arc<str>);

/// A text that is not an application password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an application password")]
pub struct InvalidAppPassword;

impl AppPassword {
    /// A new random one.
    ///
    /// Fails when the system has no randomness.
    pub(crate) fn generate() -> Result<Self, RandomError> {
        let secret = random_text(ALPHABET, SECRET_CHARS)?;
        Ok(Self(format!("{PREFIX}{secret}").into()))
    }

    /// The password itself: to show it once to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub(crate) fn digest(&self) -> AppPasswordDigest {
        AppPasswordDigest(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl FromStr for AppPassword {
    type Err = InvalidAppPassword;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let secret = text.strip_prefix(PREFIX).ok_or(InvalidAppPassword)?;
        if secret.len() == SECRET_CHARS && secret.bytes().all(|byte| ALPHABET.contains(&byte)) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAppPassword)
        }
    }
}

impl fmt::Debug for AppPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppPassword(…)")
    }
}

/// The SHA-256 of an application password: what is kept, and looked up by. How
/// long looking up takes tells something of digests, and nothing of passwords.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AppPasswordDigest(pub(crate) [u8; 32]);

/// What is known of an application password, without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppPasswordInfo {
    /// Its identifier.
    pub id: AppPasswordId,
    /// Whose it is.
    pub account: AccountId,
    /// What its owner calls it; one of each name for an account.
    pub name: AppPasswordName,
    /// When it was made: microseconds since the Unix epoch.
    pub created_us: u64,
    /// When it was last used, to the hour: microseconds since the Unix epoch.
    pub last_used_us: Option<u64>,
}

/// A new application password: the only time it is given out.
#[derive(Debug, Clone)]
pub struct NewAppPassword {
    /// What is known of it later.
    pub info: AppPasswordInfo,
    /// The password.
    pub password: AppPassword,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ones_are_known_again() {
        let password = AppPassword::generate().unwrap();
        let text = password.expose();
        assert_eq!(text.len(), 30);
        assert_eq!(text.parse::<AppPassword>().unwrap(), password);
        assert_ne!(password, AppPassword::generate().unwrap());
        assert!(!format!("{password:?}").contains(text));
        let expected: [u8; 32] = Sha256::digest(text).into();
        assert_eq!(password.digest().0, expected);
    }

    #[test]
    fn other_texts_are_not_application_passwords() {
        let good = format!("cap_{}", "a".repeat(26));
        assert!(good.parse::<AppPassword>().is_ok());
        for bad in [
            String::new(),
            "cap_".to_owned(),
            good[1..].to_owned(),
            good[..29].to_owned(),
            format!("{good}a"),
            good.replace("aa", "aA"),
            good.replace("aa", "a1"),
            good.to_ascii_uppercase(),
        ] {
            assert!(bad.parse::<AppPassword>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_checked() {
        for good in ["phone", "Thunderbird on the laptop", "é", &"n".repeat(64)] {
            assert!(good.parse::<AppPasswordName>().is_ok(), "{good}");
        }
        for bad in ["", " ", " a", "a ", "a\nb", &"n".repeat(65)] {
            assert!(bad.parse::<AppPasswordName>().is_err(), "{bad:?}");
        }
    }
}
