//! Requests that can be repeated: draft-ietf-httpapi-idempotency-key-header-07.

use http::HeaderMap;
use http::header::COOKIE;
use sha2::{Digest as _, Sha256};

use crate::bindings::concierge::booking::reservations::Idempotency;

/// The field with the key (§2.1).
pub const FIELD: &str = "idempotency-key";

/// Characters of a key.
pub const KEY_CHARS_MAX: usize = 255;

/// The cookie that tells the guests of one browser from others, so that keys do not meet.
pub const COOKIE_NAME: &str = "concierge_guest";

/// Characters of the cookie's value that are looked at.
const COOKIE_CHARS_MAX: usize = 128;

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The field was not sent.
    Missing,
    /// It is not of its form.
    Malformed,
}

/// Reads the key: a structured field string (RFC 9651 §3.3.3), as the draft has it, or the same without the quotes, as
/// most clients send it. Both are one key.
pub fn key(headers: &HeaderMap) -> Result<String, KeyError> {
    let mut fields = headers.get_all(FIELD).iter();
    let field = fields.next().ok_or(KeyError::Missing)?;
    if fields.next().is_some() {
        return Err(KeyError::Malformed);
    }
    let text = field.to_str().map_err(|_| KeyError::Malformed)?.trim();
    let key = match text.strip_prefix('"') {
        Some(quoted) => unquoted(quoted).ok_or(KeyError::Malformed)?,
        None => text.to_owned(),
    };
    let of_form =
        (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if of_form {
        Ok(key)
    } else {
        Err(KeyError::Malformed)
    }
}

/// The inside of a string of structured fields, without its first quote (RFC 9651 §4.2.5).
fn unquoted(quoted: &str) -> Option<String> {
    let mut key = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => key.push(chars.next().filter(|next| matches!(next, '"' | '\\'))?),
            other => key.push(other),
        }
    }
    chars.next().is_none().then_some(key)
}

/// The guest's cookie; empty without one.
pub fn scope(headers: &HeaderMap) -> String {
    let values = headers.get_all(COOKIE).iter();
    let pairs = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    for pair in pairs {
        if let Some((name, value)) = pair.split_once('=')
            && name.trim() == COOKIE_NAME
            && value.len() <= COOKIE_CHARS_MAX
        {
            return value.trim().to_owned();
        }
    }
    String::new()
}

/// What makes a request itself: its method, its path and the meaning of its body, which is its parsed value written
/// again, so that neither white space nor the order of fields counts.
pub fn fingerprint(method: &http::Method, path: &str, canonical_body: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    // Neither a method nor a path holds a line break.
    for piece in [
        method.as_str().as_bytes(),
        b"\n",
        path.as_bytes(),
        b"\n",
        canonical_body,
    ] {
        hash.update(piece);
    }
    hash.finalize().to_vec()
}

/// All of it, in the contract's form.
pub fn idempotency(
    headers: &HeaderMap,
    method: &http::Method,
    path: &str,
    canonical_body: &[u8],
) -> Result<Idempotency, KeyError> {
    Ok(Idempotency {
        key: key(headers)?,
        scope: scope(headers),
        fingerprint: fingerprint(method, path, canonical_body),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, Method};

    fn read(field: &[u8]) -> Result<String, KeyError> {
        let mut headers = HeaderMap::new();
        headers.insert(FIELD, HeaderValue::from_bytes(field).unwrap());
        key(&headers)
    }

    #[test]
    fn keys_come_with_quotes_and_without() {
        assert_eq!(key(&HeaderMap::new()), Err(KeyError::Missing));
        assert_eq!(read(b"8e03978e-40d5"), Ok("8e03978e-40d5".into()));
        assert_eq!(read(b"\"8e03978e-40d5\""), Ok("8e03978e-40d5".into()));
        assert_eq!(read(br#""a\"b\\c""#), Ok(r#"a"b\c"#.into()));
        let longest = "k".repeat(KEY_CHARS_MAX);
        assert_eq!(read(longest.as_bytes()), Ok(longest.clone()));
    }

    #[test]
    fn keys_of_another_form_are_refused() {
        let too_long = "k".repeat(KEY_CHARS_MAX + 1);
        for bad in [
            b"".as_slice(),
            b"a b",
            b"\"a",
            b"\"\"",
            b"\"a\";p=1",
            br#""a\n""#,
            br#""a\"#,
            "é".as_bytes(),
            too_long.as_bytes(),
        ] {
            assert_eq!(read(bad), Err(KeyError::Malformed), "{bad:?}");
        }
        let mut twice = HeaderMap::new();
        twice.append(FIELD, HeaderValue::from_static("a"));
        twice.append(FIELD, HeaderValue::from_static("a"));
        assert_eq!(key(&twice), Err(KeyError::Malformed));
    }

    #[test]
    fn the_cookie_of_the_guest_is_the_scope() {
        let mut headers = HeaderMap::new();
        assert_eq!(scope(&headers), "");
        headers.append(COOKIE, HeaderValue::from_static("a=1; xconcierge_guest=2"));
        assert_eq!(scope(&headers), "");
        headers.append(COOKIE, HeaderValue::from_static("concierge_guest=abc; b=2"));
        assert_eq!(scope(&headers), "abc");
    }

    #[test]
    fn fingerprints_differ_by_every_part() {
        let one = fingerprint(&Method::POST, "/a", b"{}");
        assert_eq!(one.len(), 32);
        assert_eq!(one, fingerprint(&Method::POST, "/a", b"{}"));
        assert_ne!(one, fingerprint(&Method::PUT, "/a", b"{}"));
        assert_ne!(one, fingerprint(&Method::POST, "/b", b"{}"));
        assert_ne!(one, fingerprint(&Method::POST, "/a", b"[]"));
    }
}
