//! `Blob/copy` (RFC 8620 §6.3).

use serde_json::{Map, Value};

use crate::host::Host;
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::{Kind, MethodError, SetError, SetKind};
use crate::jmap::get::distinct;
use crate::jmap::set::or_null;

/// Runs it.
///
/// # Errors
///
/// Those of RFC 8620 §6.3.
pub async fn run<H: Host>(
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let from: String = arguments.require("fromAccountId")?;
    let account: String = arguments.require("accountId")?;
    let ids: Vec<String> = arguments.require("blobIds")?;
    arguments.finish()?;
    context
        .account(&from)
        .map_err(|_| Kind::FromAccountNotFound)?;
    context.writable(&account)?;
    let ids = distinct(&ids)?;
    let host = context.host;
    let outcomes = host
        .copy_blobs(context.token, &from, &account, ids.clone())
        .await?;
    if outcomes.len() != ids.len() {
        return Err(Kind::ServerFail.into());
    }
    let mut copied = Map::new();
    let mut not_copied = Map::new();
    for (id, outcome) in ids.into_iter().zip(outcomes) {
        match outcome.map_err(SetError::from) {
            Ok(blob) => copied.insert(id, blob.id.into()),
            Err(error) => not_copied.insert(id, not_found(error).to_json()),
        };
    }
    let mut answer = Map::new();
    answer.insert("fromAccountId".to_owned(), from.into());
    answer.insert("accountId".to_owned(), account.into());
    answer.insert("copied".to_owned(), or_null(copied));
    answer.insert("notCopied".to_owned(), or_null(not_copied));
    Ok(Value::Object(answer))
}

/// `blobNotFound` is of emails (RFC 8621 §4.6); a blob that is itself what is asked for is `notFound`.
fn not_found(error: SetError) -> SetError {
    match error.kind() {
        SetKind::BlobNotFound => SetError::new(SetKind::NotFound, "There is no such blob."),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::concierge::mail::accounts::{Reason, Refusal};
    use crate::bindings::concierge::mail::messages::Blob;
    use crate::methods::email::tests::{kind, tell};
    use crate::scripted::Scripted;
    use serde_json::json;

    /// The example of RFC 8620 §6.3.
    #[test]
    fn each_blob_is_copied_on_its_own() {
        let host = Scripted::default();
        host.copy_blobs.then(Box::new(|_, from, account, ids| {
            assert_eq!((from, account), ("from", "a"));
            assert_eq!(ids, ["b1", "b2"]);
            Ok(vec![
                Ok(Blob {
                    id: "b1".to_owned(),
                    size: 3,
                }),
                Err(Refusal {
                    reason: Reason::BlobNotFound,
                    description: String::new(),
                    properties: vec![],
                    subjects: vec!["b2".to_owned()],
                    limit: 0,
                }),
            ])
        }));
        let arguments =
            json!({"fromAccountId": "from", "accountId": "a", "blobIds": ["b1", "b2", "b1"]});
        let answer = tell(&host, "Blob/copy", arguments).unwrap();
        assert_eq!(answer["copied"], json!({"b1": "b1"}));
        assert_eq!(answer["notCopied"]["b2"]["type"], "notFound");
        host.finish();
    }

    #[test]
    fn accounts_are_looked_at_first() {
        let host = Scripted::default();
        for (from, account, expected) in [
            ("x", "a", Kind::FromAccountNotFound),
            ("a", "x", Kind::AccountNotFound),
            ("a", "shared", Kind::AccountReadOnly),
        ] {
            let arguments = json!({"fromAccountId": from, "accountId": account, "blobIds": []});
            assert_eq!(kind(&host, "Blob/copy", arguments), expected);
        }
    }
}
