//! Keys are made here, read, and written for DNS.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use mail_auth::common::crypto::{DkimKey, Ed25519Key, RsaKey};
use ring::signature::{Ed25519KeyPair, KeyPair};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::DkimError;

/// Of RSA keys: what every verifier takes and one record of DNS holds (RFC 8301 §3.2: at least 1024, 2048 is better).
const RSA_BITS: usize = 2048;

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// Ed25519 (RFC 8463): short and quick, and not known to all yet.
    Ed25519,
    /// RSA with SHA-256, of 2048 bits: known to all.
    Rsa,
}

impl Algorithm {
    /// As the names of selectors and files have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Rsa => "rsa",
        }
    }

    /// What [`Self::name`] gives.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Ed25519, Self::Rsa]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }
}

fn faulty(error: impl std::fmt::Display) -> DkimError {
    DkimError::Key(error.to_string())
}

/// A new private key: PKCS #8 in PEM. For RSA this takes a good part of a second.
pub(super) fn generate(algorithm: Algorithm) -> Result<String, DkimError> {
    let der = match algorithm {
        Algorithm::Ed25519 => {
            let random = ring::rand::SystemRandom::new();
            let made = Ed25519KeyPair::generate_pkcs8(&random).map_err(faulty)?;
            made.as_ref().to_vec()
        }
        Algorithm::Rsa => {
            let made = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, RSA_BITS).map_err(faulty)?;
            made.to_pkcs8_der().map_err(faulty)?.as_bytes().to_vec()
        }
    };
    let body = BASE64.encode(der);
    let lines = body.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let lines: Vec<_> = lines.collect();
    Ok(format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        lines.join("\n")
    ))
}

/// Reads a private key; with what DNS has of it behind `p=`, which is what RFC 6376 §3.6.1 and RFC 8463 §4 say.
pub(super) fn read(algorithm: Algorithm, pem: &[u8]) -> Result<(DkimKey, String), DkimError> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(faulty)?;
    match algorithm {
        Algorithm::Ed25519 => {
            let pair = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(faulty)?;
            let public = BASE64.encode(pair.public_key().as_ref());
            let key = Ed25519Key::from_pkcs8_der(der.secret_pkcs8_der()).map_err(faulty)?;
            Ok((DkimKey::Ed25519(key), public))
        }
        Algorithm::Rsa => {
            let pair = RsaPrivateKey::from_pkcs8_der(der.secret_pkcs8_der()).map_err(faulty)?;
            let public = pair.to_public_key().to_public_key_der().map_err(faulty)?;
            let public = BASE64.encode(public.as_bytes());
            let key = RsaKey::from_key_der(PrivateKeyDer::Pkcs8(der)).map_err(faulty)?;
            Ok((DkimKey::Rsa(key), public))
        }
    }
}
