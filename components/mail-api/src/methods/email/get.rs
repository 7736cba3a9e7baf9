//! `Email/get` (RFC 8621 §4.2).

use serde_json::Value;

use super::all::{self, NO_DETAIL};
use super::object::{Origin, object};
use super::properties::{Wanted, reads_messages};
use super::room::Room;
use crate::bindings::concierge::mail::emails::Email;
use crate::host::{Host, State};
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::MethodError;
use crate::jmap::get::{self, GetArguments};

/// What is given where no properties are named (RFC 8621 §4.2).
const DEFAULT: [&str; 24] = [
    "id",
    "blobId",
    "threadId",
    "mailboxIds",
    "keywords",
    "size",
    "receivedAt",
    "messageId",
    "inReplyTo",
    "references",
    "sender",
    "from",
    "to",
    "cc",
    "bcc",
    "replyTo",
    "subject",
    "sentAt",
    "hasAttachment",
    "preview",
    "bodyValues",
    "textBody",
    "htmlBody",
    "attachments",
];

/// Octets of messages that are read in one call of the host: what they say is in memory at once, and takes about as much.
/// A larger message is read in a call of its own.
const READ_AT_ONCE_BYTES: u64 = 8_000_000;

/// Runs it.
///
/// # Errors
///
/// Those of RFC 8620 §5.1; `requestTooLarge` also where the answer would be too long.
pub async fn run<H: Host>(
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let wanted = Wanted::take(&mut arguments, &DEFAULT, &["id"])?;
    let arguments: GetArguments = arguments.parse()?;
    let account = context.account(&arguments.account_id)?.id.as_str();
    let ids = arguments.distinct_ids()?;
    let (asked, listed) = match &ids {
        Some(ids) => (ids.clone(), None),
        None => {
            let all = all::emails(context, account).await?;
            (all.ids, Some(all.state))
        }
    };
    let (objects, present) = objects(context, account, asked, &wanted).await?;
    let state = listed.unwrap_or(present);
    Ok(get::answer(account, state, ids.as_deref(), objects))
}

/// The emails that are there, and a state that none of them is older than: changes in between are told again by
/// `Email/changes`.
async fn objects<H: Host>(
    context: &Context<'_, H>,
    account: &str,
    ids: Vec<String>,
    wanted: &Wanted,
) -> Result<(Vec<Value>, State), MethodError> {
    let detail = wanted.detail();
    let (host, token) = (context.host, context.token);
    let mut room = Room::default();
    let mut told = |emails: Vec<Email>| -> Result<Vec<Value>, MethodError> {
        let emails = emails.iter();
        emails
            .map(|email| object(email, Origin::Stored, wanted, &mut room))
            .collect()
    };
    if ids.len() <= 1 || !reads_messages(&detail) {
        let (emails, state) = host.emails(token, account, ids, detail).await?;
        return Ok((told(emails)?, state));
    }
    let (emails, state) = host.emails(token, account, ids, NO_DETAIL).await?;
    let mut objects = Vec::with_capacity(emails.len());
    for ids in groups(emails) {
        let (emails, _) = host.emails(token, account, ids, detail).await?;
        objects.extend(told(emails)?);
    }
    Ok((objects, state))
}

/// The ids of emails that are read together.
fn groups(emails: Vec<Email>) -> Vec<Vec<String>> {
    let mut groups: Vec<Vec<String>> = Vec::new();
    let mut left_bytes = 0;
    for email in emails {
        match (groups.last_mut(), email.size <= left_bytes) {
            (Some(group), true) => {
                group.push(email.id);
                left_bytes -= email.size;
            }
            _ => {
                groups.push(vec![email.id]);
                left_bytes = READ_AT_ONCE_BYTES.saturating_sub(email.size);
            }
        }
    }
    groups
}
