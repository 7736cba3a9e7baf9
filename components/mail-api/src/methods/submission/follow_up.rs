//! What is done to emails when their submissions are done (RFC 8621 §7.5, `onSuccessUpdateEmail` and
//! `onSuccessDestroyEmail`): a draft becomes sent mail.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::host::Host;
use crate::jmap::context::{Arguments, Context, CreatedIds};
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::limits::OBJECTS_IN_SET_MAX;
use crate::jmap::set::objects;
use crate::methods::{self, Method};

/// The method that does it.
const EMAIL_SET: &str = "Email/set";

/// What is to be done to the emails of submissions, which are named by their ids, or by a creation id behind `#`.
#[derive(Debug, Default)]
pub struct FollowUp {
    update: Vec<(String, Map<String, Value>)>,
    destroy: Vec<String>,
}

/// The emails of the submissions that were made, taken back or forgotten: by the submission's id, and by its creation id
/// behind `#`.
pub type EmailsOfDone = BTreeMap<String, String>;

impl FollowUp {
    /// Takes the arguments.
    ///
    /// # Errors
    ///
    /// `invalidArguments` where one is not of its form, `requestTooLarge` where there are too many.
    pub fn take(arguments: &mut Arguments) -> Result<Self, MethodError> {
        let update: Option<Map<String, Value>> = arguments.take("onSuccessUpdateEmail")?;
        let destroy: Option<Vec<String>> = arguments.take("onSuccessDestroyEmail")?;
        let follow_up = Self {
            update: objects("onSuccessUpdateEmail", update.unwrap_or_default())?,
            destroy: destroy.unwrap_or_default(),
        };
        if follow_up.update.len() + follow_up.destroy.len() > OBJECTS_IN_SET_MAX {
            let why = format!("At most {OBJECTS_IN_SET_MAX} emails at once.");
            return Err(MethodError::new(Kind::RequestTooLarge, why));
        }
        Ok(follow_up)
    }

    /// The arguments of the `Email/set` that follows; `None` where nothing is to be done. What is named of submissions with
    /// which nothing was done is left out.
    fn arguments(
        self,
        account: &str,
        emails: &EmailsOfDone,
        created: &CreatedIds,
    ) -> Option<Arguments> {
        let email = |key: &String| {
            let named = emails.get(key);
            named.or_else(|| emails.get(created.resolve(key)?))
        };
        let mut update: Map<String, Value> = Map::new();
        for (key, patch) in self.update {
            let Some(email) = email(&key) else {
                continue;
            };
            // Two submissions of one email: what both change is as the latter has it.
            let place = update.entry(email.clone());
            let place = place.or_insert_with(|| Value::Object(Map::new()));
            if let Some(members) = place.as_object_mut() {
                members.extend(patch);
            }
        }
        let mut destroy: Vec<&String> = self.destroy.iter().filter_map(email).collect();
        destroy.sort_unstable();
        destroy.dedup();
        if update.is_empty() && destroy.is_empty() {
            return None;
        }
        let mut arguments = Map::new();
        arguments.insert("accountId".to_owned(), account.into());
        arguments.insert("update".to_owned(), update.into());
        arguments.insert("destroy".to_owned(), json!(destroy));
        Some(Arguments(arguments))
    }

    /// Does it; its response follows that of the present call.
    pub async fn run<H: Host>(
        self,
        context: &mut Context<'_, H>,
        account: &str,
        emails: &EmailsOfDone,
    ) {
        let Some(arguments) = self.arguments(account, emails, &context.created) else {
            return;
        };
        let outcome = match Method::named(EMAIL_SET) {
            // Boxed, since the present call is run by the same function.
            Some(method) => Box::pin(methods::run(method, context, arguments)).await,
            None => Err(Kind::UnknownMethod.into()),
        };
        let response = match outcome {
            Ok(answer) => (EMAIL_SET, answer),
            Err(error) => ("error", error.to_json()),
        };
        context.implicit.push(response);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow_up(arguments: Value) -> Result<FollowUp, MethodError> {
        FollowUp::take(&mut Arguments(arguments.as_object().cloned().unwrap()))
    }

    fn emails(pairs: &[(&str, &str)]) -> EmailsOfDone {
        let owned = |&(key, email): &(&str, &str)| (key.to_owned(), email.to_owned());
        pairs.iter().map(owned).collect()
    }

    /// RFC 8621 §7.5.1, its first example.
    #[test]
    fn the_draft_of_the_rfc_becomes_sent_mail() {
        let patch = json!({
            "mailboxIds/7cb4e8ee-df87-4757-b9c4-2ea1ca41b38e": null,
            "mailboxIds/73dbcb4b-bffc-48bd-8c2a-a2e91ca672f6": true,
            "keywords/$draft": null
        });
        let follow_up = follow_up(json!({"onSuccessUpdateEmail": {"#k1490": patch}})).unwrap();
        let emails = emails(&[("#k1490", "f42")]);
        let arguments = follow_up.arguments("ue411d190", &emails, &CreatedIds::default());
        let expected = json!({"accountId": "ue411d190", "update": {"f42": patch}, "destroy": []});
        assert_eq!(arguments.map(|it| Value::Object(it.0)), Some(expected));
    }

    #[test]
    fn only_emails_of_what_was_done() {
        let wanted = json!({
            "onSuccessUpdateEmail": {"#failed": {"a": 1}, "s1": {"b": 1}, "#old": {"c": 1}, "s9": {"d": 1}},
            "onSuccessDestroyEmail": ["#failed", "s1", "#old", "s2"]
        });
        let mut created = CreatedIds::default();
        created.insert("old", "s3");
        let emails = emails(&[("s1", "e1"), ("s2", "e1"), ("s3", "e3")]);
        let arguments = follow_up(wanted.clone())
            .unwrap()
            .arguments("a", &emails, &created);
        let expected = json!({
            "accountId": "a", "update": {"e1": {"b": 1}, "e3": {"c": 1}}, "destroy": ["e1", "e3"]
        });
        assert_eq!(arguments.map(|it| Value::Object(it.0)), Some(expected));
        let nothing = EmailsOfDone::new();
        assert_eq!(
            follow_up(wanted)
                .unwrap()
                .arguments("a", &nothing, &created),
            None
        );
    }

    #[test]
    fn patches_of_one_email_are_put_together() {
        let wanted =
            json!({"onSuccessUpdateEmail": {"s1": {"a": 1, "b": 1}, "s2": {"b": 2, "c": 2}}});
        let emails = emails(&[("s1", "e1"), ("s2", "e1")]);
        let arguments = follow_up(wanted)
            .unwrap()
            .arguments("a", &emails, &CreatedIds::default());
        assert_eq!(
            arguments.unwrap().0["update"],
            json!({"e1": {"a": 1, "b": 2, "c": 2}})
        );
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        for arguments in [
            json!({"onSuccessUpdateEmail": {"#k": true}}),
            json!({"onSuccessUpdateEmail": ["#k"]}),
            json!({"onSuccessDestroyEmail": {"#k": true}}),
        ] {
            let error = follow_up(arguments).unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidArguments);
        }
    }
}
