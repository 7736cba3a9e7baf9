//! `Email/copy` with the host scripted.

use super::*;
use crate::bindings::concierge::mail::accounts::{Error, Reason, Refusal};
use crate::bindings::concierge::mail::emails::{Done, Edit, Edited, Made};
use crate::methods::email::tests::{kind, ran};
use crate::scripted::Scripted;

const COPY: &str = "Email/copy";

fn edited(items: Vec<Result<Done, Refusal>>) -> Result<Edited, Error> {
    Ok(Edited {
        old_state: 3,
        new_state: 4,
        items,
    })
}

/// A host that copies the first of two emails.
fn host() -> Scripted {
    let host = Scripted::default();
    host.copy_emails.then(Box::new(
        |_, from, account, if_from_in_state, if_in_state, emails| {
            assert_eq!((from, account), ("from", "a"));
            assert_eq!((if_from_in_state, if_in_state), (Some(1), Some(3)));
            let [one, other] = emails.as_slice() else {
                panic!("other emails: {emails:?}");
            };
            assert_eq!((one.from_id.as_str(), one.mailboxes.len()), ("e1", 1));
            assert_eq!(
                one.keywords.as_deref(),
                Some(["$seen".to_owned()].as_slice())
            );
            assert_eq!(other.keywords, None);
            let made = Made {
                id: "n1".to_owned(),
                blob_id: "b1".to_owned(),
                thread_id: "t1".to_owned(),
                size: 9,
            };
            let refusal = Refusal {
                reason: Reason::NotFound,
                description: String::new(),
                properties: vec![],
                subjects: vec![],
                limit: 0,
            };
            edited(vec![Ok(Done::Made(made)), Err(refusal)])
        },
    ));
    host
}

fn arguments(destroy: bool) -> Value {
    json!({
        "fromAccountId": "from",
        "accountId": "a",
        "ifFromInState": "1",
        "ifInState": "3",
        "create": {
            "k": {"id": "e1", "mailboxIds": {"m": true}, "keywords": {"$seen": true}},
            "l": {"id": "e2", "mailboxIds": {"m": true}},
            "x": {"id": "e3", "mailboxIds": {}}
        },
        "onSuccessDestroyOriginal": destroy,
        "destroyFromIfInState": "8"
    })
}

#[test]
fn each_email_is_copied_on_its_own() {
    let host = host();
    let ran = ran(&host, COPY, arguments(false), CreatedIds::default());
    let answer = ran.answer.unwrap();
    assert_eq!(answer["fromAccountId"], "from");
    assert_eq!(
        (&answer["oldState"], &answer["newState"]),
        (&json!("3"), &json!("4"))
    );
    let expected = json!({"k": {"id": "n1", "blobId": "b1", "threadId": "t1", "size": 9}});
    assert_eq!(answer["created"], expected);
    assert_eq!(answer["notCreated"]["l"]["type"], "notFound");
    assert_eq!(answer["notCreated"]["x"]["type"], "invalidProperties");
    assert_eq!(ran.implicit, []);
    host.finish();
}

/// RFC 8620 §5.4: an implicit `/set` in the account that it came from, of what was copied.
#[test]
fn originals_of_copies_are_destroyed() {
    let host = host();
    host.set_emails
        .then(Box::new(|_, account, if_in_state, edits| {
            assert_eq!((account, if_in_state), ("from", Some(8)));
            assert_eq!(edits, [Edit::Destroy("e1".to_owned())]);
            edited(vec![Ok(Done::Destroyed("e1".to_owned()))])
        }));
    let done = ran(&host, COPY, arguments(true), CreatedIds::default());
    assert!(done.answer.is_ok());
    let [(method, answer)] = done.implicit.as_slice() else {
        panic!("other responses: {:?}", done.implicit);
    };
    assert_eq!(*method, "Email/set");
    assert_eq!(answer["accountId"], "from");
    assert_eq!(answer["destroyed"], json!(["e1"]));
    host.finish();
}

#[test]
fn a_copy_stays_where_its_original_does() {
    let host = host();
    host.set_emails
        .then(Box::new(|_, _, _, _| Err(Error::StateMismatch)));
    let ran = ran(&host, COPY, arguments(true), CreatedIds::default());
    assert_eq!(ran.answer.unwrap()["created"]["k"]["id"], "n1");
    assert_eq!(ran.implicit, [("error", json!({"type": "stateMismatch"}))]);
    host.finish();
}

#[test]
fn what_is_not_run_copies_nothing() {
    let host = Scripted::default();
    for (from, account, expected) in [
        ("x", "a", Kind::FromAccountNotFound),
        ("from", "x", Kind::AccountNotFound),
        ("from", "shared", Kind::AccountReadOnly),
        ("a", "a", Kind::InvalidArguments),
    ] {
        let arguments = json!({"fromAccountId": from, "accountId": account, "create": {}});
        assert_eq!(kind(&host, COPY, arguments), expected);
    }
}
