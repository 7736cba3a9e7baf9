//! Emails as clients read them (RFC 8621 §4.1).

use serde_json::{Map, Value, json};

use super::parts;
use super::properties::{Property, Wanted};
use super::room::Room;
use crate::bindings::concierge::mail::emails::{BodyValue, Email};
use crate::header::property;
use crate::jmap::error::MethodError;
use crate::jmap::value::UtcDate;

/// What an email is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is in the account.
    Stored,
    /// It was read of a blob: it has no id, mailboxes, keywords, thread or time of arrival (RFC 8621 §4.9).
    Parsed,
}

/// An email with the properties that are wanted.
///
/// # Errors
///
/// `requestTooLarge` where there is no room for it.
pub fn object(
    email: &Email,
    origin: Origin,
    wanted: &Wanted,
    room: &mut Room,
) -> Result<Value, MethodError> {
    let mut members = Map::new();
    for (name, property) in &wanted.properties {
        let value = match (origin, property) {
            (_, Property::BodyStructure) => parts::tree(&email.parts, &wanted.part, room)?,
            (_, Property::TextBody) => {
                parts::list(&email.parts, |part| part.in_text_body, &wanted.part, room)?
            }
            (_, Property::HtmlBody) => {
                parts::list(&email.parts, |part| part.in_html_body, &wanted.part, room)?
            }
            (_, Property::Attachments) => {
                parts::list(&email.parts, |part| part.in_attachments, &wanted.part, room)?
            }
            (Origin::Parsed, property) if is_of_the_store(property) => Value::Null,
            (_, property) => room.take(simple(email, property))?,
        };
        members.insert(name.clone(), value);
    }
    Ok(Value::Object(members))
}

fn is_of_the_store(property: &Property) -> bool {
    matches!(
        property,
        Property::Id
            | Property::ThreadId
            | Property::MailboxIds
            | Property::Keywords
            | Property::ReceivedAt
    )
}

/// A property that is not made of parts.
fn simple(email: &Email, property: &Property) -> Value {
    match property {
        Property::Id => email.id.as_str().into(),
        Property::BlobId => email.blob_id.as_str().into(),
        Property::ThreadId => email.thread_id.as_str().into(),
        Property::MailboxIds => set(&email.mailboxes),
        Property::Keywords => set(&email.keywords),
        Property::Size => email.size.into(),
        Property::ReceivedAt => UtcDate(email.received_us).text().into(),
        Property::Headers => email.headers.iter().map(property::field).collect(),
        Property::Header(header) => header.value(&email.headers),
        Property::BodyValues => body_values(&email.texts),
        Property::HasAttachment => email.has_attachment.into(),
        Property::Preview => email.preview.as_str().into(),
        Property::BodyStructure
        | Property::TextBody
        | Property::HtmlBody
        | Property::Attachments => Value::Null,
    }
}

/// A set is a map to `true`.
fn set(items: &[String]) -> Value {
    let members = items.iter().map(|item| (item.clone(), Value::Bool(true)));
    Value::Object(members.collect())
}

fn body_values(texts: &[BodyValue]) -> Value {
    let value = |text: &BodyValue| {
        json!({
            "value": text.value,
            "isEncodingProblem": text.encoding_problem,
            "isTruncated": text.truncated,
        })
    };
    let members = texts.iter().map(|text| (text.part_id.clone(), value(text)));
    Value::Object(members.collect())
}
