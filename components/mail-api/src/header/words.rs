//! Encoded words (RFC 2047).

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use mail_parser::decoders::charsets::DecoderFnc;
use mail_parser::decoders::charsets::map::charset_decoder;
use unicode_normalization::UnicodeNormalization as _;

/// Longest name of a charset, octets, its language (RFC 2231 §5) with it. The longest that IANA knows has 45.
const CHARSET_BYTES_MAX: usize = 64;

/// Base64 as mail programs write it: padding may be missing, and the last bits need not be zero.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How a word's octets become text.
#[derive(Clone, Copy)]
enum Charset {
    Utf8,
    Other(DecoderFnc),
}

impl Charset {
    fn named(name: &str) -> Option<Self> {
        // RFC 2231 §5: a language may follow.
        let name = name.split_once('*').map_or(name, |(name, _)| name);
        match name.to_ascii_lowercase().as_str() {
            "" => None,
            "utf-8" | "utf8" => Some(Self::Utf8),
            other => charset_decoder(other.as_bytes()).map(Self::Other),
        }
    }

    fn decode(self, octets: &[u8]) -> String {
        match self {
            Self::Utf8 => String::from_utf8_lossy(octets).into_owned(),
            Self::Other(decode) => decode(octets),
        }
    }
}

/// An encoded word, taken apart.
struct Encoded<'t> {
    /// Its name, by which words of one charset are known.
    charset_name: &'t str,
    charset: Charset,
    octets: Vec<u8>,
}

/// The length of what looks like an encoded word at the start of a text: `=?charset?encoding?text?=`, without blanks.
/// Looking costs no more than the text up to the question mark that ends it, so that each octet of a field is looked at
/// a bounded number of times.
pub fn length(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("=?")?;
    let (charset, rest) = split_at_mark(rest, CHARSET_BYTES_MAX)?;
    let (encoding, rest) = split_at_mark(rest, 1)?;
    let (encoded, rest) = split_at_mark(rest, usize::MAX)?;
    let complete = encoding.len() == 1 && rest.starts_with('=');
    complete
        .then(|| "=?".len() + charset.len() + 1 + encoding.len() + 1 + encoded.len() + "?=".len())
}

/// Splits at the first `?`, which is at most so many octets away, with nothing but visible ASCII before it.
fn split_at_mark(text: &str, octets_max: usize) -> Option<(&str, &str)> {
    let at = text
        .bytes()
        .position(|byte| byte == b'?' || !byte.is_ascii_graphic())?;
    let (before, rest) = text.split_at_checked(at)?;
    let rest = rest.strip_prefix('?')?;
    (before.len() <= octets_max).then_some((before, rest))
}

/// Takes a word apart if it is an encoded word from its first octet to its last, with a charset that is known.
fn encoded(word: &str) -> Option<Encoded<'_>> {
    if length(word)? != word.len() {
        return None;
    }
    let inner = word.strip_prefix("=?")?.strip_suffix("?=")?;
    let (charset_name, rest) = inner.split_once('?')?;
    let (encoding, text) = rest.split_once('?')?;
    let octets = match encoding {
        "b" | "B" => BASE64.decode(text).ok()?,
        "q" | "Q" => unquoted(text)?,
        _ => return None,
    };
    Some(Encoded {
        charset_name,
        charset: Charset::named(charset_name)?,
        octets,
    })
}

/// The encoding `Q` (RFC 2047 §4.2).
fn unquoted(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        octets.push(match byte {
            b'_' => b' ',
            b'=' => hex(bytes.next()?)? * 16 + hex(bytes.next()?)?,
            other => other,
        });
    }
    Some(octets)
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// Puts the words of a text together, encoded ones decoded.
#[derive(Default)]
pub struct Words<'t> {
    text: String,
    /// The encoded words of one charset at the end, not decoded yet: characters are met that go from one into the next.
    open: Option<Encoded<'t>>,
}

