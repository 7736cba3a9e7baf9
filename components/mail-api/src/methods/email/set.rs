//! `Email/set` (RFC 8621 §4.6).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{draft, made, patch};
use crate::bindings::concierge::mail::accounts::{Reason, Refusal};
use crate::bindings::concierge::mail::emails::{Done, Edit};
use crate::host::{Host, State};
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::{Kind, MethodError, SetError};
use crate::jmap::set::{Objects, Reference, SetAnswer, SetArguments, Subject, Wanted};
use crate::methods::batch::{Batch, refuse_doomed, resolved};

/// Runs it. Emails are made first; where others of the call refer to them, these are another call of the host.
///
/// # Errors
///
/// Those of RFC 8620 §5.3; `serverPartialFail` where the host fails when it has made the new ones.
pub async fn run<H: Host>(
    context: &mut Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let arguments: SetArguments = arguments.parse()?;
    let account = context.writable(&arguments.account_id)?.id.clone();
    let if_in_state = arguments.if_in_state()?;
    let mut wanted = arguments.wanted()?;
    let creations = std::mem::take(&mut wanted.create);
    let refers = refers(&creations, &wanted);
    let mut set = Set {
        account,
        if_in_state,
        states: None,
        blobs: BTreeMap::new(),
        batch: Batch::default(),
        answer: SetAnswer::default(),
    };
    set.create(context, creations);
    if refers {
        set.commit(context).await?;
    }
    set.change(context, wanted);
    let made = set.states.is_some();
    // Without an edit, too: the states are told, and looked at.
    let committed = set.commit(context).await;
    committed.map_err(|error| match made {
        true => Kind::ServerPartialFail.into(),
        false => error,
    })?;
    let (old, new) = set.states.unwrap_or_default();
    Ok(set.answer.finish(&set.account, old, new))
}

/// Whether what is to be changed or destroyed is among what is to be made.
fn refers(creations: &Objects, wanted: &Wanted) -> bool {
    let updated = wanted.update.iter().map(|(key, _)| key);
    updated.chain(&wanted.destroy).any(|key| {
        let made = |creation: &str| creations.iter().any(|(key, _)| key == creation);
        matches!(Reference::of(key), Reference::Creation(creation) if made(creation))
    })
}

struct Set {
    account: String,
    /// For the first call of the host.
    if_in_state: Option<State>,
    /// Before the first call of the host, and after the last.
    states: Option<(State, State)>,
    /// Of each email that is to be made the blobs that it needs.
    blobs: BTreeMap<String, Vec<String>>,
    batch: Batch<Edit>,
    answer: SetAnswer,
}

impl Set {
    fn create<H: Host>(&mut self, context: &Context<'_, H>, creations: Objects) {
        for (creation, members) in creations {
            match draft::read(members, &context.created) {
                Ok(draft) => {
                    self.blobs.insert(creation.clone(), draft::blobs(&draft));
                    self.batch
                        .push(Subject::Create(creation), Edit::Create(draft));
                }
                Err(error) => self.answer.refused(&Subject::Create(creation), error),
            }
        }
    }

    fn change<H: Host>(&mut self, context: &Context<'_, H>, mut wanted: Wanted) {
        let created = &context.created;
        refuse_doomed(&mut wanted, created, &mut self.answer);
        for (key, members) in wanted.update {
            let subject = Subject::Update(key);
            for (subject, id) in resolved([subject], created, &mut self.answer) {
                match patch::read(&id, &members, created) {
                    Ok(patch) => self.batch.push(subject, Edit::Update(patch)),
                    Err(error) => self.answer.refused(&subject, error),
                }
            }
        }
        let destroyed = wanted.destroy.into_iter().map(Subject::Destroy);
        for (subject, id) in resolved(destroyed, created, &mut self.answer) {
            self.batch.push(subject, Edit::Destroy(id));
        }
    }

    /// Has the host do what is to be done so far.
    async fn commit<H: Host>(&mut self, context: &mut Context<'_, H>) -> Result<(), MethodError> {
        if self.batch.is_empty() && self.states.is_some() {
            return Ok(());
        }
        let (edits, subjects) = std::mem::take(&mut self.batch).split();
        let (host, token) = (context.host, context.token);
        let if_in_state = self.if_in_state.take();
        let edited = host
            .set_emails(token, &self.account, if_in_state, edits)
            .await?;
        let old = self.states.map_or(edited.old_state, |(old, _)| old);
        self.states = Some((old, edited.new_state));
        if edited.items.len() != subjects.len() {
            return Err(Kind::ServerFail.into());
        }
        for (subject, item) in subjects.into_iter().zip(edited.items) {
            match (item, &subject) {
                (Ok(Done::Made(made)), Subject::Create(creation)) => {
                    let object = made::object(&made);
                    self.answer.created(creation, object, &mut context.created);
                }
                (Ok(Done::Changed(id)), Subject::Update(_)) => {
                    self.answer.updated(&id, Value::Null);
                }
                (Ok(Done::Destroyed(id)), Subject::Destroy(_)) => self.answer.destroyed(&id),
                (Ok(_), _) => return Err(Kind::ServerFail.into()),
                (Err(refusal), _) => {
                    let error = self.error(context, &subject, refusal).await?;
                    self.answer.refused(&subject, error);
                }
            }
        }
        Ok(())
    }

    /// RFC 8621 §4.6: `blobNotFound` names all blobs that are not there, the host the first of them.
    async fn error<H: Host>(
        &self,
        context: &Context<'_, H>,
        subject: &Subject,
        mut refusal: Refusal,
    ) -> Result<SetError, MethodError> {
        let blobs = match subject {
            Subject::Create(creation) if refusal.reason == Reason::BlobNotFound => {
                self.blobs.get(creation).filter(|blobs| blobs.len() > 1)
            }
            _ => None,
        };
        if let Some(blobs) = blobs {
            let (host, token) = (context.host, context.token);
            let known = host
                .lookup_blobs(token, &self.account, blobs.clone())
                .await?;
            let is_missing = |blob: &&String| {
                refusal.subjects.contains(*blob) || known.iter().all(|one| one.id != **blob)
            };
            refusal.subjects = blobs.iter().filter(is_missing).cloned().collect();
        }
        Ok(refusal.into())
    }
}

#[cfg(test)]
mod tests;
