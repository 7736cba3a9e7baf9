//! Percent-encoding as SigV4 and S3 define it (General Reference, "Create a canonical request", UriEncode).

/// The string holds a `%` without two hexadecimal digits, or does not decode to UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEscape;

/// What `+` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plus {
    /// Itself: in a path.
    Literal,
    /// A space: in a query string, and in the headers that are encoded like one (x-amz-tagging, x-amz-copy-source).
    Space,
}

/// Decodes percent-encoding; gives the string, or why not.
pub fn decode(text: &str, plus: Plus) -> Result<String, BadEscape> {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return Ok(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let high = hex_digit(bytes.next().ok_or(BadEscape)?)?;
                let low = hex_digit(bytes.next().ok_or(BadEscape)?)?;
                out.push(high << 4 | low);
            }
            b'+' if plus == Plus::Space => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8(out).map_err(|_| BadEscape)
}

fn hex_digit(byte: u8) -> Result<u8, BadEscape> {
    let value = char::from(byte).to_digit(16).ok_or(BadEscape)?;
    u8::try_from(value).map_err(|_| BadEscape)
}

/// UriEncode: everything but `A-Z a-z 0-9 - . _ ~`; the slash stays where `keep_slash` says so.
pub fn encode_into(out: &mut String, text: &str, keep_slash: bool) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte))
            }
            b'/' if keep_slash => out.push('/'),
            other => {
                out.push('%');
                for nibble in [other >> 4, other & 0xf] {
                    out.push(
                        DIGITS
                            .get(usize::from(nibble))
                            .map_or('0', |d| char::from(*d)),
                    );
                }
            }
        }
    }
}

/// As [`encode_into`], in a new string.
pub fn encode(text: &str, keep_slash: bool) -> String {
    let mut out = String::with_capacity(text.len());
    encode_into(&mut out, text, keep_slash);
    out
}

/// `encoding-type=url` in listings: as UriEncode, with the slash kept and a space as `+`, which is what the service
/// sends and what the SDKs undo.
pub fn encode_listing(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (position, piece) in text.split(' ').enumerate() {
        if position > 0 {
            out.push('+');
        }
        encode_into(&mut out, piece, true);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_and_encodes() {
        assert_eq!(
            decode("a%20b+c%2Fd", Plus::Literal).as_deref(),
            Ok("a b+c/d")
        );
        assert_eq!(decode("a%20b+c", Plus::Space).as_deref(), Ok("a b c"));
        assert_eq!(encode("a b/ü*~", true), "a%20b/%C3%BC%2A~");
        assert_eq!(encode("a/b", false), "a%2Fb");
        assert_eq!(encode_listing("a b+c/d"), "a+b%2Bc/d");
    }

    #[test]
    fn refuses_broken_escapes_and_invalid_utf_8() {
        for broken in ["%", "%4", "a%zz", "%ff", "%c3%28", "%+1"] {
            assert_eq!(decode(broken, Plus::Literal), Err(BadEscape), "{broken}");
        }
    }
}
