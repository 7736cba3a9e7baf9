//! Passwords of people.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::access_key::{ID_ALPHABET, RandomError, fill_random, random_text};
use crate::app_password::AppPassword;

/// Shortest password, in bytes (NIST SP 800-63B-4 §3.1.1.2: at least 8 where
/// it is not the only factor; what is shorter is guessed within the limits of
/// tries).
pub const PASSWORD_MIN_BYTES: usize = 8;
/// Longest password, in bytes: any passphrase, and little to hash.
pub const PASSWORD_MAX_BYTES: usize = 1_024;

/// Memory of one hash, in KiB (OWASP Password Storage Cheat Sheet, "Argon2id":
/// 19 MiB, two passes, one lane).
const MEMORY_KIB: u32 = 19 * 1_024;
/// Passes over the memory (likewise).
const PASSES: u32 = 2;
/// Lanes (likewise).
const LANES: u32 = 1;
/// Bytes of a salt (RFC 9106 §4).
const SALT_BYTES: usize = 16;
/// Letters of a generated password in groups of five, 5 bits each, 100 in all.
const GENERATED_GROUPS: usize = 4;
const GENERATED_GROUP_CHARS: usize = 5;

/// A password of a person, as it was given. Never shown by `Debug`.
///
/// It is compared byte by byte: no Unicode normalization is applied, so that
/// "é" typed as one character is another password than as two. Programs send
/// what their user typed, which is the composed form nearly everywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Arc<str>);

/// A text that cannot be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    /// Too short or too long.
    #[error("a password has {PASSWORD_MIN_BYTES} to {PASSWORD_MAX_BYTES} bytes")]
    Length,
    /// A control character, which no form or terminal takes.
    #[error("a password has no control characters")]
    Control,
    /// It has the form of an application password, and would be taken for one.
    #[error("a password does not look like an application password")]
    AppPassword,
}

/// The password cannot be hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// No randomness for the salt.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The hash function refused its input, which nothing here can make it do.
    #[error("the password cannot be hashed: {0}")]
    Argon2(argon2::password_hash::Error),
}

impl Password {
    /// A new password of 20 letters and digits in groups that a person can type.
    ///
    /// Fails when the system has no randomness.
    pub fn generate() -> Result<Self, RandomError> {
        let groups = (0..GENERATED_GROUPS)
            .map(|_| random_text(ID_ALPHABET, GENERATED_GROUP_CHARS))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self(groups.join("-").to_ascii_lowercase().into()))
    }

    /// The password itself: to show it once to who asked for a new one.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Hashes it with a new salt. Takes tens of milliseconds and 19 MiB.
    pub(crate) fn hash(&self) -> Result<PasswordDigest, HashError> {
        let mut salt = [0; SALT_BYTES];
        fill_random(&mut salt)?;
        self.hash_with(&salt)
    }

    fn hash_with(&self, salt: &[u8; SALT_BYTES]) -> Result<PasswordDigest, HashError> {
        let hash = argon2()
            .hash_password_with_salt(self.0.as_bytes(), salt)
            .map_err(HashError::Argon2)?;
        Ok(PasswordDigest(hash.to_string().into()))
    }
}

impl FromStr for Password {
    type Err = InvalidPassword;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !(PASSWORD_MIN_BYTES..=PASSWORD_MAX_BYTES).contains(&text.len()) {
            return Err(InvalidPassword::Length);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidPassword::Control);
        }
        match text.parse::<AppPassword>() {
            Ok(_) => Err(InvalidPassword::AppPassword),
            Err(_) => Ok(Self(text.into())),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What is kept of a password: a PHC string of argon2id with its parameters and
/// salt, so that a later program can hash harder and still verify this one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PasswordDigest(Arc<str>);

/// A text that is not the digest of a password.
#[derive(Debug, thiserror::Error)]
#[error("not a password's hash: {0}")]
pub(crate) struct InvalidDigest(argon2::password_hash::phc::Error);

impl PasswordDigest {
    /// What a password of an account that is not there is compared with, so
    /// that it takes as long as one that is. No password has it.
    pub(crate) fn of_nobody() -> Result<Self, RandomError> {
        let mut salt = [0; SALT_BYTES];
        fill_random(&mut salt)?;
        let mut hash = [0; Params::DEFAULT_OUTPUT_LEN];
        fill_random(&mut hash)?;
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        let text = format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}");
        Ok(Self(text.into()))
    }

    /// Whether this is the password's. Takes as long as hashing.
    pub(crate) fn verifies(&self, password: &Password) -> bool {
        // The parameters are those of the PHC string, not those of `argon2()`.
        PasswordVerifier::<str>::verify_password(&argon2(), password.0.as_bytes(), &self.0).is_ok()
    }

    /// The PHC string.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PasswordDigest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        PasswordHash::new(text).map_err(InvalidDigest)?;
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for PasswordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordDigest(…)")
    }
}

