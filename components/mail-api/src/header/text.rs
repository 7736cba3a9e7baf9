//! The forms Raw and Text (RFC 8621 §4.1.2.1 and §4.1.2.2).

use super::words::Words;

/// As it was received, without NUL.
pub fn raw(value: &str) -> String {
    value.replace('\0', "")
}

/// Unfolded, without spaces at its beginning, encoded words decoded, in NFC.
pub fn text(value: &str) -> String {
    let unfolded = unfolded(value);
    let mut rest = unfolded.trim_start_matches(' ');
    let mut words = Words::default();
    while !rest.is_empty() {
        let (blanks, behind) = split(rest, |one| !is_blank(one));
        let (word, behind) = split(behind, is_blank);
        words.word(blanks, word);
        rest = behind;
    }
    words.finish()
}

/// RFC 5322 §2.2.3: line breaks go, the blanks behind them stay. Nothing else of a field holds a line break.
pub fn unfolded(value: &str) -> String {
    value.replace(['\r', '\n', '\0'], "")
}

fn is_blank(one: char) -> bool {
    matches!(one, ' ' | '\t')
}

fn split(text: &str, at: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(at).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_unfolded_and_decoded() {
        for (value, expected) in [
            (" Re: =?utf-8?q?K=C3=B6ln?=", "Re: Köln"),
            (" =?UTF-8?B?w6Q=?=\r\n =?iso-8859-1?Q?=FC?= b", "äü b"),
            ("  a\r\n b\n\tc ", "a b\tc "),
            (" a  =?utf-8?q?b?=\t\t=?utf-8?q?c?=  d", "a  bc  d"),
            (" ä", "ä"),
            ("", ""),
            ("   ", ""),
            // RFC 2047 §5 (1): an encoded word is parted by blanks from other text.
            (" (=?utf-8?q?a?=)", "(=?utf-8?q?a?=)"),
            (" =?utf-8?q?a?==?utf-8?q?b?=", "=?utf-8?q?a?==?utf-8?q?b?="),
            // RFC 2047 §2: no blanks inside.
            (" =?utf-8?q?a b?=", "=?utf-8?q?a b?="),
        ] {
            assert_eq!(text(value), expected, "{value:?}");
        }
    }

    #[test]
    fn raw_is_what_was_received() {
        assert_eq!(raw(" a\r\n\t=?x?= \0b"), " a\r\n\t=?x?= b");
    }

    #[test]
    fn floods_take_linear_time() {
        for flood in [
            "=?a?q?",
            "=?",
            "=?utf-8?q?a?= ",
            "e\u{301}",
            " \t",
            "=?utf-8?b?w6Q=?= x ",
        ] {
            let flood = flood.repeat(4_000_000 / flood.len());
            assert!(text(&flood).len() <= flood.len());
        }
    }
}
