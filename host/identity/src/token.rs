//! The token a component shows with every call, and who it proves.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use uuid::Uuid;

use crate::account::{AccountId, Role};
use crate::app_password::AppPasswordId;
use crate::chunks::{ChunkSeed, ChunkVerifier};
use crate::clock::MICROS_PER_SECOND;
use crate::signing::{HmacSha256, hmac, hmac_sha256};

/// How long a token is accepted. It is checked when a call begins, so it must
/// outlast the calls of one request, not the bodies that they carry.
pub const TOKEN_LIFE_US: u64 = 5 * 60 * MICROS_PER_SECOND;
/// No token is longer, in characters; longer text is not decoded.
const TOKEN_MAX_CHARS: usize = 1024;
/// Bytes of the HMAC that a token carries: half of it, the least that
/// RFC 2104 §5 advises, and 128 bits.
const TAG_BYTES: usize = 16;
/// The version of the layout below.
const VERSION: u8 = 2;
/// The version before, which knew access keys alone. Read until the tokens of
/// the program before are over, minutes after the change of programs.
const VERSION_OF_KEYS: u8 = 1;
/// Separates the key of tokens from other keys of the same secret.
const KEY_PURPOSE: &[u8] = b"concierge principal token";

/// What the body of the request announced (`payload` in the contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// Nothing in the body is signed beyond the request itself.
    Single,
    /// Every chunk is signed.
    SignedChunks,
    /// Every chunk and the trailer are signed.
    SignedChunksAndTrailer,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not a token, or of another version.
    #[error("not a token of this host")]
    Malformed,
    /// It was not signed here, or was changed.
    #[error("the token's signature does not match")]
    Forged,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its access key, password or account is disabled, changed or gone.
    #[error("the token's access key, password or account is disabled, changed or gone")]
    Revoked,
}

/// Who is asking.
#[derive(Clone)]
pub struct Principal {
    /// The account.
    pub account: AccountId,
    /// Its name, for people and logs.
    pub account_name: Arc<str>,
    /// What it may do beyond its own things.
    pub role: Role,
    pub(crate) seed: Option<Arc<ChunkSeed>>,
}

impl Principal {
    /// A principal that the host itself vouches for (the administration
    /// interface, tests), without a request and so without signed chunks.
    pub fn trusted(account: AccountId, account_name: Arc<str>, role: Role) -> Self {
        Self {
            account,
            account_name,
            role,
            seed: None,
        }
    }

    /// Whether it may do everything.
    pub fn is_administrator(&self) -> bool {
        self.role == Role::Administrator
    }

    /// The verifier for the body of this principal's request; `None` if the
    /// request announced no signed chunks.
    pub fn chunk_verifier(&self) -> Option<ChunkVerifier> {
        self.seed.as_deref().map(ChunkVerifier::new)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("account", &self.account)
            .field("account_name", &self.account_name)
            .field("role", &self.role)
            .field("signed_chunks", &self.seed.is_some())
            .finish()
    }
}

/// What a token says.
///
/// On the wire it is base64url without padding (RFC 4648 §5) of these bytes;
/// integers are big-endian; `text` is a length byte and so many bytes.
///
/// | bytes | what |
/// | --- | --- |
/// | 1 | version, 2 |
/// | 1 | payload: 0 single, 1 signed chunks, 2 signed chunks and trailer |
/// | 16 | account id |
/// | 8 | expires, microseconds since the Unix epoch |
/// | 1 | credential: 0 access key, 1 password, 2 application password |
/// | text, 8 or 16 | access key id; when the password was set, microseconds since the Unix epoch; id of the application password |
/// | 16 | signing time, if the payload is not 0 |
/// | 32 | the request's signature, likewise |
/// | text | region, likewise |
/// | text | service, likewise |
/// | 16 | HMAC-SHA256 over all before it, its first half |
///
/// Version 1 lacks the byte that says which credential: it is an access key.
///
/// A token is not a secret to the component that shows it, and holds none: the
/// name, the role and whether they are still good are looked up each time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) account: AccountId,
    pub(crate) expires_us: u64,
    pub(crate) credential: Credential,
    pub(crate) chunks: Option<ChunkClaims>,
}

/// What the account proved itself with, and must still have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// This access key.
    AccessKey(String),
    /// The password that it has since then: microseconds since the Unix epoch.
    Password { set_us: u64 },
    /// This application password.
    AppPassword(AppPasswordId),
}

/// Where the signatures inside the body begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChunkClaims {
    pub(crate) trailer: bool,
    /// `YYYYMMDD'T'HHMMSS'Z'`.
    pub(crate) timestamp: [u8; 16],
    pub(crate) signature: [u8; 32],
    pub(crate) region: String,
    pub(crate) service: String,
}

