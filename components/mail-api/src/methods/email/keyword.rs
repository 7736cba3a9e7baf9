//! Keywords of emails (RFC 8621 §4.1.1).

/// Bytes of a keyword: "The keyword MUST be 1 to 255 characters".
const BYTES_MAX: usize = 255;

/// What RFC 8621 §4.1.1 forbids beyond what is not visible ASCII: what IMAP gives a meaning of its own.
const FORBIDDEN: &[u8] = b"(){]%*\"\\";

/// Reads a keyword. It is the same in any case, and kept in lower case.
///
/// # Errors
///
/// A sentence where it is not one.
pub fn parse(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_graphic() && !FORBIDDEN.contains(&byte);
    if !(1..=BYTES_MAX).contains(&text.len()) || !text.bytes().all(allowed) {
        return Err(format!("{text:?} is not a keyword."));
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_visible_ascii() {
        assert_eq!(parse("$Draft"), Ok("$draft".to_owned()));
        assert_eq!(parse("a[b}c"), Ok("a[b}c".to_owned()));
        assert!(parse(&"x".repeat(BYTES_MAX)).is_ok());
        let long = "x".repeat(BYTES_MAX + 1);
        for text in [
            "", "a b", "é", "a*", "a%", "a]", "(", ")", "{", "\"", "\\", &long,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
