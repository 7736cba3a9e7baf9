//! Values of header fields as they are sent: encoded (RFC 2047) and not folded, for the host folds
//! (`wit/mail/emails.wit`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::fmt::temporal::Pieces;

use crate::header::addresses::{self, EmailAddress, Group};
use crate::header::ids;

/// Octets of a word beyond which it is encoded though it is ASCII: a line has at most 998 (RFC 5322 §2.1.1), and it is
/// only between words that it can be folded.
const WORD_BYTES_MAX: usize = 900;

/// Octets of an encoded word's inside (RFC 2047 §2: 75 with `=?UTF-8?Q?` and `?=`).
const INSIDE_BYTES_MAX: usize = 75 - "=?UTF-8?Q??=".len();

/// The form Text. What needs no encoding stays as it is.
///
/// # Errors
///
/// A sentence where it has control characters.
pub fn text(text: &str) -> Result<String, String> {
    let is_control = |one: char| one.is_control() && one != '\t';
    if text.chars().any(is_control) {
        return Err("It has control characters.".to_owned());
    }
    let is_blank = |one: char| matches!(one, ' ' | '\t');
    let mut words = text.split(is_blank).filter(|word| needs_encoding(word));
    let Some(first) = words.next() else {
        return Ok(text.to_owned());
    };
    // One run from the first to the last of them: blanks between encoded words would be lost (RFC 2047 §6.2).
    let last = words.next_back().unwrap_or(first);
    let start = offset(text, first);
    let end = offset(text, last) + last.len();
    let (before, run, behind) = (text.get(..start), text.get(start..end), text.get(end..));
    let part = Option::unwrap_or_default;
    Ok(format!(
        "{}{}{}",
        part(before),
        encoded(part(run)),
        part(behind)
    ))
}

