//! What the `Authorization` field shows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::host::Credentials;

/// Bytes of a field that are looked at: more than any name, password or token needs.
const FIELD_BYTES_MAX: usize = 2_048;

/// Reads the `Authorization` field (RFC 9110 §11.6.2): `Bearer` with the password of an application (RFC 6750 §2.1), or
/// `Basic` (RFC 7617). `None` where it is missing, is there twice, or is not of a known form.
pub fn shown(headers: &HeaderMap) -> Option<Credentials> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let field = fields.next()?;
    if fields.next().is_some() || field.len() > FIELD_BYTES_MAX {
        return None;
    }
    let (scheme, rest) = field.to_str().ok()?.split_once(' ')?;
    let rest = rest.trim_matches(' ');
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => bearer(rest),
        "basic" => basic(rest),
        _ => None,
    }
}

fn bearer(token: &str) -> Option<Credentials> {
    let visible = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    visible.then(|| Credentials::Bearer(token.to_owned()))
}

fn basic(encoded: &str) -> Option<Credentials> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some(Credentials::Basic {
        name: name.to_owned(),
        password: password.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(field: &str) -> Option<Credentials> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(field).unwrap());
        shown(&headers)
    }

    #[test]
    fn both_schemes_are_read() {
        assert_eq!(
            read("bearer  ct_abc"),
            Some(Credentials::Bearer("ct_abc".into()))
        );
        // RFC 7617 §2: the password may hold a colon, the name none.
        let field = format!("Basic {}", STANDARD.encode("Ada:pass:word"));
        assert_eq!(
            read(&field),
            Some(Credentials::Basic {
                name: "Ada".into(),
                password: "pass:word".into()
            })
        );
    }

    #[test]
    fn what_is_not_of_a_known_form_is_nothing() {
        let no_colon = format!("Basic {}", STANDARD.encode("ada"));
        let not_utf8 = format!("Basic {}", STANDARD.encode(b"\xff:\xfe"));
        let long = format!("Bearer {}", "x".repeat(FIELD_BYTES_MAX));
        for field in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Basic %%%",
            "Digest a=b",
            &no_colon,
            &not_utf8,
            &long,
        ] {
            assert_eq!(read(field), None, "{field}");
        }
        assert_eq!(shown(&HeaderMap::new()), None);
        let mut twice = HeaderMap::new();
        for token in ["Bearer a", "Bearer b"] {
            twice.append(AUTHORIZATION, HeaderValue::from_static(token));
        }
        assert_eq!(shown(&twice), None);
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", read("Bearer ct_secret"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
