//! User metadata beyond ASCII (User Guide, "Working with object metadata": values "are character decoded as per RFC 2047
//! before storing and encoded as per RFC 2047 to make them mail-safe before returning. If the string contains only
//! US-ASCII characters, it is presented as it is").

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const PREFIX: &str = "=?UTF-8?B?";
const SUFFIX: &str = "?=";

/// The longest encoded word, in characters (RFC 2047 §2).
const MAX_WORD_CHARS: usize = 75;

/// Bytes of text that fit in one encoded word: four characters of base64 for three bytes.
const WORD_BYTES: usize = (MAX_WORD_CHARS - PREFIX.len() - SUFFIX.len()) / 4 * 3;

/// A value as it is returned: as it is, or in encoded words where a header could not hold it otherwise.
pub fn encode(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\t')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while !rest.is_empty() {
        // A character must not be cut (RFC 2047 §5).
        let (word, next) = rest.split_at(rest.floor_char_boundary(WORD_BYTES));
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(PREFIX);
        STANDARD.encode_string(word, &mut out);
        out.push_str(SUFFIX);
        rest = next;
    }
    Cow::Owned(out)
}

/// A value as it is kept: its encoded words decoded. What is not one, or of a character set that is not known here,
/// stays as it is.
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains("=?") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut gap = String::new();
    let mut after_word = false;
    for piece in text.split_inclusive([' ', '\t']) {
        let plain = piece.trim_end_matches([' ', '\t']);
        let space = piece.get(plain.len()..).unwrap_or_default();
        match decode_word(plain) {
            Some(word) => {
                // White space between two encoded words is not of the text (RFC 2047 §6.2).
                if !after_word {
                    out.push_str(&gap);
                }
                out.push_str(&word);
                after_word = true;
                gap.clear();
            }
            // Several spaces in a row are empty pieces: they do not end a run of words.
            None if plain.is_empty() => {}
            None => {
                out.push_str(&gap);
                out.push_str(plain);
                after_word = false;
                gap.clear();
            }
        }
        gap.push_str(space);
    }
    out.push_str(&gap);
    Cow::Owned(out)
}

/// `=?CHARSET?ENCODING?TEXT?=` (RFC 2047 §2).
fn decode_word(word: &str) -> Option<String> {
    let inner = word.strip_prefix("=?")?.strip_suffix("?=")?;
    let mut fields = inner.splitn(3, '?');
    let (charset, encoding, text) = (fields.next()?, fields.next()?, fields.next()?);
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(text).ok()?,
        "Q" | "q" => decode_q(text)?,
        _ => return None,
    };
    // A language may follow the character set (RFC 2231 §5).
    let charset = charset.split_once('*').map_or(charset, |(name, _)| name);
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" | "us-ascii" => String::from_utf8(bytes).ok(),
        "iso-8859-1" => Some(bytes.into_iter().map(char::from).collect()),
        _ => None,
    }
}

/// The "Q" encoding (RFC 2047 §4.2).
fn decode_q(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, next)) = rest.split_first() {
        rest = next;
        match byte {
            b'_' => out.push(b' '),
            b'=' => {
                let (digits, next) = rest.split_at_checked(2)?;
                let mut byte = [0];
                hex::decode_to_slice(digits, &mut byte).ok()?;
                out.extend(byte);
                rest = next;
            }
            b'?' => return None,
            other => out.push(*other),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_is_presented_as_it_is() {
        for text in ["", "plain text, 100%", "=?not an encoded word", "a=?b?="] {
            assert_eq!(encode(text), text);
            assert_eq!(decode(text), text);
        }
    }

    #[test]
    fn reads_both_encodings() {
        for (encoded, text) in [
            ("=?UTF-8?B?w7xiZXI=?=", "über"),
            ("=?utf-8?Q?=C3=BCber_alles?=", "über alles"),
            ("=?UTF-8?q?=c3=bc?=", "ü"),
            ("=?ISO-8859-1?Q?=FC?=", "ü"),
            ("=?utf-8*de?B?w7w=?=", "ü"),
            ("a =?UTF-8?B?w7w=?= b", "a ü b"),
            ("=?UTF-8?B?w7w=?=   =?UTF-8?B?w7w=?=", "üü"),
        ] {
            assert_eq!(decode(encoded), text, "{encoded}");
        }
    }

    #[test]
    fn leaves_what_it_cannot_read() {
        for text in [
            "=?UTF-8?B?!?=",
            "=?UTF-8?B?/w==?=",
            "=?UTF-8?Q?=C?=",
            "=?UTF-8?Q?=zz?=",
            "=?UTF-8?X?a?=",
            "=?koi8-r?B?w7w=?=",
            "=?UTF-8?B?=",
            "=??=",
            "  =?  ",
        ] {
            assert_eq!(decode(text), text, "{text}");
        }
    }

    #[test]
    fn what_is_encoded_comes_back() {
        let long = "日本語のとても長い値です、一語には収まりません。".repeat(5);
        for text in ["ü", "a\u{7f}b", "line\r\nx-amz-meta-injected: 1", &long] {
            let encoded = encode(text);
            assert!(
                encoded.is_ascii() && !encoded.contains(['\r', '\n']),
                "{encoded}"
            );
            assert!(
                encoded.split(' ').all(|word| word.len() <= MAX_WORD_CHARS),
                "{encoded}"
            );
            assert_eq!(decode(&encoded), text);
        }
    }
}