impl<'t> Words<'t> {
    /// Adds a word that may be an encoded one, and the blanks before it, which do not show between encoded words (RFC 2047
    /// §6.2).
    pub fn word(&mut self, blanks: &str, word: &'t str) {
        match (encoded(word), self.open.take()) {
            (Some(next), Some(mut open)) if next.charset_name == open.charset_name => {
                open.octets.extend_from_slice(&next.octets);
                self.open = Some(open);
            }
            (Some(next), open) => {
                match open {
                    Some(open) => self.decode(open),
                    None => self.text.push_str(blanks),
                }
                self.open = Some(next);
            }
            (None, open) => {
                self.open = open;
                self.plain(blanks, word);
            }
        }
    }

    /// Adds what is not looked at for encoded words, and the blanks before it.
    pub fn plain(&mut self, blanks: &str, text: &str) {
        if let Some(open) = self.open.take() {
            self.decode(open);
        }
        self.text.push_str(blanks);
        self.text.push_str(text);
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.open.is_none()
    }

    /// What it says, in NFC as RFC 8621 §4.1.2.2 wants it.
    pub fn finish(mut self) -> String {
        if let Some(open) = self.open.take() {
            self.decode(open);
        }
        if self.text.is_ascii() {
            self.text
        } else {
            self.text.nfc().collect()
        }
    }

    fn decode(&mut self, word: Encoded<'_>) {
        let text = word.charset.decode(&word.octets);
        // RFC 8621 §4.1.2.2: encoded control characters are dropped.
        self.text
            .extend(text.chars().filter(|one| !one.is_control()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> String {
        let mut all = Words::default();
        for (number, word) in words.iter().enumerate() {
            all.word(if number == 0 { "" } else { " " }, word);
        }
        all.finish()
    }

    /// The examples of RFC 2047 §8, without the brackets of their comments.
    #[test]
    fn examples_of_rfc_2047() {
        for (words, expected) in [
            (&["=?ISO-8859-1?Q?a?="][..], "a"),
            (&["=?ISO-8859-1?Q?a?=", "b"], "a b"),
            (&["=?ISO-8859-1?Q?a?=", "=?ISO-8859-1?Q?b?="], "ab"),
            (&["=?ISO-8859-1?Q?a_b?="], "a b"),
            (&["=?ISO-8859-1?Q?a?=", "=?ISO-8859-2?Q?_b?="], "a b"),
            (
                &[
                    "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=",
                    "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
                ],
                "If you can read this you understand the example.",
            ),
            (
                &["=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?="],
                "Patrik Fältström",
            ),
        ] {
            assert_eq!(read(words), expected);
        }
    }

    #[test]
    fn characters_that_go_from_one_word_into_the_next() {
        assert_eq!(read(&["=?utf-8?q?K=C3?=", "=?utf-8?Q?=B6ln?="]), "Köln");
        assert_eq!(read(&["=?utf-8?B?w6Q?=", "=?utf-8?B?w7w=?="]), "äü");
        assert_eq!(read(&["=?utf-8*de?q?=C3=A4?="]), "ä");
    }

    #[test]
    fn what_is_no_encoded_word_stays() {
        for word in [
            "=?utf-8?q?open",
            "=?utf-8?q?a?=b",
            "x=?utf-8?q?a?=",
            "=?utf-8?x?a?=",
            "=?nobody-knows?q?a?=",
            "=??q?a?=",
            "=?utf-8?b?a?=",
            "=?utf-8?b?%%%%?=",
            "=?utf-8?q?=4?=",
            "=?utf-8?q?=zz?=",
            "=?utf-8?q?a?=?=",
            "=?utf-8?q?ä?=",
            "=?=",
        ] {
            assert_eq!(read(&[word]), word);
        }
    }

    #[test]
    fn controls_are_dropped_and_letters_composed() {
        assert_eq!(read(&["=?utf-8?q?a=00=0D=0Ab=7F?="]), "ab");
        assert_eq!(read(&["=?utf-8?q?e=CC=81?="]), "é");
        assert_eq!(read(&["e\u{301}"]), "é");
        assert_eq!(read(&["=?utf-8?q?=FF?="]), "\u{fffd}");
    }
}
