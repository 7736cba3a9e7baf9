//! Emails that the host made: what `Email/set`, `Email/import` and `Email/copy` have in common.

use serde_json::{Map, Value, json};

use crate::bindings::concierge::mail::accounts::Refusal;
use crate::bindings::concierge::mail::emails::{Done, Edited, Made};
use crate::host::Host;
use crate::jmap::context::Context;
use crate::jmap::error::{Kind, MethodError, SetError};
use crate::jmap::set::or_null;

/// What the client does not know of an email that was made (RFC 8621 §4.6).
pub fn object(made: &Made) -> Value {
    json!({
        "id": made.id,
        "blobId": made.blob_id,
        "threadId": made.thread_id,
        "size": made.size,
    })
}

/// The maps `created` and `notCreated` of a call that only makes emails.
#[derive(Debug, Default)]
pub struct MadeAnswer {
    created: Map<String, Value>,
    not_created: Map<String, Value>,
}

impl MadeAnswer {
    /// One was not made.
    pub fn refused(&mut self, creation: &str, error: &SetError) {
        let error = error.to_json();
        self.not_created.insert(creation.to_owned(), error);
    }

    /// What the host did for each of the creation ids.
    ///
    /// # Errors
    ///
    /// `serverFail` where it did something else.
    pub fn take<H: Host>(
        &mut self,
        creations: &[String],
        items: Vec<Result<Done, Refusal>>,
        context: &mut Context<'_, H>,
        error: impl Fn(Refusal) -> SetError,
    ) -> Result<(), MethodError> {
        if creations.len() != items.len() {
            return Err(Kind::ServerFail.into());
        }
        for (creation, item) in creations.iter().zip(items) {
            match item {
                Ok(Done::Made(made)) => {
                    context.created.insert(creation, &made.id);
                    self.created.insert(creation.clone(), object(&made));
                }
                Ok(Done::Changed(_) | Done::Destroyed(_)) => return Err(Kind::ServerFail.into()),
                Err(refusal) => self.refused(creation, &error(refusal)),
            }
        }
        Ok(())
    }

    /// The creation ids of what was made.
    pub fn made(&self) -> impl Iterator<Item = &str> {
        self.created.keys().map(String::as_str)
    }

    /// The answer.
    pub fn finish(self, account: &str, edited: &Edited) -> Map<String, Value> {
        [
            ("accountId", account.into()),
            ("oldState", edited.old_state.to_string().into()),
            ("newState", edited.new_state.to_string().into()),
            ("created", or_null(self.created)),
            ("notCreated", or_null(self.not_created)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}
