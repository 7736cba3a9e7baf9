//! `Email/parse` (RFC 8621 §4.9).

use serde_json::{Map, Value, json};

use super::object::{Origin, object};
use super::properties::{Wanted, reads_messages};
use super::room::Room;
use crate::bindings::concierge::mail::accounts::Reason;
use crate::bindings::concierge::mail::emails::Email;
use crate::host::{Host, Refusal};
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::get;
use crate::jmap::set::or_null;

/// What is given where no properties are named (RFC 8621 §4.9).
const DEFAULT: [&str; 17] = [
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

/// Blobs of a call: the host reads each of them whole, and nothing of it is kept.
const BLOBS_MAX: usize = 50;

/// What became of the blobs, by their ids.
#[derive(Default)]
struct Answer {
    parsed: Map<String, Value>,
    not_parsable: Vec<String>,
    not_found: Vec<String>,
}

/// Runs it.
///
/// # Errors
///
/// `requestTooLarge` where there are too many blobs or the answer would be too long, and those of every method.
pub async fn run<H: Host>(
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let wanted = Wanted::take(&mut arguments, &DEFAULT, &[])?;
    let account: String = arguments.require("accountId")?;
    let blobs: Vec<String> = arguments.require("blobIds")?;
    arguments.finish()?;
    let account = context.account(&account)?.id.as_str();
    let blobs = get::distinct(&blobs)?;
    if blobs.len() > BLOBS_MAX {
        let why = format!("At most {BLOBS_MAX} blobs at once.");
        return Err(MethodError::new(Kind::RequestTooLarge, why));
    }
    let mut answer = Answer::default();
    let mut room = Room::default();
    let detail = wanted.detail();
    // What one message says may be as much as there is room for.
    let at_once = if reads_messages(&detail) {
        1
    } else {
        BLOBS_MAX
    };
    for blobs in answer.resolved(context, blobs).chunks(at_once) {
        let ids = blobs.iter().map(|(_, id)| id.clone()).collect();
        let host = context.host;
        let parsed = host
            .parse_emails(context.token, account, ids, detail)
            .await?;
        for ((asked, blob), email) in blobs.iter().zip(parsed) {
            answer.add(asked, blob, email, &wanted, &mut room)?;
        }
    }
    Ok(answer.finish(account))
}

impl Answer {
    /// The blobs as the client names them, and their ids: a creation id stands for a blob that was made in this request
    /// (RFC 9404 §4.1).
    fn resolved<H: Host>(
        &mut self,
        context: &Context<'_, H>,
        blobs: Vec<String>,
    ) -> Vec<(String, String)> {
        let mut resolved = Vec::with_capacity(blobs.len());
        for asked in blobs {
            match context.created.resolve(&asked).map(str::to_owned) {
                Some(id) => resolved.push((asked, id)),
                None => self.not_found.push(asked),
            }
        }
        resolved
    }

    fn add(
        &mut self,
        asked: &str,
        blob: &str,
        email: Result<Email, Refusal>,
        wanted: &Wanted,
        room: &mut Room,
    ) -> Result<(), MethodError> {
        match email {
            Ok(email) => {
                let email = Email {
                    blob_id: blob.to_owned(),
                    ..email
                };
                let object = object(&email, Origin::Parsed, wanted, room)?;
                self.parsed.insert(asked.to_owned(), object);
            }
            Err(refusal) => match refusal.reason {
                Reason::NotFound | Reason::BlobNotFound => self.not_found.push(asked.to_owned()),
                _ => self.not_parsable.push(asked.to_owned()),
            },
        }
        Ok(())
    }

    fn finish(self, account: &str) -> Value {
        json!({
            "accountId": account,
            "parsed": or_null(self.parsed),
            "notParsable": list_or_null(self.not_parsable),
            "notFound": list_or_null(self.not_found),
        })
    }
}

fn list_or_null(ids: Vec<String>) -> Value {
    if ids.is_empty() {
        Value::Null
    } else {
        json!(ids)
    }
}
