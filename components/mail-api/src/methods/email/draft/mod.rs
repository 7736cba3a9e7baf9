//! Emails that are to be made (RFC 8621 §4.6), from their properties.

mod body;
mod encode;
mod fields;

use serde_json::{Map, Value, json};

use self::body::Body;
use self::fields::Fields;
use super::placement::Placement;
use crate::bindings::concierge::mail::emails::{Content, Draft, Field};
use crate::jmap::context::CreatedIds;
use crate::jmap::error::{SetError, SetKind};
use crate::methods::properties::Properties;

/// Reads an email that is to be made.
///
/// # Errors
///
/// `invalidProperties` with all that are not as they must be, `blobNotFound` where a creation id stands for no blob.
pub fn read(mut members: Map<String, Value>, created: &CreatedIds) -> Result<Draft, SetError> {
    let mut faults = Vec::new();
    let headers = Fields::of_email(&mut members, &mut faults).finish();
    let body = Body::take(&mut members, created, &mut faults);
    let root = body.parts.first();
    if let Some(name) = root.and_then(|root| both_have(&headers, &root.headers)) {
        let why = format!("The field {name:?} is the email's already.");
        faults.push(("bodyStructure".to_owned(), why));
    }
    let mut properties = Properties::of_new(members);
    let placement = Placement::take(&mut properties, created);
    for (name, why) in faults {
        properties.fault(&name, why);
    }
    properties.finish()?;
    if !body.missing.is_empty() {
        let error = SetError::new(SetKind::BlobNotFound, "Nothing was created under an id.");
        return Err(error.with("notFound", json!(body.missing)));
    }
    Ok(Draft {
        headers,
        parts: body.parts,
        mailboxes: placement.mailboxes,
        keywords: placement.keywords.unwrap_or_default(),
        received_us: placement.received_us,
    })
}

/// The blobs that a draft needs, each once.
pub fn blobs(draft: &Draft) -> Vec<String> {
    let mut blobs: Vec<String> = Vec::new();
    for part in &draft.parts {
        if let Content::Blob(blob) = &part.content
            && !blobs.contains(blob)
        {
            blobs.push(blob.clone());
        }
    }
    blobs
}

/// The header of a message is also that of its outermost part.
fn both_have<'f>(email: &[Field], root: &'f [Field]) -> Option<&'f str> {
    let is_there = |name: &str| {
        let mut fields = email.iter();
        fields.any(|field| field.name.eq_ignore_ascii_case(name))
    };
    let found = root.iter().find(|field| is_there(&field.name));
    found.map(|field| field.name.as_str())
}

#[cfg(test)]
mod tests;
