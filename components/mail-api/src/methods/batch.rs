//! Edits for the host, each with what it is about, and what the host made of them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bindings::concierge::mail::accounts::Refusal;
use crate::host::State;
use crate::jmap::context::CreatedIds;
use crate::jmap::error::{Kind, MethodError, SetError, SetKind};
use crate::jmap::set::{SetAnswer, Subject, Wanted};

/// Edits of one call of the host.
#[derive(Clone, Debug)]
pub struct Batch<E> {
    edits: Vec<E>,
    subjects: Vec<Subject>,
}

impl<E> Default for Batch<E> {
    fn default() -> Self {
        Self {
            edits: Vec::new(),
            subjects: Vec::new(),
        }
    }
}

impl<E> Batch<E> {
    /// Adds an edit.
    pub fn push(&mut self, subject: Subject, edit: E) {
        self.edits.push(edit);
        self.subjects.push(subject);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The edits for the host, and what they are about for [`done`].
    pub fn split(self) -> (Vec<E>, Vec<Subject>) {
        (self.edits, self.subjects)
    }
}

/// What the host did: of each edit that was done what it was about, and the object's id. Those that were not done are told
/// as refused.
///
/// # Errors
///
/// `serverFail` where the host did not answer to each edit.
pub fn done(
    subjects: Vec<Subject>,
    items: Vec<Result<String, Refusal>>,
    answer: &mut SetAnswer,
) -> Result<Vec<(Subject, String)>, MethodError> {
    if subjects.len() != items.len() {
        return Err(Kind::ServerFail.into());
    }
    let mut done = Vec::with_capacity(items.len());
    for (subject, item) in subjects.into_iter().zip(items) {
        match item {
            Ok(id) => done.push((subject, id)),
            Err(refusal) => answer.refused(&subject, refusal),
        }
    }
    Ok(done)
}

/// Tells what was done, with what the client does not know of each object.
pub fn tell(
    done: Vec<(Subject, String)>,
    mut news: impl FnMut(&Subject, &str) -> Value,
    answer: &mut SetAnswer,
    ids: &mut CreatedIds,
) {
    for (subject, id) in done {
        match &subject {
            Subject::Create(creation) => answer.created(creation, news(&subject, &id), ids),
            Subject::Update(_) => answer.updated(&id, news(&subject, &id)),
            Subject::Destroy(_) => answer.destroyed(&id),
        }
    }
}

/// That the present state is the one in which a `/set` is to be done.
///
/// # Errors
///
/// `stateMismatch`.
pub fn expect_state(wanted: Option<State>, present: State) -> Result<(), MethodError> {
    match wanted {
        Some(wanted) if wanted != present => Err(Kind::StateMismatch.into()),
        _ => Ok(()),
    }
}

/// Refuses updates of what the same call destroys (RFC 8620 §5.3, `willDestroy`).
pub fn refuse_doomed(wanted: &mut Wanted, created: &CreatedIds, answer: &mut SetAnswer) {
    let doomed: BTreeSet<&str> = wanted
        .destroy
        .iter()
        .filter_map(|id| created.resolve(id))
        .collect();
    wanted.update.retain(|(key, _)| {
        let stays = created.resolve(key).is_none_or(|id| !doomed.contains(id));
        if !stays {
            let error = SetError::new(SetKind::WillDestroy, "The same call destroys it.");
            answer.refused(&Subject::Update(key.clone()), error);
        }
        stays
    });
}

/// The ids of what is to be updated and destroyed, each with what it is about. What stands for nothing is refused.
pub fn resolved(
    subjects: impl IntoIterator<Item = Subject>,
    created: &CreatedIds,
    answer: &mut SetAnswer,
) -> Vec<(Subject, String)> {
    let mut found = Vec::new();
    for subject in subjects {
        let (Subject::Create(key) | Subject::Update(key) | Subject::Destroy(key)) = &subject;
        match created.resolve(key).map(str::to_owned) {
            Some(id) => found.push((subject, id)),
            None => answer.unresolved(&subject),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    #[test]
    fn what_is_destroyed_is_not_updated() {
        let mut created = CreatedIds::default();
        created.insert("k", "m1");
        let patch = |key: &str| (key.to_owned(), Map::new());
        let mut wanted = Wanted {
            update: vec![patch("#k"), patch("m2"), patch("#other")],
            destroy: vec!["m1".to_owned()],
            ..Wanted::default()
        };
        let mut answer = SetAnswer::default();
        refuse_doomed(&mut wanted, &created, &mut answer);
        let left: Vec<&str> = wanted.update.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(left, ["m2", "#other"]);
        let answer = answer.finish("a", 1, 1);
        assert_eq!(answer["notUpdated"]["#k"]["type"], "willDestroy");
    }

    #[test]
    fn an_answer_to_each_edit_is_told_under_its_name() {
        let mut answer = SetAnswer::default();
        let mut ids = CreatedIds::default();
        let subjects = vec![
            Subject::Create("k".to_owned()),
            Subject::Update("#old".to_owned()),
            Subject::Destroy("m3".to_owned()),
        ];
        let refusal = Refusal {
            reason: crate::bindings::concierge::mail::accounts::Reason::MailboxHasChild,
            description: String::new(),
            properties: Vec::new(),
            subjects: Vec::new(),
            limit: 0,
        };
        let items = vec![Ok("m1".to_owned()), Ok("m2".to_owned()), Err(refusal)];
        let done = done(subjects, items, &mut answer).unwrap();
        let news = |subject: &Subject, id: &str| match subject {
            Subject::Create(_) => json!({"id": id}),
            _ => Value::Null,
        };
        tell(done, news, &mut answer, &mut ids);
        assert_eq!(ids.resolve("#k"), Some("m1"));
        let answer = answer.finish("a", 1, 2);
        assert_eq!(answer["created"], json!({"k": {"id": "m1"}}));
        assert_eq!(answer["updated"], json!({"m2": null}));
        assert_eq!(answer["destroyed"], Value::Null);
        assert_eq!(
            answer["notDestroyed"],
            json!({"m3": {"type": "mailboxHasChild"}})
        );
    }

    #[test]
    fn an_edit_without_an_answer_is_the_hosts_fault() {
        let subjects = vec![Subject::Destroy("m".to_owned())];
        let error = done(subjects, Vec::new(), &mut SetAnswer::default()).unwrap_err();
        assert_eq!(error.kind(), Kind::ServerFail);
    }
}
