//! What clients say to authenticate (RFC 4954): PLAIN and LOGIN.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::handler::Credentials;
use crate::reply::{EnhancedCode, Reply};

/// The challenges of LOGIN: `Username:` and `Password:` in base64.
pub(super) const LOGIN_USER: &str = "VXNlcm5hbWU6";
pub(super) const LOGIN_PASSWORD: &str = "UGFzc3dvcmQ6";

fn wrong(why: &str) -> Reply {
    Reply::new(501, EnhancedCode(5, 5, 2), why)
}

/// A response in base64, as text.
///
/// # Errors
/// 501 where it is none.
pub(super) fn text(response: &str) -> Result<String, Reply> {
    let bytes = BASE64_STANDARD.decode(response.trim());
    let bytes = bytes.map_err(|_| wrong("this is not base64"))?;
    String::from_utf8(bytes).map_err(|_| wrong("this is not UTF-8"))
}

/// The response of PLAIN (RFC 4616 §2): `[authzid] NUL authcid NUL passwd`. Nobody acts for another here.
///
/// # Errors
/// 501 where it is none; 535 for another authorization identity.
pub(super) fn plain(response: &str) -> Result<Credentials, Reply> {
    let text = text(response)?;
    let parts: Vec<&str> = text.split('\0').collect();
    let [authorization, user, password] = parts.as_slice() else {
        return Err(wrong("not of the form of PLAIN (RFC 4616)"));
    };
    if !authorization.is_empty() && authorization != user {
        let why = "nobody acts for another here";
        return Err(Reply::new(535, EnhancedCode(5, 7, 8), why));
    }
    Ok(Credentials {
        user: (*user).to_owned(),
        password: (*password).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(response: &[u8]) -> u16 {
        plain(&BASE64_STANDARD.encode(response))
            .err()
            .map_or(0, |reply| reply.code)
    }

    #[test]
    fn plain_has_three_parts() {
        let said = plain(&BASE64_STANDARD.encode(b"\0ann\0a secret"))
            .ok()
            .unwrap();
        assert_eq!(
            (said.user.as_str(), said.password.as_str()),
            ("ann", "a secret")
        );
        assert_eq!(code(b"ann\0ann\0x"), 0);
        assert_eq!(code(b"bob\0ann\0x"), 535);
        for wrong in [&b""[..], b"ann", b"\0ann", b"\0a\0b\0c", b"\0\xff\0x"] {
            assert_eq!(code(wrong), 501, "{wrong:?}");
        }
        assert_eq!(plain("!").err().unwrap().code, 501);
        let challenges = [LOGIN_USER, LOGIN_PASSWORD].map(|challenge| text(challenge).unwrap());
        assert_eq!(challenges, ["Username:", "Password:"]);
    }
}
