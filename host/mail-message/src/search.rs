//! The text that a message is found by (RFC 8621 §4.4.1).

use crate::bytes::{head, truncate};
use crate::limits::{
    SEARCH_FIELD_MAX_BYTES, SEARCH_HEADER_MAX_BYTES, SEARCH_MAX_BYTES, SUBJECT_MAX_BYTES,
};
use crate::message::{Message, is_text};
use crate::text;

/// Text by field, all together at most [`SEARCH_MAX_BYTES`] as UTF-8. What is beyond is not found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchText {
    /// Names and addresses, as they stand in the field, decoded.
    pub from: String,
    /// The same of To.
    pub to: String,
    /// The same of Cc.
    pub cc: String,
    /// The same of Bcc.
    pub bcc: String,
    /// Decoded.
    pub subject: String,
    /// The texts of the message, without markup; of an alternative all of its forms.
    pub body: String,
    /// The names of attached files, each in a line.
    pub attachment_names: String,
    /// The fields of the header, each in a line `NAME:VALUE`, the value decoded; together at most
    /// [`SEARCH_HEADER_MAX_BYTES`]. Of [`UNSEARCHED_FIELDS`] and of the fields above there is the name alone.
    pub header: String,
}

/// Fields whose values nobody looks for: signatures and what is signed.
pub const UNSEARCHED_FIELDS: [&str; 5] = [
    "ARC-Message-Signature",
    "ARC-Seal",
    "DKIM-Signature",
    "DomainKey-Signature",
    "X-Google-DKIM-Signature",
];

/// Fields that have a text of their own.
const OWN_FIELDS: [&str; 5] = ["From", "To", "Cc", "Bcc", "Subject"];

impl SearchText {
    pub(crate) fn of(message: &Message<'_>) -> Self {
        let mut left = SEARCH_MAX_BYTES;
        let mut field = |name: &str, max: usize| {
            // Encoded words take more room than what they say.
            let value = head(message.header(name).unwrap_or_default(), 4 * max);
            let mut text = text(value);
            truncate(&mut text, max.min(left));
            left = left.saturating_sub(text.len());
            text
        };
        let subject = field("Subject", SUBJECT_MAX_BYTES);
        let from = field("From", SEARCH_FIELD_MAX_BYTES);
        let to = field("To", SEARCH_FIELD_MAX_BYTES);
        let cc = field("Cc", SEARCH_FIELD_MAX_BYTES);
        let bcc = field("Bcc", SEARCH_FIELD_MAX_BYTES);
        let attachment_names = attachment_names(message, left);
        left = left.saturating_sub(attachment_names.len());
        let header = header(message);
        left = left.saturating_sub(header.len());
        Self {
            from,
            to,
            cc,
            bcc,
            subject,
            body: body(message, left),
            attachment_names,
            header,
        }
    }
}

fn header(message: &Message<'_>) -> String {
    let mut header = String::new();
    for field in message.fields() {
        let left = SEARCH_HEADER_MAX_BYTES.saturating_sub(header.len());
        let has_value = !OWN_FIELDS.into_iter().any(|own| field.is(own))
            && !UNSEARCHED_FIELDS.into_iter().any(|name| field.is(name));
        let mut line = String::from_utf8_lossy(field.name).into_owned() + ":";
        if has_value {
            // Encoded words take more room than what they say.
            line += &text(head(field.value, 4 * left)).replace(['\r', '\n'], " ");
        }
        line.push('\n');
        if line.len() > left {
            break;
        }
        header += &line;
    }
    header
}

fn attachment_names(message: &Message<'_>, max: usize) -> String {
    let mut names = String::new();
    for (node, _) in message.nodes() {
        if let Some(name) = &node.content.name {
            names.push_str(name);
            names.push('\n');
        }
    }
    truncate(&mut names, max.min(SEARCH_FIELD_MAX_BYTES));
    names
}

fn body(message: &Message<'_>, max: usize) -> String {
    let mut body = String::new();
    for (node, role) in message.nodes() {
        let left = max.saturating_sub(body.len());
        if left > 0 && is_text(node) && (role.in_text_body || role.in_html_body) {
            body.push_str(&message.plain(node, left));
            body.push('\n');
        }
    }
    truncate(&mut body, max);
    body
}
