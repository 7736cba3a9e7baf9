//! `Email/import` (RFC 8621 §4.8).

use serde_json::{Map, Value};

use super::all::NO_DETAIL;
use super::made::MadeAnswer;
use super::placement::Placement;
use crate::bindings::concierge::mail::accounts::{Reason, Refusal};
use crate::bindings::concierge::mail::emails::{Detail, Edit, Email, Message};
use crate::header;
use crate::host::Host;
use crate::jmap::context::{Arguments, Context, CreatedIds};
use crate::jmap::error::{Kind, MethodError, SetError};
use crate::jmap::limits::OBJECTS_IN_SET_MAX;
use crate::jmap::set::{if_in_state, objects};
use crate::methods::properties::Properties;

/// Messages whose headers are read at once: a header has at most some 256 KiB, and an instance 64 MiB.
const READ_AT_ONCE_MAX: usize = 16;

/// Runs it.
///
/// # Errors
///
/// Those of RFC 8621 §4.8.
pub async fn run<H: Host>(
    context: &mut Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let account: String = arguments.require("accountId")?;
    let state: Option<String> = arguments.take("ifInState")?;
    let emails: Map<String, Value> = arguments.require("emails")?;
    arguments.finish()?;
    context.writable(&account)?;
    let state = if_in_state(state.as_deref())?;
    if emails.len() > OBJECTS_IN_SET_MAX {
        let why = format!("At most {OBJECTS_IN_SET_MAX} emails at once.");
        return Err(MethodError::new(Kind::RequestTooLarge, why));
    }
    let mut answer = MadeAnswer::default();
    let mut creations = Vec::new();
    let mut messages = Vec::new();
    for (creation, members) in objects("emails", emails)? {
        match message(members, &context.created) {
            Ok(message) => {
                creations.push(creation);
                messages.push(message);
            }
            Err(error) => answer.refused(&creation, &error),
        }
    }
    date(context, &account, &mut messages).await?;
    let edits = messages.into_iter().map(Edit::Import).collect();
    let host = context.host;
    let mut edited = host
        .set_emails(context.token, &account, state, edits)
        .await?;
    let items = std::mem::take(&mut edited.items);
    answer.take(&creations, items, context, error)?;
    Ok(answer.finish(&account, &edited).into())
}

fn message(members: Map<String, Value>, created: &CreatedIds) -> Result<Message, SetError> {
    let mut properties = Properties::of_new(members);
    let blob: String = properties.require("blobId");
    let blob_id = created.resolve(&blob).map(str::to_owned);
    if blob_id.is_none() {
        properties.fault("blobId", "Nothing was created under this id.");
    }
    let placement = Placement::take(&mut properties, created);
    properties.finish()?;
    Ok(Message {
        blob_id: blob_id.unwrap_or_default(),
        mailboxes: placement.mailboxes,
        keywords: placement.keywords.unwrap_or_default(),
        received_us: placement.received_us,
    })
}

/// Says when messages were received where the client does not: "time of most recent Received header", and without one
/// now, as the host has it.
async fn date<H: Host>(
    context: &Context<'_, H>,
    account: &str,
    messages: &mut [Message],
) -> Result<(), MethodError> {
    let detail = Detail {
        all_headers: true,
        ..NO_DETAIL
    };
    let mut undated: Vec<&mut Message> = messages
        .iter_mut()
        .filter(|message| message.received_us.is_none())
        .collect();
    for some in undated.chunks_mut(READ_AT_ONCE_MAX) {
        let blobs = some.iter().map(|message| message.blob_id.clone()).collect();
        let host = context.host;
        let parsed = host
            .parse_emails(context.token, account, blobs, detail)
            .await?;
        for (message, email) in some.iter_mut().zip(parsed) {
            // What is not found, or no message, is refused when it is imported.
            message.received_us = email.ok().as_ref().and_then(received_us);
        }
    }
    Ok(())
}

/// The date of the first Received field, which is the last that was added (RFC 5321 §4.4). It stands behind the last
/// semicolon.
fn received_us(email: &Email) -> Option<u64> {
    let mut fields = email.headers.iter();
    let field = fields.find(|field| field.name.eq_ignore_ascii_case("Received"))?;
    let (_, date) = field.value.rsplit_once(';')?;
    let date: jiff::Timestamp = header::date::date(date)?.parse().ok()?;
    u64::try_from(date.as_microsecond()).ok()
}

/// RFC 8621 §4.8: a blob that is not found is a property that is not valid.
fn error(refusal: Refusal) -> SetError {
    match refusal.reason {
        Reason::BlobNotFound => SetError::invalid(["blobId"], "There is no such blob."),
        _ => refusal.into(),
    }
}

#[cfg(test)]
mod tests;
