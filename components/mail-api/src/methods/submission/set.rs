//! `EmailSubmission/set` (RFC 8621 §7.5).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::by_ids;
use super::envelope::EnvelopeProperty;
use super::follow_up::{EmailsOfDone, FollowUp};
use super::hold;
use super::object;
use crate::bindings::concierge::mail::submissions::{Edit, Request, Submission};
use crate::host::{Host, State};
use crate::jmap::context::{Arguments, Context, CreatedIds};
use crate::jmap::error::{MethodError, SetError, SetKind};
use crate::jmap::set::{SetAnswer, SetArguments, Subject, Wanted};
use crate::methods::batch::{self, Batch, expect_state};
use crate::methods::properties::{Properties, Wishes};

/// Submits, takes back and forgets.
pub async fn set<H: Host>(
    context: &mut Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let follow_up = FollowUp::take(&mut arguments)?;
    let arguments: SetArguments = arguments.parse()?;
    let account = context.writable(&arguments.account_id)?.id.clone();
    let if_in_state = arguments.if_in_state()?;
    let mut wanted = arguments.wanted()?;
    let mut set = Set::default();
    batch::refuse_doomed(&mut wanted, &context.created, &mut set.answer);
    let known = set.read(context, &account, wanted, if_in_state).await?;
    let (old_state, new_state) = match (set.batch.is_empty(), known) {
        (true, Some(state)) => (state, state),
        (true, None) => {
            let (_, state) = by_ids(context, &account, &[]).await?;
            expect_state(if_in_state, state)?;
            (state, state)
        }
        (false, _) => set.run(context, &account, if_in_state).await?,
    };
    set.tell(context, &account).await;
    let Set { answer, emails, .. } = set;
    follow_up.run(context, &account, &emails).await;
    Ok(answer.finish(&account, old_state, new_state))
}

/// A call on its way.
#[derive(Default)]
struct Set {
    batch: Batch<Edit>,
    wishes: Wishes,
    /// The emails of what is to be made, by creation id, and of what is there, by id.
    emails_of_new: BTreeMap<String, String>,
    emails_of_present: BTreeMap<String, String>,
    done: Vec<(Subject, String)>,
    emails: EmailsOfDone,
    answer: SetAnswer,
}

