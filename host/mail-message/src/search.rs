//! The text that a message is found by (RFC 8621 §4.4.1).

use crate::bytes::{head, truncate};
use crate::limits::{SEARCH_FIELD_MAX_BYTES, SEARCH_MAX_BYTES, SUBJECT_MAX_BYTES};
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
}

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
        Self {
            from,
            to,
            cc,
            bcc,
            subject,
            body: body(message, left),
            attachment_names,
        }
    }
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