// The crate's defaults are the parameters above; that they stay so is checked here.
const _: () = assert!(
    Params::DEFAULT_M_COST == MEMORY_KIB
        && Params::DEFAULT_T_COST == PASSES
        && Params::DEFAULT_P_COST == LANES
);

/// Argon2id with the parameters of new hashes.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        text.parse().unwrap()
    }

    #[test]
    fn a_digest_says_how_it_was_made_and_verifies_its_password_alone() {
        let digest = password("correct horse").hash().unwrap();
        assert!(
            digest
                .as_str()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{}",
            digest.as_str()
        );
        let kept: PasswordDigest = digest.as_str().parse().unwrap();
        assert!(kept.verifies(&password("correct horse")));
        assert!(!kept.verifies(&password("correct horsf")));
        assert_ne!(
            digest,
            password("correct horse").hash().unwrap(),
            "two salts"
        );
    }

    /// Made by another implementation: `argon2-cffi` 25.1 (the reference
    /// library in C), `PasswordHasher(2, 19456, 1).hash("correct horse", salt=b"0123456789abcdef")`.
    #[test]
    fn a_digest_of_the_reference_implementation_is_verified() {
        let digest: PasswordDigest = REFERENCE.parse().unwrap();
        assert!(digest.verifies(&password("correct horse")));
        assert!(!digest.verifies(&password("Correct horse")));
        let ours = password("correct horse")
            .hash_with(b"0123456789abcdef")
            .unwrap();
        assert_eq!(ours.as_str(), REFERENCE);
    }

    const REFERENCE: &str = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$rk2Mi3E4dgRMg0fHaYaptWVZRKqs//6b6k3/nntqGJk";

    #[test]
    fn the_form_is_checked() {
        for good in ["12345678", "pässwört", "with space", &"p".repeat(1_024)] {
            assert!(good.parse::<Password>().is_ok(), "{good}");
        }
        for (bad, why) in [
            ("1234567", InvalidPassword::Length),
            (&"p".repeat(1_025), InvalidPassword::Length),
            ("line\nfeed", InvalidPassword::Control),
        ] {
            assert_eq!(bad.parse::<Password>().unwrap_err(), why, "{bad:?}");
        }
        let app = AppPassword::generate().unwrap();
        assert_eq!(
            app.expose().parse::<Password>().unwrap_err(),
            InvalidPassword::AppPassword
        );
    }

    #[test]
    fn generated_passwords_are_passwords_and_debug_hides_them() {
        let generated = Password::generate().unwrap();
        assert_eq!(generated.expose().len(), 23);
        assert_eq!(generated.expose().parse::<Password>().unwrap(), generated);
        assert_ne!(generated, Password::generate().unwrap());
        assert!(!format!("{generated:?}").contains(generated.expose()));
    }

    #[test]
    fn nobody_has_no_password_and_costs_the_same() {
        let nobody = PasswordDigest::of_nobody().unwrap();
        assert!(!nobody.verifies(&password("correct horse")));
        let somebody = password("correct horse").hash().unwrap();
        let cost = |digest: &PasswordDigest| {
            let hash = PasswordHash::new(digest.as_str()).unwrap();
            let output_bytes = hash.hash.unwrap().as_ref().len();
            let salt_bytes = hash.salt.unwrap().as_ref().len();
            (
                hash.algorithm.to_string(),
                hash.version,
                hash.params.to_string(),
                salt_bytes,
                output_bytes,
            )
        };
        assert_eq!(cost(&nobody), cost(&somebody));
    }
}
