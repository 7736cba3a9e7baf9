//! From octets to text.

use mail_parser::decoders::charsets::map::charset_decoder;

/// Decodes octets. Says whether it was without fault.
///
/// Text without charset, or said to be ASCII, is UTF-8 where it can be and Windows-1252 else: both are met, and hardly
/// any text is valid UTF-8 by accident.
pub(crate) fn decode(bytes: &[u8], charset: Option<&str>) -> (String, bool) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let charset = charset.unwrap_or("us-ascii").trim().to_ascii_lowercase();
    let is_ascii = matches!(charset.as_str(), "us-ascii" | "ascii" | "");
    if is_ascii || matches!(charset.as_str(), "utf-8" | "utf8") {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return (text.to_owned(), true);
        }
        let text = match charset_decoder(b"windows-1252").filter(|_| is_ascii) {
            Some(decode) => decode(bytes),
            None => String::from_utf8_lossy(bytes).into_owned(),
        };
        return (text, false);
    }
    match charset_decoder(charset.as_bytes()) {
        Some(decode) => {
            let text = decode(bytes);
            let is_faultless = !text.contains(char::REPLACEMENT_CHARACTER);
            (text, is_faultless)
        }
        None => (String::from_utf8_lossy(bytes).into_owned(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_are_known() {
        let decoded = |bytes: &[u8], charset| decode(bytes, Some(charset));
        assert_eq!(decoded(b"\xe4", "ISO-8859-1"), ("ä".to_owned(), true));
        assert_eq!(
            decoded(b"\xc4\xe3\xba\xc3", "gb2312"),
            ("你好".to_owned(), true)
        );
        assert_eq!(
            decoded(b"\xbe\xc8", "ks_c_5601-1987"),
            ("안".to_owned(), true)
        );
        assert_eq!(
            decoded(b"\x1b$B%O\x1b(B", "iso-2022-jp"),
            ("ハ".to_owned(), true)
        );
        assert_eq!(decoded(b"\xf0\xd2", "koi8-r"), ("Пр".to_owned(), true));
        assert_eq!(decoded(b"\xef\xbb\xbfa", "utf-8"), ("a".to_owned(), true));
    }

    #[test]
    fn faults_are_told() {
        assert_eq!(decode(b"\xe4", None), ("ä".to_owned(), false));
        assert_eq!(decode("ä".as_bytes(), None), ("ä".to_owned(), true));
        assert_eq!(
            decode(b"a\xff", Some("utf-8")),
            ("a\u{fffd}".to_owned(), false)
        );
        assert_eq!(decode(b"a", Some("x-none")), ("a".to_owned(), false));
        assert!(!decode(b"\xff", Some("shift_jis")).1);
    }
}
