//! `Blob/lookup` (RFC 9404 §4.3).

use serde_json::{Map, Value, json};

use crate::bindings::concierge::mail::messages::References;
use crate::host::Host;
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::get::{distinct, in_order};

/// What can refer to a blob, by the name that the capability tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Referrer {
    Mailbox,
    Thread,
    Email,
}

impl Referrer {
    fn named(name: &str) -> Option<Self> {
        match name {
            "Mailbox" => Some(Self::Mailbox),
            "Thread" => Some(Self::Thread),
            "Email" => Some(Self::Email),
            _ => None,
        }
    }

    fn ids(self, references: &References) -> &[String] {
        match self {
            Self::Mailbox => &references.mailboxes,
            Self::Thread => &references.threads,
            Self::Email => &references.emails,
        }
    }
}

/// Runs it.
///
/// # Errors
///
/// `unknownDataType` for a type that does not refer to blobs here, `requestTooLarge` for too many ids.
pub async fn run<H: Host>(
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let account: String = arguments.require("accountId")?;
    let names: Vec<String> = arguments.require("typeNames")?;
    let ids: Vec<String> = arguments.require("ids")?;
    arguments.finish()?;
    context.account(&account)?;
    let referrers = referrers(names)?;
    let ids = distinct(&context.created.resolved(ids))?;
    let host = context.host;
    let found = host
        .lookup_blobs(context.token, &account, ids.clone())
        .await?;
    let objects = found.iter().map(|one| object(one, &referrers)).collect();
    let (list, not_found) = in_order(&ids, objects);
    Ok(json!({"accountId": account, "list": list, "notFound": not_found}))
}

fn referrers(names: Vec<String>) -> Result<Vec<(String, Referrer)>, MethodError> {
    let known = |name: String| match Referrer::named(&name) {
        Some(referrer) => Ok((name, referrer)),
        None => Err(MethodError::new(
            Kind::UnknownDataType,
            format!("{name:?} does not refer to blobs."),
        )),
    };
    names.into_iter().map(known).collect()
}

fn object(references: &References, referrers: &[(String, Referrer)]) -> Value {
    let matched: Map<String, Value> = referrers
        .iter()
        .map(|(name, referrer)| (name.clone(), json!(referrer.ids(references))))
        .collect();
    json!({"id": references.id, "matchedIds": matched})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::email::tests::{kind, tell};
    use crate::scripted::Scripted;

    /// RFC 9404 §4.3.1.
    #[test]
    fn the_lookup_of_the_rfc() {
        let host = Scripted::default();
        host.lookup_blobs.then(Box::new(|_, _, ids| {
            assert_eq!(
                ids,
                ["Gd2f81008cf07d2425418f7f02a3ca63a8bc82003", "not-a-blob"]
            );
            Ok(vec![References {
                id: ids[0].clone(),
                emails: vec!["E1".to_owned(), "E2".to_owned()],
                threads: vec!["T1".to_owned()],
                mailboxes: vec!["M1".to_owned()],
            }])
        }));
        let arguments = json!({
            "accountId": "a",
            "typeNames": ["Mailbox", "Thread", "Email"],
            "ids": ["Gd2f81008cf07d2425418f7f02a3ca63a8bc82003", "not-a-blob"]
        });
        let expected = json!({
            "accountId": "a",
            "list": [{
                "id": "Gd2f81008cf07d2425418f7f02a3ca63a8bc82003",
                "matchedIds": {"Mailbox": ["M1"], "Thread": ["T1"], "Email": ["E1", "E2"]}
            }],
            "notFound": ["not-a-blob"]
        });
        assert_eq!(tell(&host, "Blob/lookup", arguments), Ok(expected));
        host.finish();
    }

    #[test]
    fn other_types_are_not_known() {
        let arguments = json!({"accountId": "a", "typeNames": ["Email", "Contact"], "ids": []});
        let kind = kind(&Scripted::default(), "Blob/lookup", arguments);
        assert_eq!(kind, Kind::UnknownDataType);
    }
}
