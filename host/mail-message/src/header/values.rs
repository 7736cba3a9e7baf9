//! What fields say.

use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, Address, DateTime, HeaderValue};

use crate::bytes::{head, part};
use crate::limits::{ADDRESSES_MAX, FIELD_MAX_BYTES, MESSAGE_ID_MAX_BYTES};

/// Longest name of a charset in an encoded word, octets. The longest that IANA knows has 45.
const CHARSET_MAX_BYTES: usize = 64;

/// An address with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Decoded.
    pub name: Option<String>,
    /// `local@domain`, or whatever stands in its place.
    pub address: String,
}

/// The text of an unstructured field, decoded (RFC 2047) and unfolded.
pub fn text(value: &[u8]) -> String {
    let value = defused(value);
    match MessageStream::new(&value).parse_unstructured() {
        HeaderValue::Text(text) => text.into_owned(),
        _ => String::new(),
    }
}

/// The addresses of a field like To, those of groups too (RFC 5322 §3.4), at most [`ADDRESSES_MAX`]. Names that
/// have no address are left out.
pub fn addresses(value: &[u8]) -> Vec<Mailbox> {
    let value = defused(value);
    let addresses = match MessageStream::new(&value).parse_address() {
        HeaderValue::Address(Address::List(list)) => list,
        HeaderValue::Address(Address::Group(groups)) => groups
            .into_iter()
            .flat_map(|group| group.addresses)
            .collect(),
        _ => Vec::new(),
    };
    let mailboxes = addresses.into_iter().filter_map(mailbox);
    mailboxes.take(ADDRESSES_MAX).collect()
}

fn mailbox(address: Addr<'_>) -> Option<Mailbox> {
    let name = address.name.map(|name| name.trim().to_owned());
    Some(Mailbox {
        name: name.filter(|name| !name.is_empty()),
        address: address.address?.into_owned(),
    })
}

/// The message ids in a field, `<` and `>` and what blanks folding left in them removed, in their order (RFC 5322
/// §3.6.4). What stands between them is passed over.
pub fn message_ids(value: &[u8]) -> Vec<String> {
    bracketed(value).into_iter().map(|(id, _, _)| id).collect()
}

/// Message ids with the places of their brackets.
pub(crate) fn bracketed(value: &[u8]) -> Vec<(String, usize, usize)> {
    let mut ids = Vec::new();
    let mut open = None;
    for at in memchr::memchr2_iter(b'<', b'>', value) {
        match (value.get(at), open) {
            (Some(b'<'), _) => open = Some(at),
            (_, Some(start)) => {
                open = None;
                let id = without_blanks(part(value, start + 1..at));
                ids.extend(id.map(|id| (id, start, at)));
            }
            _ => {}
        }
    }
    ids
}

/// An id, if it can be one.
pub(crate) fn without_blanks(id: &[u8]) -> Option<String> {
    if id.len() > MESSAGE_ID_MAX_BYTES {
        return None;
    }
    let id: Vec<u8> = id
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    (!id.is_empty()).then(|| String::from_utf8_lossy(&id).into_owned())
}

/// The time that a Date field tells, microseconds since the Unix epoch (RFC 5322 §3.3, with the obsolete forms of
/// §4.3). `None` where it is none, or before the epoch.
pub fn date_us(value: &[u8]) -> Option<u64> {
    /// Far more than a date with its comment has.
    const MAX_BYTES: usize = 256;
    let value = head(value, MAX_BYTES);
    // A time without zone is met, and better than none.
    let date = parsed_date(value).or_else(|| parsed_date(&[value, b" +0000"].concat()))?;
    // A leap second is the one after it.
    let mut valid = date;
    valid.second = valid.second.min(59);
    let seconds = date.to_timestamp();
    valid
        .is_valid()
        .then_some(seconds)
        .and_then(|seconds| u64::try_from(seconds).ok())
        .and_then(|seconds| seconds.checked_mul(1_000_000))
}

fn parsed_date(value: &[u8]) -> Option<DateTime> {
    match MessageStream::new(&with_end(value)).parse_date() {
        HeaderValue::DateTime(date) => Some(date),
        _ => None,
    }
}

/// A value as the parser wants it: with a line break behind it, and with `=?` only where an encoded word begins. It
/// looks for the end of each up to the end of the field, so that a field full of beginnings would cost its square.
pub(super) fn defused(value: &[u8]) -> Vec<u8> {
    let value = head(value, FIELD_MAX_BYTES);
    let mut safe = Vec::with_capacity(value.len() + 2);
    let mut copied = 0;
    let mut done = 0;
    for at in memchr::memmem::find_iter(value, b"=?") {
        if at < done {
            continue;
        }
        match encoded_word_length(part(value, at..value.len())) {
            Some(length) => done = at + length,
            None => {
                safe.extend_from_slice(part(value, copied..at));
                copied = at + 1;
            }
        }
    }
    safe.extend_from_slice(part(value, copied..value.len()));
    safe.extend_from_slice(b"\r\n");
    safe
}

