//! Messages that the host makes: letters of other components, and answers of who is away.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use concierge_mail_message::Field;
use concierge_mail_message::make::{self, Content, DraftPart};

use crate::types::calls::outgoing::Attachment;

/// Bytes of UTF-8 of an encoded word, so that it has at most 75 characters (RFC 2047 §2).
const ENCODED_WORD_MAX_BYTES: usize = 45;

/// Attachments that are no blobs, by the names that the draft has for them.
pub(super) type Attached = HashMap<String, Vec<u8>>;

/// A field.
pub(super) fn field(name: &str, value: impl Into<String>) -> Field {
    Field {
        name: name.to_owned(),
        value: value.into(),
    }
}

/// A text for a field, as encoded words where it is not plain ASCII (RFC 2047).
pub(super) fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let text: String = text.split(['\r', '\n']).collect::<Vec<_>>().join(" ");
    match text.bytes().all(is_plain) && !text.contains("=?") {
        true => text,
        false => words(&text),
    }
}

fn words(text: &str) -> String {
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if word.len() + c.len_utf8() > ENCODED_WORD_MAX_BYTES {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let words = words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
    words.collect::<Vec<_>>().join(" ")
}

/// An address with its name, for From and the like (RFC 5322 §3.4).
pub(super) fn mailbox(name: Option<&str>, address: &str) -> String {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return address.to_owned();
    };
    let is_plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if name.bytes().all(is_plain) && !name.contains("=?") {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{quoted}\" <{address}>");
    }
    format!("{} <{address}>", encoded(name))
}

/// A message of a text, the same as HTML, and files.
pub(super) fn letter(
    headers: Vec<Field>,
    text: String,
    html: Option<String>,
    attachments: Vec<Attachment>,
) -> (make::Draft, Attached) {
    let mut parts = Vec::new();
    let mut attached = Attached::new();
    let depth = u32::from(!attachments.is_empty());
    if depth > 0 {
        parts.push(part(0, "multipart/mixed", Content::Parts));
    }
    match html {
        None => parts.push(part(depth, "text/plain", Content::Text(text))),
        Some(html) => parts.extend([
            part(depth, "multipart/alternative", Content::Parts),
            part(depth + 1, "text/plain", Content::Text(text)),
            part(depth + 1, "text/html", Content::Text(html)),
        ]),
    }
    for (number, attachment) in attachments.into_iter().enumerate() {
        // No id of a blob begins so.
        let name = format!("#{number}");
        let (content_type, charset) = media(&attachment.content_type);
        parts.push(DraftPart {
            charset: charset.map(str::to_owned),
            name: Some(attachment.name),
            disposition: Some("attachment".to_owned()),
            ..part(1, content_type, Content::Blob(name.clone()))
        });
        attached.insert(name, attachment.bytes);
    }
    (make::Draft { headers, parts }, attached)
}

/// A media type, and the charset that may be behind it. Other parameters are none that files have: what has them is no media
/// type to whoever makes the message.
fn media(content_type: &str) -> (&str, Option<&str>) {
    let Some((kind, parameter)) = content_type.split_once(';') else {
        return (content_type, None);
    };
    match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            (kind.trim(), Some(value.trim().trim_matches('"')))
        }
        _ => (content_type, None),
    }
}

fn part(depth: u32, content_type: &str, content: Content) -> DraftPart {
    DraftPart {
        depth,
        content_type: content_type.to_owned(),
        charset: None,
        name: None,
        disposition: None,
        cid: None,
        language: Vec::new(),
        location: None,
        headers: Vec::new(),
        content,
    }
}

/// A message without its Bcc fields, of which its recipients must not know (RFC 8621 §7.5); `None`: it has none.
pub(super) fn without_bcc(message: &[u8]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    let mut at = 0;
    let mut is_bcc = false;
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii().is_empty() {
            break;
        }
        at += line.len();
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            let name = name.trim_ascii_end();
            is_bcc = name.eq_ignore_ascii_case(b"bcc") || name.eq_ignore_ascii_case(b"resent-bcc");
        }
        if !is_bcc {
            kept.extend_from_slice(line);
        }
    }
    if kept.len() == at {
        return None;
    }
    kept.extend_from_slice(message.get(at..).unwrap_or_default());
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bcc_goes_with_its_folds_and_nothing_else_does() {
        let message =
            b"From: a@b\r\nbCC : c@d,\r\n\te@f\r\nTo: g@h\r\nResent-Bcc: i@j\r\n\r\nBcc: text\r\n";
        let kept = without_bcc(message).unwrap();
        assert_eq!(kept, b"From: a@b\r\nTo: g@h\r\n\r\nBcc: text\r\n");
        assert_eq!(without_bcc(&kept), None);
        assert_eq!(without_bcc(b"Bcc: a@b").unwrap(), b"");
        assert_eq!(without_bcc(b""), None);
    }

    #[test]
    fn a_media_type_may_have_a_charset() {
        for (given, expected) in [
            ("image/png", ("image/png", None)),
            (
                "text/calendar; charset=utf-8",
                ("text/calendar", Some("utf-8")),
            ),
            (
                "text/plain;Charset=\"us-ascii\"",
                ("text/plain", Some("us-ascii")),
            ),
            ("text/plain; x=y", ("text/plain; x=y", None)),
        ] {
            assert_eq!(media(given), expected);
        }
    }

    #[test]
    fn words_are_encoded_and_read_back() {
        assert_eq!(encoded("plain text"), "plain text");
        let long = "Grüße aus 京都 ".repeat(20);
        let value = encoded(&long);
        assert!(
            value
                .split(' ')
                .all(|word| word.is_ascii() && word.len() <= 75)
        );
        assert_eq!(
            concierge_mail_message::text(value.as_bytes()).trim_end(),
            long.trim_end()
        );
        assert!(!encoded("a\r\nBcc: b@c").contains(['\r', '\n']));
        let read = concierge_mail_message::addresses(mailbox(Some("A \"B\" \\"), "a@b").as_bytes());
        assert_eq!(read[0].name.as_deref(), Some("A \"B\" \\"));
    }
}
