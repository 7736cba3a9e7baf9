//! What the `Authorization` field shows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::host::Credentials;

/// How the tokens of guests begin; those of accounts do not.
pub const GUEST_PREFIX: &str = "gt_";

/// Bytes of a field that are looked at: more than any name, password or token needs.
const FIELD_BYTES_MAX: usize = 2_048;

/// What a request shows of who sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// The token of a reservation.
    Guest(String),
    /// An account's credentials, which the host is still to look at.
    Account(Credentials),
    /// Something that is not of any known form.
    Unreadable,
}

/// Reads the `Authorization` field (RFC 9110 §11.6.2): `Bearer` with the token of a guest or an account (RFC 6750
/// §2.1), or `Basic` (RFC 7617).
pub fn shown(headers: &HeaderMap) -> Shown {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else {
        return Shown::Nothing;
    };
    if fields.next().is_some() || field.len() > FIELD_BYTES_MAX {
        return Shown::Unreadable;
    }
    let read = field.to_str().ok().and_then(|text| {
        let (scheme, rest) = text.split_once(' ')?;
        let rest = rest.trim_matches(' ');
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => bearer(rest),
            "basic" => basic(rest).map(Shown::Account),
            _ => None,
        }
    });
    read.unwrap_or(Shown::Unreadable)
}

fn bearer(token: &str) -> Option<Shown> {
    let visible = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    visible.then(|| {
        if token.starts_with(GUEST_PREFIX) {
            Shown::Guest(token.to_owned())
        } else {
            Shown::Account(Credentials::Bearer(token.to_owned()))
        }
    })
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

    fn read(field: &str) -> Shown {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(field).unwrap());
        shown(&headers)
    }

    #[test]
    fn guests_and_accounts_are_told_apart() {
        assert_eq!(shown(&HeaderMap::new()), Shown::Nothing);
        assert_eq!(read("Bearer gt_abc"), Shown::Guest("gt_abc".into()));
        assert_eq!(
            read("bearer  ct_abc"),
            Shown::Account(Credentials::Bearer("ct_abc".into()))
        );
        // RFC 7617 §2: the password may hold a colon, the name none.
        let field = format!("Basic {}", STANDARD.encode("Ada:pass:word"));
        assert_eq!(
            read(&field),
            Shown::Account(Credentials::Basic {
                name: "Ada".into(),
                password: "pass:word".into()
            })
        );
    }

    #[test]
    fn what_is_not_of_a_known_form_is_not_nothing() {
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
            assert_eq!(read(field), Shown::Unreadable, "{field}");
        }
        let mut twice = HeaderMap::new();
        for token in ["Bearer gt_a", "Bearer gt_b"] {
            twice.append(AUTHORIZATION, HeaderValue::from_static(token));
        }
        assert_eq!(shown(&twice), Shown::Unreadable);
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", read("Bearer ct_secret"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