/// Where a part of a text begins in it.
fn offset(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// Whether a word would not be read as it is.
fn needs_encoding(word: &str) -> bool {
    !word.is_ascii() || word.contains("=?") || word.len() > WORD_BYTES_MAX
}

/// A text as encoded words: "the 'Q' encoding is recommended for use when most of the characters to be encoded are in
/// the ASCII character set; otherwise, the 'B' encoding" (RFC 2047 §4).
fn encoded(text: &str) -> String {
    let ascii = text.chars().filter(char::is_ascii).count();
    let mostly_ascii = ascii * 2 > text.chars().count();
    match mostly_ascii {
        true => words(
            text,
            'Q',
            INSIDE_BYTES_MAX,
            |one| quoted_char(one).len(),
            quoted_word,
        ),
        false => words(
            text,
            'B',
            INSIDE_BYTES_MAX / 4 * 3,
            char::len_utf8,
            |word| STANDARD.encode(word),
        ),
    }
}

/// Encoded words of at most `cost_max`, none of which ends within a character (RFC 2047 §5).
fn words(
    text: &str,
    encoding: char,
    cost_max: usize,
    cost: impl Fn(char) -> usize,
    inside: impl Fn(&str) -> String,
) -> String {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut spent = 0;
    for one in text.chars() {
        let cost = cost(one);
        if spent + cost > cost_max {
            words.push(std::mem::take(&mut word));
            spent = 0;
        }
        word.push(one);
        spent += cost;
    }
    words.push(word);
    let words = words.iter().map(|word| inside(word));
    let words: Vec<String> = words
        .map(|inside| format!("=?UTF-8?{encoding}?{inside}?="))
        .collect();
    words.join(" ")
}

fn quoted_word(word: &str) -> String {
    word.chars().map(quoted_char).collect()
}

/// RFC 2047 §4.2, with the octets that may stand in a phrase (§5 (3)).
fn quoted_char(one: char) -> String {
    match one {
        ' ' => "_".to_owned(),
        one if one.is_ascii_alphanumeric() || "!*+-/".contains(one) => one.to_string(),
        one => {
            let mut octets = [0; 4];
            let octets = one.encode_utf8(&mut octets).bytes();
            octets.map(|octet| format!("={octet:02X}")).collect()
        }
    }
}

/// A display name: as it is, in quotes, or encoded.
fn phrase(name: &str) -> String {
    let is_atom = |one: u8| one.is_ascii_alphanumeric() || b" !#$%&'*+-/=?^_`{|}~".contains(&one);
    let is_plain = name.bytes().all(|one| matches!(one, b' '..=b'~'));
    let long = name.split(' ').any(needs_encoding);
    if !is_plain || long {
        encoded(name)
    } else if name.bytes().all(is_atom) && name.trim() == name && !name.contains("  ") {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

fn address(address: &EmailAddress) -> String {
    match address.name.as_deref().filter(|name| !name.is_empty()) {
        None => address.email.clone(),
        Some(name) => format!("{} <{}>", phrase(name), address.email),
    }
}

fn list(list: &[EmailAddress]) -> String {
    let written: Vec<String> = list.iter().map(address).collect();
    written.join(", ")
}

fn emails(list: &[EmailAddress]) -> Vec<&str> {
    list.iter().map(|address| address.email.as_str()).collect()
}

/// A name alone is read as an address that is empty.
fn are_named(list: &[EmailAddress]) -> bool {
    list.iter().all(|address| !address.email.is_empty())
}

/// The form Addresses.
///
/// # Errors
///
/// A sentence where what is written would not be read as the same addresses.
pub fn addresses(given: &[EmailAddress]) -> Result<String, String> {
    names(given.iter().filter_map(|address| address.name.as_deref()))?;
    let value = list(given);
    let read = addresses::addresses(&value);
    let same = are_named(given) && emails(&read) == emails(given);
    match value.is_ascii() && same {
        true => Ok(value),
        false => Err("An address is not of its form, or not ASCII.".to_owned()),
    }
}

/// The form GroupedAddresses.
///
/// # Errors
///
/// A sentence where what is written would not be read as the same groups.
pub fn groups(given: &[Group]) -> Result<String, String> {
    let members = given.iter().flat_map(|group| &group.addresses);
    names(members.filter_map(|address| address.name.as_deref()))?;
    names(given.iter().filter_map(|group| group.name.as_deref()))?;
    let written: Vec<String> = given
        .iter()
        .map(|group| match &group.name {
            None => list(&group.addresses),
            Some(name) => format!("{}: {};", phrase(name), list(&group.addresses)),
        })
        .collect();
    let value = written.join(", ");
    let read = addresses::groups(&value);
    let same = read.len() == given.len()
        && read.iter().zip(given).all(|(read, given)| {
            read.name.is_some() == given.name.is_some()
                && are_named(&given.addresses)
                && emails(&read.addresses) == emails(&given.addresses)
        });
    match value.is_ascii() && same {
        true => Ok(value),
        false => Err("A group is not of its form, or not ASCII.".to_owned()),
    }
}

fn names<'n>(mut names: impl Iterator<Item = &'n str>) -> Result<(), String> {
    match names.any(|name| name.chars().any(char::is_control)) {
        true => Err("A name has control characters.".to_owned()),
        false => Ok(()),
    }
}

/// The form MessageIds.
///
/// # Errors
///
/// A sentence where what is written would not be read as the same ids.
pub fn message_ids(given: &[String]) -> Result<String, String> {
    let written: Vec<String> = given.iter().map(|id| format!("<{id}>")).collect();
    let value = written.join(" ");
    let same = ids::message_ids(&value).as_deref() == Some(given);
    match value.bytes().all(|one| matches!(one, b' '..=b'~')) && same {
        true => Ok(value),
        false => Err("A message id is not of its form.".to_owned()),
    }
}

/// The form URLs (RFC 2369 §2).
///
/// # Errors
///
/// A sentence where what is written would not be read as the same URLs.
pub fn urls(given: &[String]) -> Result<String, String> {
    let written: Vec<String> = given.iter().map(|url| format!("<{url}>")).collect();
    let value = written.join(", ");
    let same = ids::urls(&value).as_deref() == Some(given);
    match value.bytes().all(|one| matches!(one, b' '..=b'~')) && same {
        true => Ok(value),
        false => Err("A URL is not of its form.".to_owned()),
    }
}

/// The form Date: RFC 3339 becomes RFC 5322 §3.3, in the zone that was given.
///
/// # Errors
///
/// A sentence where it is no date.
pub fn date(given: &str) -> Result<String, String> {
    let no_date = || "A date is of the form YYYY-MM-DDTHH:MM:SS+HH:MM.".to_owned();
    let shape = |one: u8| one.is_ascii_digit() || b"-:.TZ+".contains(&one);
    if !given.bytes().all(shape) {
        return Err(no_date());
    }
    let pieces = Pieces::parse(given).map_err(|_| no_date())?;
    let (Some(time), Some(offset)) = (pieces.time(), pieces.to_numeric_offset()) else {
        return Err(no_date());
    };
    let date = pieces.date();
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let zone = format!("{sign}{:02}{:02}", minutes.abs() / 60, minutes.abs() % 60);
    let day = date.strftime("%a, %d %b %Y");
    let time = time.strftime("%H:%M:%S");
    Ok(format!("{day} {time} {zone}"))
}

/// The form Raw: folds go, and what begins it, a space.
///
/// # Errors
///
/// A sentence where it would end the field, or is not ASCII.
pub fn raw(given: &str) -> Result<String, String> {
    let unfolded = given.replace("\r\n ", " ").replace("\r\n\t", "\t");
    let allowed = |one: u8| matches!(one, b' '..=b'~' | b'\t');
    match unfolded.bytes().all(allowed) {
        true => Ok(unfolded.trim().to_owned()),
        false => Err("A raw value is ASCII without control characters.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header;

    #[test]
    fn texts_are_read_as_they_were_given() {
        for (given, expected) in [
            ("Hello, world", "Hello, world"),
            ("a  b", "a  b"),
            ("", ""),
            (
                "Grüße aus Köln",
                "=?UTF-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=",
            ),
            ("Re: Köln is nice", "Re: =?UTF-8?Q?K=C3=B6ln?= is nice"),
            ("日本語", "=?UTF-8?B?5pel5pys6Kqe?="),
            ("=?x", "=?UTF-8?Q?=3D=3Fx?="),
        ] {
            let value = text(given).unwrap();
            assert_eq!(value, expected);
            assert_eq!(header::text::text(&value), given);
        }
        for long in [
            "ä".repeat(500),
            "日本 ".repeat(200) + "x",
            "x".repeat(2_000),
        ] {
            let value = text(&long).unwrap();
            assert!(value.is_ascii());
            assert!(value.split(' ').all(|word| word.len() <= 75), "{value}");
            assert_eq!(header::text::text(&value), long);
        }
        for given in ["a\r\nBcc: b@example.com", "a\nb", "a\0b", "\u{7f}"] {
            assert!(text(given).is_err(), "{given:?}");
        }
    }

    fn named(name: Option<&str>, email: &str) -> EmailAddress {
        EmailAddress {
            name: name.map(str::to_owned),
            email: email.to_owned(),
        }
    }

    #[test]
    fn addresses_are_read_as_they_were_given() {
        for (name, expected) in [
            (None, "jb@example.com"),
            (Some("James Smythe"), "James Smythe <jb@example.com>"),
            (Some("Smythe, J."), "\"Smythe, J.\" <jb@example.com>"),
            (
                Some("a \"b\" \\c"),
                "\"a \\\"b\\\" \\\\c\" <jb@example.com>",
            ),
            (Some("Jörg"), "=?UTF-8?Q?J=C3=B6rg?= <jb@example.com>"),
        ] {
            let given = [named(name, "jb@example.com")];
            let value = addresses(&given).unwrap();
            assert_eq!(value, expected);
            assert_eq!(header::addresses::addresses(&value), given);
        }
        let two = [
            named(None, "a@example.com"),
            named(Some("B"), "b@example.com"),
        ];
        assert_eq!(addresses(&two).unwrap(), "a@example.com, B <b@example.com>");
        for email in [
            "",
            "a@example.com, b@example.com",
            "a@example.com> <b@example.com",
            "a@b\r\nBcc: c@d",
            "ü@example.com",
        ] {
            assert!(addresses(&[named(None, email)]).is_err(), "{email:?}");
            assert!(addresses(&[named(Some("n"), email)]).is_err(), "{email:?}");
        }
        assert!(addresses(&[named(Some("a\r\nb"), "a@b.c")]).is_err());
    }

    /// RFC 8621 §4.1.2.4.
    #[test]
    fn groups_are_read_as_they_were_given() {
        let group = |name: Option<&str>, addresses: &[EmailAddress]| Group {
            name: name.map(str::to_owned),
            addresses: addresses.to_vec(),
        };
        let given = [
            group(None, &[named(Some("James Smythe"), "james@example.com")]),
            group(
                Some("Friends"),
                &[
                    named(None, "jane@example.com"),
                    named(Some("John Smîth"), "john@example.com"),
                ],
            ),
        ];
        let value = groups(&given).unwrap();
        let expected = "James Smythe <james@example.com>, \
            Friends: jane@example.com, =?UTF-8?Q?John_Sm=C3=AEth?= <john@example.com>;";
        assert_eq!(value, expected);
        assert_eq!(header::addresses::groups(&value), given);
        assert_eq!(groups(&[group(Some("None"), &[])]).unwrap(), "None: ;");
    }

    #[test]
    fn ids_and_urls_stand_in_brackets() {
        let owned = |texts: &[&str]| -> Vec<String> {
            texts.iter().map(|text| (*text).to_owned()).collect()
        };
        let ids = owned(&["a@example.com", "b@example.com"]);
        assert_eq!(
            message_ids(&ids).unwrap(),
            "<a@example.com> <b@example.com>"
        );
        for id in ["a b@c> <d@e", "a@b\r\nX: y", ""] {
            assert!(message_ids(&owned(&[id])).is_err(), "{id:?}");
        }
        let links = owned(&["https://example.com/u?x=1,2", "mailto:x@example.com"]);
        let value = "<https://example.com/u?x=1,2>, <mailto:x@example.com>";
        assert_eq!(urls(&links).unwrap(), value);
        assert!(urls(&owned(&["a>, <b"])).is_err());
    }

    #[test]
    fn dates_keep_their_zone() {
        for (given, expected) in [
            (
                "2022-10-13T09:05:01+02:00",
                "Thu, 13 Oct 2022 09:05:01 +0200",
            ),
            ("2022-10-13T09:05:01Z", "Thu, 13 Oct 2022 09:05:01 +0000"),
            (
                "2022-10-03T09:05:01-03:30",
                "Mon, 03 Oct 2022 09:05:01 -0330",
            ),
        ] {
            let value = date(given).unwrap();
            assert_eq!(value, expected);
            assert_eq!(header::date::date(&value).as_deref(), Some(given));
        }
        for given in [
            "",
            "2022-10-13",
            "2022-10-13T09:05:01",
            "2022-13-13T09:05:01Z",
            "x",
        ] {
            assert!(date(given).is_err(), "{given}");
        }
    }

    #[test]
    fn raw_values_are_unfolded() {
        assert_eq!(raw(" a\r\n b\r\n\tc"), Ok("a b\tc".to_owned()));
        for given in ["a\r\nBcc: b", "a\n b", "ä", "a\0"] {
            assert!(raw(given).is_err(), "{given:?}");
        }
    }
}