/// Signs and opens tokens. Every host with the same secret opens the tokens of
/// the others.
pub(crate) struct TokenSigner {
    /// Keyed and waiting for a message; cloned for each.
    mac: HmacSha256,
}

impl TokenSigner {
    /// From the secret of the data directory.
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self {
            mac: hmac(&hmac_sha256(secret, &[KEY_PURPOSE])),
        }
    }

    /// The token that says `claims`.
    pub(crate) fn seal(&self, claims: &Claims) -> String {
        let mut bytes = Vec::with_capacity(192);
        let payload = match &claims.chunks {
            None => 0,
            Some(ChunkClaims { trailer: false, .. }) => 1,
            Some(ChunkClaims { trailer: true, .. }) => 2,
        };
        bytes.extend([VERSION, payload]);
        bytes.extend(claims.account.0.as_bytes());
        bytes.extend(claims.expires_us.to_be_bytes());
        match &claims.credential {
            Credential::AccessKey(id) => {
                bytes.push(0);
                push_text(&mut bytes, id);
            }
            Credential::Password { set_us } => {
                bytes.push(1);
                bytes.extend(set_us.to_be_bytes());
            }
            Credential::AppPassword(id) => {
                bytes.push(2);
                bytes.extend(id.0.as_bytes());
            }
        }
        if let Some(chunks) = &claims.chunks {
            bytes.extend(chunks.timestamp);
            bytes.extend(chunks.signature);
            push_text(&mut bytes, &chunks.region);
            push_text(&mut bytes, &chunks.service);
        }
        let tag = self
            .mac
            .clone()
            .chain_update(&bytes)
            .finalize()
            .into_bytes();
        bytes.extend(tag.iter().take(TAG_BYTES));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a token says, once its signature and time are good.
    pub(crate) fn open(&self, token: &str, now_us: u64) -> Result<Claims, TokenError> {
        if token.len() > TOKEN_MAX_CHARS {
            return Err(TokenError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(token)
            .map_err(|_| TokenError::Malformed)?;
        if !matches!(bytes.first(), Some(&(VERSION | VERSION_OF_KEYS))) {
            return Err(TokenError::Malformed);
        }
        let (signed, tag) = bytes
            .split_last_chunk::<TAG_BYTES>()
            .ok_or(TokenError::Malformed)?;
        self.mac
            .clone()
            .chain_update(signed)
            .verify_truncated_left(tag)
            .map_err(|_| TokenError::Forged)?;
        let claims = parse(signed).ok_or(TokenError::Malformed)?;
        if claims.expires_us <= now_us {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }
}

/// Appends a length byte and the text. What is longer than 255 bytes was
/// refused long before; the cut keeps the token well-formed all the same.
fn push_text(bytes: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    bytes.push(length);
    bytes.extend(text.bytes().take(usize::from(length)));
}

fn parse(bytes: &[u8]) -> Option<Claims> {
    let mut reader = Reader(bytes);
    let [version, payload] = reader.take::<2>()?;
    let account = AccountId(Uuid::from_bytes(reader.take()?));
    let expires_us = u64::from_be_bytes(reader.take()?);
    let credential = match version {
        VERSION_OF_KEYS => Credential::AccessKey(reader.text()?),
        _ => reader.credential()?,
    };
    let chunks = match payload {
        0 => None,
        1 | 2 => Some(ChunkClaims {
            trailer: payload == 2,
            timestamp: reader.take()?,
            signature: reader.take()?,
            region: reader.text()?,
            service: reader.text()?,
        }),
        _ => return None,
    };
    reader.0.is_empty().then_some(Claims {
        account,
        expires_us,
        credential,
        chunks,
    })
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn credential(&mut self) -> Option<Credential> {
        let [kind] = self.take::<1>()?;
        match kind {
            0 => self.text().map(Credential::AccessKey),
            1 => {
                let set_us = u64::from_be_bytes(self.take()?);
                Some(Credential::Password { set_us })
            }
            2 => {
                let id = Uuid::from_bytes(self.take()?);
                Some(Credential::AppPassword(AppPasswordId(id)))
            }
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        let [length] = self.take::<1>()?;
        let (text, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn claims(chunks: bool) -> Claims {
        Claims {
            account: AccountId::generate(),
            expires_us: 1_000,
            credential: Credential::AccessKey("CKEXAMPLE".to_owned()),
            chunks: chunks.then(|| ChunkClaims {
                trailer: true,
                timestamp: *b"20130524T000000Z",
                signature: [7; 32],
                region: "us-east-1".to_owned(),
                service: "s3".to_owned(),
            }),
        }
    }

    #[test]
    fn says_what_was_sealed_until_it_expires() {
        let signer = TokenSigner::new(&[1; 32]);
        for chunks in [false, true] {
            let claims = claims(chunks);
            let token = signer.seal(&claims);
            assert!(token.len() <= 220, "{}", token.len());
            assert_eq!(signer.open(&token, 999).unwrap(), claims);
            assert_eq!(signer.open(&token, 1_000), Err(TokenError::Expired));
        }
    }

    #[test]
    fn every_credential_is_read_back() {
        let signer = TokenSigner::new(&[1; 32]);
        for credential in [
            Credential::AccessKey("CKEXAMPLE".to_owned()),
            Credential::Password { set_us: 1 << 50 },
            Credential::AppPassword(AppPasswordId(Uuid::from_u128(7))),
        ] {
            let claims = Claims {
                credential,
                ..claims(true)
            };
            assert_eq!(signer.open(&signer.seal(&claims), 0).unwrap(), claims);
        }
    }

    /// What the program before this one sealed is good until it is over.
    #[test]
    fn tokens_of_the_version_before_are_read() {
        let signer = TokenSigner::new(&[1; 32]);
        let opened = signer.open(V1_TOKEN, 999).unwrap();
        let expected = Claims {
            account: AccountId(Uuid::from_u128(0x0190_b1e7_c0de_7000_8000_0000_0000_aaaa)),
            ..claims(true)
        };
        assert_eq!(opened, expected);
    }

    /// Sealed by the program with version 1 under the secret `[1; 32]`.
    const V1_TOKEN: &str = "AQIBkLHnwN5wAIAAAAAAAKqqAAAAAAAAA-gJQ0tFWEFNUExFMjAxMzA1MjRUMDAwMDAwWgcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHCXVzLWVhc3QtMQJzM2A-_WwkX0YvEjRzoo_vgZg";

    #[test]
    fn hosts_share_tokens_when_they_share_the_secret() {
        let token = TokenSigner::new(&[1; 32]).seal(&claims(false));
        assert!(TokenSigner::new(&[1; 32]).open(&token, 0).is_ok());
        assert_eq!(
            TokenSigner::new(&[2; 32]).open(&token, 0),
            Err(TokenError::Forged)
        );
    }

    #[test]
    fn the_longest_claims_fit() {
        let signer = TokenSigner::new(&[1; 32]);
        let mut claims = claims(true);
        claims.credential = Credential::AccessKey("k".repeat(crate::ACCESS_KEY_ID_MAX_BYTES));
        if let Some(chunks) = &mut claims.chunks {
            chunks.region = "r".repeat(crate::sigv4::SCOPE_PART_MAX_BYTES);
            chunks.service = "s".repeat(crate::sigv4::SCOPE_PART_MAX_BYTES);
        }
        assert_eq!(signer.open(&signer.seal(&claims), 0).unwrap(), claims);
    }

    /// No change of any bit, and no cut at any place, leaves a token good.
    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let signer = TokenSigner::new(&[3; 32]);
        let token = URL_SAFE_NO_PAD.decode(signer.seal(&claims(true))).unwrap();
        for bit in 0..token.len() * 8 {
            let mut changed = token.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(
                signer.open(&URL_SAFE_NO_PAD.encode(&changed), 0).is_err(),
                "bit {bit}"
            );
        }
        for end in 0..token.len() {
            assert!(
                signer
                    .open(&URL_SAFE_NO_PAD.encode(&token[..end]), 0)
                    .is_err(),
                "cut at {end}"
            );
        }
    }

    /// Random edits of the text itself: replaced, inserted and removed
    /// characters. Replays with CONCIERGE_TEST_SEED.
    #[test]
    fn random_edits_are_refused() {
        let seed = std::env::var("CONCIERGE_TEST_SEED")
            .map_or_else(|_| rand::random(), |text| text.parse().unwrap());
        println!("CONCIERGE_TEST_SEED={seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let signer = TokenSigner::new(&random.random());
        let token = signer.seal(&claims(random.random()));
        for _ in 0..20_000 {
            let mut edited = token.clone().into_bytes();
            for _ in 0..random.random_range(1..4) {
                let at = random.random_range(0..edited.len());
                let letter = random.random_range(b' '..=b'~');
                match random.random_range(0..3) {
                    0 => edited[at] = letter,
                    1 => edited.insert(at, letter),
                    _ => drop(edited.remove(at)),
                }
            }
            let edited = String::from_utf8(edited).unwrap();
            assert!(
                edited == token || signer.open(&edited, 0).is_err(),
                "{edited}"
            );
        }
    }
}