/// The length of the encoded word at the start (RFC 2047 §2): `=?charset?B?text?=`, its text without a question mark.
fn encoded_word_length(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"=?")?;
    let charset = memchr::memchr(b'?', head(rest, CHARSET_MAX_BYTES + 1))?;
    let rest = part(rest, charset + 1..rest.len());
    let [b'b' | b'B' | b'q' | b'Q', b'?', text @ ..] = rest else {
        return None;
    };
    let end = memchr::memchr(b'?', text)?;
    (text.get(end + 1) == Some(&b'=')).then_some(2 + charset + 1 + 2 + end + 2)
}

/// A value with a line break behind it.
pub(super) fn with_end(value: &[u8]) -> Vec<u8> {
    [value, b"\r\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded() {
        assert_eq!(text(b" Re: =?utf-8?q?K=C3=B6ln?="), "Re: Köln");
        assert_eq!(
            text(b" =?UTF-8?B?w6Q=?=\r\n =?iso-8859-1?Q?=FC?= b"),
            "äü b"
        );
        assert_eq!(text(b" a\r\n b"), "a b");
        assert_eq!(text("ä".as_bytes()), "ä");
        assert_eq!(text(b""), "");
        assert_eq!(text(b" =?utf-8?q?open"), "?utf-8?q?open");
    }

    #[test]
    fn addresses_are_found_in_groups_too() {
        let mailboxes = addresses(
            b" =?utf-8?q?J=C3=BCrgen?= <j@example.org>, \"A, B\" <ab@example.org>,\r\n c@example.org",
        );
        let names: Vec<_> = mailboxes.iter().map(|m| m.name.as_deref()).collect();
        assert_eq!(names, [Some("Jürgen"), Some("A, B"), None]);
        let mails: Vec<_> = mailboxes.iter().map(|m| m.address.as_str()).collect();
        assert_eq!(mails, ["j@example.org", "ab@example.org", "c@example.org"]);
        let group = addresses(b"friends: a@example.org, B <b@example.org>;, c@example.org");
        assert_eq!(group.len(), 3);
        assert_eq!(addresses(b"undisclosed-recipients:;"), []);
    }

    #[test]
    fn a_hundred_thousand_addresses_are_read() {
        let mut value = Vec::new();
        for number in 0..ADDRESSES_MAX + 5 {
            value.extend_from_slice(format!("n{number} <a{number}@example.org>,\r\n ").as_bytes());
        }
        let mailboxes = addresses(&value);
        assert!(mailboxes.len() > 90_000, "{}", mailboxes.len());
        assert!(mailboxes.len() <= ADDRESSES_MAX);
    }

    #[test]
    fn beginnings_of_words_that_never_end_cost_no_square() {
        // The parser would look through four megabytes for each of 700,000 beginnings.
        let flood = b"=?a?q?".repeat(FIELD_MAX_BYTES / 6);
        assert!(!text(&flood).is_empty());
        let _ = addresses(&flood);
        let flood = b"<=?us-ascii?b?".repeat(FIELD_MAX_BYTES / 14);
        let _ = addresses(&flood);
    }

    #[test]
    fn ids_lose_brackets_and_folds() {
        let ids = message_ids(b" <a@b>\r\n\t<c\r\n d@e> <> <open <f@g>> h@i");
        assert_eq!(ids, ["a@b", "cd@e", "f@g"]);
    }

    #[test]
    fn dates_are_read() {
        assert_eq!(
            date_us(b" Thu, 26 Nov 2026 03:04:05 +0100"),
            Some((20_783 * 86_400 + 2 * 3_600 + 4 * 60 + 5) * 1_000_000)
        );
        assert_eq!(
            date_us(b" 1 Jan 70 00:00:01 GMT (comment)"),
            Some(1_000_000)
        );
        assert!(date_us(b" Thu, 31 Dec 1998 23:59:60 +0000").is_some());
        assert_eq!(date_us(b" 1 Jan 1960 00:00:00 +0000"), None);
        assert_eq!(date_us(b" 99 Foo 2026 03:04:05 +0100"), None);
        assert_eq!(date_us(b" soon"), None);
        assert_eq!(date_us(b" 1 Jan 1970 00:00:01"), Some(1_000_000));
    }
}