impl Set {
    /// Reads what is wanted, and refuses what is not of its form. Gives the state of what is there, where it was looked at.
    async fn read<H: Host>(
        &mut self,
        context: &Context<'_, H>,
        account: &str,
        wanted: Wanted,
        if_in_state: Option<State>,
    ) -> Result<Option<State>, MethodError> {
        let created = &context.created;
        for (creation, members) in wanted.create {
            self.wishes.of_new(&creation, &members);
            match request(members, created, context.host.now_us()) {
                Ok(request) => {
                    let email = request.email_id.clone();
                    self.emails_of_new.insert(creation.clone(), email);
                    self.batch
                        .push(Subject::Create(creation), Edit::Create(request));
                }
                Err(error) => self.answer.refused(&Subject::Create(creation), error),
            }
        }
        let (keys, patches): (Vec<String>, Vec<_>) = wanted.update.into_iter().unzip();
        let patches: BTreeMap<String, Map<String, Value>> =
            keys.iter().cloned().zip(patches).collect();
        let subjects = keys.into_iter().map(Subject::Update);
        let subjects = subjects.chain(wanted.destroy.into_iter().map(Subject::Destroy));
        let found = batch::resolved(subjects, created, &mut self.answer);
        if found.is_empty() {
            return Ok(None);
        }
        let mut ids: Vec<String> = found.iter().map(|(_, id)| id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        let (present, state) = by_ids(context, account, &ids).await?;
        expect_state(if_in_state, state)?;
        for (subject, id) in found {
            let submission = present.iter().find(|one| one.id == id);
            self.change(subject, id, submission, &patches);
        }
        Ok(Some(state))
    }

    /// Takes up an update or a destruction.
    fn change(
        &mut self,
        subject: Subject,
        id: String,
        submission: Option<&Submission>,
        patches: &BTreeMap<String, Map<String, Value>>,
    ) {
        let Some(submission) = submission else {
            let error = SetError::new(SetKind::NotFound, "There is no such submission.");
            self.answer.refused(&subject, error);
            return;
        };
        self.emails_of_present
            .insert(id.clone(), submission.email_id.clone());
        let patch = match &subject {
            Subject::Update(key) => patches.get(key),
            _ => None,
        };
        let Some(patch) = patch else {
            self.batch.push(subject, Edit::Destroy(id));
            return;
        };
        match self.cancel(submission, patch) {
            Ok(true) => self.batch.push(subject, Edit::Cancel(id)),
            Ok(false) => self.done.push((subject, id)),
            Err(error) => self.answer.refused(&subject, error),
        }
    }

    /// Whether a patch takes a submission back, which is all that it may change (RFC 8621 §7.5).
    fn cancel(
        &mut self,
        submission: &Submission,
        patch: &Map<String, Value>,
    ) -> Result<bool, SetError> {
        let mut changed = Properties::changed(&object::json(submission), patch)?;
        self.wishes.of_changed(&submission.id, &changed);
        let status = changed.change::<String>("undoStatus");
        let cancels = matches!(&status, Some(Some(status)) if status == "canceled");
        if status.is_some() && !cancels {
            changed.fault("undoStatus", "It can only become \"canceled\".");
        }
        changed.finish()?;
        Ok(cancels)
    }

    /// Has the host do it.
    async fn run<H: Host>(
        &mut self,
        context: &Context<'_, H>,
        account: &str,
        if_in_state: Option<State>,
    ) -> Result<(State, State), MethodError> {
        let (edits, subjects) = std::mem::take(&mut self.batch).split();
        let Context { host, token, .. } = context;
        let outcomes = host
            .set_submissions(token, account, if_in_state, edits)
            .await?;
        let done = batch::done(subjects, outcomes.items, &mut self.answer)?;
        self.done.extend(done);
        Ok((outcomes.old_state, outcomes.new_state))
    }

    /// Tells what was done, with what the host made of it, and notes whose emails are next.
    async fn tell<H: Host>(&mut self, context: &mut Context<'_, H>, account: &str) {
        let done = std::mem::take(&mut self.done);
        let mut ids = Vec::new();
        for (subject, id) in &done {
            let email = match subject {
                Subject::Create(creation) => self.emails_of_new.get(creation),
                _ => self.emails_of_present.get(id),
            };
            if let Some(email) = email {
                self.emails.insert(id.clone(), email.clone());
                if let Subject::Create(creation) = subject {
                    self.emails.insert(format!("#{creation}"), email.clone());
                }
            }
            if !matches!(subject, Subject::Destroy(_)) {
                ids.push(id.clone());
            }
        }
        // It is sent: where this fails the client is told the ids all the same.
        let now = match ids.is_empty() {
            true => Vec::new(),
            false => by_ids(context, account, &ids)
                .await
                .map_or_else(|_| Vec::new(), |(now, _)| now),
        };
        let news = |subject: &Subject, id: &str| {
            let object = now.iter().find(|one| one.id == id).map(object::json);
            self.wishes.news(subject, id, object)
        };
        batch::tell(done, news, &mut self.answer, &mut context.created);
    }
}

/// What is to be sent.
fn request(
    members: Map<String, Value>,
    created: &CreatedIds,
    now_us: u64,
) -> Result<Request, SetError> {
    let mut properties = Properties::of_new(members);
    let sender_id = reference(&mut properties, "identityId", created);
    let email_id = reference(&mut properties, "emailId", created);
    let given = properties.take::<EnvelopeProperty>("envelope");
    let envelope = given.map(EnvelopeProperty::read).transpose();
    let (envelope, send_at_us) = match envelope.and_then(|envelope| {
        let held = envelope
            .as_ref()
            .map(|envelope| hold::send_at_us(&envelope.mail_from, now_us));
        Ok((envelope, held.transpose()?.flatten()))
    }) {
        Ok(read) => read,
        Err(why) => {
            properties.fault("envelope", why);
            (None, None)
        }
    };
    let status: Option<String> = properties.take("undoStatus");
    if status.is_some_and(|status| status != "pending") {
        properties.fault("undoStatus", "A submission begins as \"pending\".");
    }
    properties.finish()?;
    Ok(Request {
        sender_id,
        email_id,
        envelope,
        send_at_us,
    })
}

/// An id, or what a creation id stands for.
fn reference(properties: &mut Properties, name: &str, created: &CreatedIds) -> String {
    let text: String = properties.require(name);
    match created.resolve(&text) {
        Some(id) => id.to_owned(),
        None => {
            properties.fault(name, "Nothing was created under this id.");
            String::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::tests::submission;
    use super::*;
    use crate::bindings::concierge::mail::submissions::{Envelope, Path};
    use serde_json::json;

    const NOW_US: u64 = 1_500_000_000_000_000;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn without_an_envelope_the_host_makes_it() {
        let mut created = CreatedIds::default();
        created.insert("draft", "e7");
        let given = json!({"identityId": "i1", "emailId": "#draft", "undoStatus": "pending", "envelope": null});
        let expected = Request {
            sender_id: "i1".to_owned(),
            email_id: "e7".to_owned(),
            envelope: None,
            send_at_us: None,
        };
        assert_eq!(request(map(given), &created, NOW_US), Ok(expected));
    }

    #[test]
    fn an_envelope_says_when() {
        let given = json!({
            "identityId": "i1",
            "emailId": "e1",
            "envelope": {
                "mailFrom": {"email": "john@example.com", "parameters": {"HOLDFOR": "3600"}},
                "rcptTo": [{"email": "jane@example.com"}]
            }
        });
        let path = |email: &str, parameters| Path {
            email: email.to_owned(),
            parameters,
        };
        let held = vec![("HOLDFOR".to_owned(), Some("3600".to_owned()))];
        let expected = Request {
            sender_id: "i1".to_owned(),
            email_id: "e1".to_owned(),
            envelope: Some(Envelope {
                mail_from: path("john@example.com", held),
                rcpt_to: vec![path("jane@example.com", Vec::new())],
            }),
            send_at_us: Some(NOW_US + 3_600_000_000),
        };
        assert_eq!(
            request(map(given), &CreatedIds::default(), NOW_US),
            Ok(expected)
        );
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        let with = |name: &str, value: Value| {
            let mut members = map(json!({"identityId": "i1", "emailId": "e1"}));
            members.insert(name.to_owned(), value);
            request(members, &CreatedIds::default(), NOW_US)
        };
        let held =
            json!({"mailFrom": {"email": "a@b", "parameters": {"HOLDFOR": "soon"}}, "rcptTo": []});
        for (name, value) in [
            ("identityId", Value::Null),
            ("emailId", json!("#unknown")),
            ("envelope", json!({"mailFrom": {"email": "a@b"}})),
            ("envelope", held),
            ("undoStatus", json!("final")),
            ("sendAt", json!("2030-01-01T00:00:00Z")),
            ("threadId", json!("t1")),
            ("deliveryStatus", Value::Null),
            ("id", json!("s1")),
        ] {
            let error = with(name, value.clone()).unwrap_err().to_json();
            assert_eq!(error["type"], "invalidProperties");
            assert_eq!(error["properties"], json!([name]), "{value}");
        }
    }

    #[test]
    fn a_patch_takes_back_or_changes_nothing() {
        let cancel = |patch: Value| Set::default().cancel(&submission("s1"), &map(patch));
        assert_eq!(cancel(json!({"undoStatus": "canceled"})), Ok(true));
        assert_eq!(cancel(json!({"undoStatus": "pending"})), Ok(false));
        assert_eq!(
            cancel(json!({"emailId": "e1", "dsnBlobIds": []})),
            Ok(false)
        );
        for (patch, property) in [
            (json!({"undoStatus": "final"}), "undoStatus"),
            (json!({"undoStatus": null}), "undoStatus"),
            (json!({"emailId": "e2"}), "emailId"),
            (json!({"envelope/mailFrom/email": "a@b"}), "envelope"),
            (json!({"undoStatus": "canceled", "sendAt": null}), "sendAt"),
        ] {
            let error = cancel(patch.clone()).unwrap_err().to_json();
            assert_eq!(error["properties"], json!([property]), "{patch}");
        }
    }
}
