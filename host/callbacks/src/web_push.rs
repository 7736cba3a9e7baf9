//! Message encryption for Web Push (RFC 8291): what a push service passes on without reading it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{self, ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom, SystemRandom};

/// The content coding of what [`encrypt`] gives (RFC 8188 §2).
pub const CONTENT_ENCODING: &str = "aes128gcm";

/// Octets of the receiver's secret (RFC 8291 §3.2).
const AUTH_BYTES: usize = 16;
/// Octets of a point of P-256, uncompressed (RFC 8291 §3.1).
const POINT_BYTES: usize = 65;
const SALT_BYTES: usize = 16;
/// Octets that a record is longer than what it carries: the tag, and the delimiter of the last one (RFC 8188 §2).
const RECORD_OVERHEAD_BYTES: usize = 17;
/// The size of records that is stated; a larger message is one larger record (RFC 8291 §4).
const RECORD_BYTES: usize = 4096;

/// Why a message is not encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// The receiver's keys are not of their form.
    #[error("the keys of the subscription are not of their form")]
    Keys,
    /// The system gave no random numbers, or a key did not fit.
    #[error("encrypting failed")]
    Failed,
}

impl From<ring::error::Unspecified> for EncryptError {
    fn from(_: ring::error::Unspecified) -> Self {
        Self::Failed
    }
}

/// The keys of a receiver, as a browser's `PushSubscription` gives them.
pub struct Keys {
    point: [u8; POINT_BYTES],
    auth: [u8; AUTH_BYTES],
}

impl Keys {
    /// Reads them: `p256dh` and `auth`, base64url with or without padding (RFC 8291 §3).
    ///
    /// # Errors
    /// [`EncryptError::Keys`].
    pub fn parse(p256dh: &str, auth: &str) -> Result<Self, EncryptError> {
        Ok(Self {
            point: decoded(p256dh)?,
            auth: decoded(auth)?,
        })
    }
}

fn decoded<const N: usize>(text: &str) -> Result<[u8; N], EncryptError> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
    let bytes = bytes.map_err(|_| EncryptError::Keys)?;
    bytes.try_into().map_err(|_| EncryptError::Keys)
}

/// Encrypts a message for a receiver, with keys of its own: the body of the request to the push service (RFC 8291 §4).
///
/// # Errors
/// [`EncryptError`].
pub fn encrypt(keys: &Keys, message: &[u8]) -> Result<Vec<u8>, EncryptError> {
    let random = SystemRandom::new();
    let private = EphemeralPrivateKey::generate(&ECDH_P256, &random)?;
    let public = private.compute_public_key()?;
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt)?;
    let receiver = UnparsedPublicKey::new(&ECDH_P256, &keys.point);
    // A point that is not on the curve is the receiver's fault.
    let agreed = agreement::agree_ephemeral(private, &receiver, |secret| {
        sealed(keys, secret, public.as_ref(), salt, message)
    });
    agreed.map_err(|_| EncryptError::Keys)?
}

/// RFC 8291 §3.4, with one record of RFC 8188 §2.
fn sealed(
    keys: &Keys,
    secret: &[u8],
    public: &[u8],
    salt: [u8; SALT_BYTES],
    message: &[u8],
) -> Result<Vec<u8>, EncryptError> {
    let shared = Salt::new(HKDF_SHA256, &keys.auth).extract(secret);
    let info = [b"WebPush: info\0", keys.point.as_slice(), public];
    let mut input = [0; 32];
    shared.expand(&info, Octets(32))?.fill(&mut input)?;
    let content = Salt::new(HKDF_SHA256, &salt).extract(&input);
    let mut key = [0; 16];
    let info = [b"Content-Encoding: aes128gcm\0".as_slice()];
    content.expand(&info, Octets(16))?.fill(&mut key)?;
    let mut nonce = [0; 12];
    let info = [b"Content-Encoding: nonce\0".as_slice()];
    content.expand(&info, Octets(12))?.fill(&mut nonce)?;

    let mut record = message.to_vec();
    record.push(2);
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
    let nonce = Nonce::assume_unique_for_key(nonce);
    cipher.seal_in_place_append_tag(nonce, Aad::empty(), &mut record)?;

    let size = RECORD_BYTES.max(message.len() + RECORD_OVERHEAD_BYTES);
    let size = u32::try_from(size).map_err(|_| EncryptError::Failed)?;
    let mut body = Vec::with_capacity(SALT_BYTES + 5 + public.len() + record.len());
    body.extend_from_slice(&salt);
    body.extend_from_slice(&size.to_be_bytes());
    body.push(u8::try_from(public.len()).map_err(|_| EncryptError::Failed)?);
    body.extend_from_slice(public);
    body.append(&mut record);
    Ok(body)
}

/// How many octets are wanted.
struct Octets(usize);

impl KeyType for Octets {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// RFC 8291 §5 and Appendix A.
    #[test]
    fn the_example_of_the_standard_is_met() {
        let keys = Keys::parse(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "BTBZMqHH6r4Tts7J_aSIgg",
        )
        .unwrap();
        let secret = bytes("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
        let public = bytes(
            "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
        );
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let message = b"When I grow up, I want to be a watermelon";
        let body = sealed(&keys, &secret, &public, salt, message).unwrap();
        let expected = bytes(concat!(
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml",
            "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT",
            "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        ));
        assert_eq!(hex::encode(body), hex::encode(expected));
    }

    /// The receiver's half, with a key of one use.
    #[test]
    fn the_receiver_reads_what_was_encrypted_for_it() {
        let random = SystemRandom::new();
        let private = EphemeralPrivateKey::generate(&ECDH_P256, &random).unwrap();
        let public = private.compute_public_key().unwrap();
        let auth = [7; AUTH_BYTES];
        let keys = Keys::parse(
            &URL_SAFE_NO_PAD.encode(public.as_ref()),
            &format!("{}==", URL_SAFE_NO_PAD.encode(auth)),
        )
        .unwrap();
        let message = vec![b'x'; 5_000];
        let body = encrypt(&keys, &message).unwrap();
        let (header, record) = body.split_at(SALT_BYTES + 5 + POINT_BYTES);
        assert_eq!(record.len(), message.len() + RECORD_OVERHEAD_BYTES);
        let size = u32::from_be_bytes(header[16..20].try_into().unwrap());
        assert!(size as usize >= record.len(), "one record");
        assert_eq!(usize::from(header[20]), POINT_BYTES);
        // What the sender makes of the receiver's point is what the receiver makes of the sender's.
        let sender = UnparsedPublicKey::new(&ECDH_P256, &header[21..]);
        let salt = header[..SALT_BYTES].try_into().unwrap();
        let again = agreement::agree_ephemeral(private, &sender, |secret| {
            sealed(&keys, secret, &header[21..], salt, &message)
        });
        assert_eq!(again.unwrap().unwrap(), body);
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        let point = URL_SAFE_NO_PAD.encode([4; POINT_BYTES]);
        let auth = URL_SAFE_NO_PAD.encode([0; AUTH_BYTES]);
        for (p256dh, auth) in [
            ("", ""),
            (point.as_str(), "AA"),
            ("AA", &auth),
            ("é", &auth),
        ] {
            assert!(Keys::parse(p256dh, auth).is_err());
        }
        let off_the_curve = Keys::parse(&point, &auth).unwrap();
        assert_eq!(encrypt(&off_the_curve, b"x"), Err(EncryptError::Keys));
    }
}
