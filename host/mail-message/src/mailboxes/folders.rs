//! Names of folders in file systems.

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// Base64 of modified UTF-7 (RFC 3501 §5.1.3).
const MODIFIED: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// A name as Maildir++ has it: modified UTF-7. A dot parts names, so that one within a name is encoded, as is a slash.
pub(super) fn to_modified_utf7(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while !rest.is_empty() {
        let plain = rest.find(|c| !is_plain(c)).unwrap_or(rest.len());
        let (head, tail) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        out.push_str(head);
        let encoded = tail.find(is_plain).unwrap_or(tail.len());
        let (head, tail) = tail.split_at_checked(encoded).unwrap_or((tail, ""));
        if head == "&" {
            out.push_str("&-");
        } else if !head.is_empty() {
            let units: Vec<u8> = head.encode_utf16().flat_map(u16::to_be_bytes).collect();
            out.push('&');
            out.push_str(&MODIFIED.encode(units));
            out.push('-');
        }
        rest = tail;
    }
    out
}

fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '&' | '.' | '/')
}

/// A name from modified UTF-7; what is none stays as it is.
pub(super) fn from_modified_utf7(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some((head, tail)) = rest.split_once('&') {
        out.push_str(head);
        let decoded = tail
            .split_once('-')
            .and_then(|(encoded, behind)| Some((decode(encoded)?, behind)));
        match decoded {
            Some((decoded, behind)) => {
                out.push_str(&decoded);
                rest = behind;
            }
            None => {
                out.push('&');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}

fn decode(encoded: &str) -> Option<String> {
    if encoded.is_empty() {
        return Some("&".to_owned());
    }
    let bytes = MODIFIED.decode(encoded).ok()?;
    let (units, rest) = bytes.as_chunks::<2>();
    let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.ok().filter(|_| rest.is_empty())
}

/// A name that a file system takes, wherever it leads to: `/`, controls, `%`, and a dot at the start as `%` and two
/// hexadecimal digits.
pub(super) fn to_file_name(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.chars().enumerate() {
        if c.is_control() || matches!(c, '/' | '\\' | '%') || (at == 0 && c == '.') {
            let mut octets = [0; 4];
            for octet in c.encode_utf8(&mut octets).bytes() {
                out.push_str(&format!("%{octet:02X}"));
            }
        } else {
            out.push(c);
        }
    }
    if out.is_empty() { "%".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_modified_utf7() {
        assert_eq!(to_modified_utf7("Entwürfe"), "Entw&APw-rfe");
        assert_eq!(to_modified_utf7("台北"), "&U,BTFw-");
        assert_eq!(to_modified_utf7("A & B"), "A &- B");
        for name in ["", "a", "a.b/c", "&", "&-", "ä&", "&&", "日本語.x", "😀"] {
            let encoded = to_modified_utf7(name);
            assert!(!encoded.contains(['.', '/']), "{encoded}");
            assert_eq!(from_modified_utf7(&encoded), name);
        }
    }

    #[test]
    fn what_is_no_utf7_stays() {
        for name in ["a&b", "a&b-", "&!-", "&AA-", "&2D0-"] {
            assert_eq!(from_modified_utf7(name), name);
        }
    }

    #[test]
    fn no_name_leads_elsewhere() {
        assert_eq!(to_file_name(".."), "%2E.");
        assert_eq!(to_file_name("a/b\0"), "a%2Fb%00");
        assert_eq!(to_file_name("Köln"), "Köln");
        assert_eq!(to_file_name(""), "%");
    }
}
