//! `Email/set` with the host scripted.

use super::*;
use crate::bindings::concierge::mail::accounts::Error;
use crate::bindings::concierge::mail::emails::{Edited, Made};
use crate::bindings::concierge::mail::messages::References;
use crate::jmap::context::CreatedIds;
use crate::methods::email::tests::{kind, ran, tell};
use crate::scripted::Scripted;
use serde_json::json;

const SET: &str = "Email/set";

fn made(id: &str) -> Done {
    Done::Made(Made {
        id: id.to_owned(),
        blob_id: "b".to_owned(),
        thread_id: "t".to_owned(),
        size: 7,
    })
}

fn refusal(reason: Reason, subjects: &[&str]) -> Refusal {
    Refusal {
        reason,
        description: String::new(),
        properties: vec![],
        subjects: subjects.iter().map(|text| (*text).to_owned()).collect(),
        limit: 0,
    }
}

fn edited(old_state: State, items: Vec<Result<Done, Refusal>>) -> Result<Edited, Error> {
    Ok(Edited {
        old_state,
        new_state: old_state + 1,
        items,
    })
}

#[test]
fn all_kinds_of_changes_are_one_call_of_the_host() {
    let host = Scripted::default();
    host.set_emails
        .then(Box::new(|_, account, if_in_state, edits| {
            assert_eq!((account, if_in_state), ("a", Some(3)));
            let [
                Edit::Create(draft),
                Edit::Update(patch),
                Edit::Update(_),
                Edit::Destroy(id),
                Edit::Destroy(_),
            ] = edits.as_slice()
            else {
                panic!("other edits: {edits:?}");
            };
            assert_eq!(draft.mailboxes, ["m9"]);
            assert_eq!(
                (patch.id.as_str(), patch.add_keywords.as_slice()),
                ("e1", ["$seen".to_owned()].as_slice())
            );
            assert_eq!(id, "e3");
            edited(
                3,
                vec![
                    Ok(made("e9")),
                    Ok(Done::Changed("e1".to_owned())),
                    Err(refusal(Reason::TooManyMailboxes, &[])),
                    Ok(Done::Destroyed("e3".to_owned())),
                    Err(refusal(Reason::NotFound, &[])),
                ],
            )
        }));
    let mut created = CreatedIds::default();
    created.insert("box", "m9");
    let arguments = json!({
        "accountId": "a",
        "ifInState": "3",
        "create": {"k": {"mailboxIds": {"#box": true}}, "l": {"mailboxIds": {}}},
        "update": {
            "#nothing": {"keywords": {}},
            "e1": {"keywords/$Seen": true},
            "e2": {"mailboxIds": {"m": true}},
            "e3": {"keywords": {}},
            "e5": {"subject": "x"}
        },
        "destroy": ["e3", "e4", "#nothing"]
    });
    let ran = ran(&host, SET, arguments, created);
    let answer = ran.answer.unwrap();
    assert_eq!(
        (&answer["oldState"], &answer["newState"]),
        (&json!("3"), &json!("4"))
    );
    let expected = json!({"k": {"id": "e9", "blobId": "b", "threadId": "t", "size": 7}});
    assert_eq!(answer["created"], expected);
    assert_eq!(answer["updated"], json!({"e1": null}));
    assert_eq!(answer["destroyed"], json!(["e3"]));
    for (map, key, expected) in [
        ("notCreated", "l", "invalidProperties"),
        ("notUpdated", "#nothing", "notFound"),
        ("notUpdated", "e2", "tooManyMailboxes"),
        ("notUpdated", "e3", "willDestroy"),
        ("notUpdated", "e5", "invalidProperties"),
        ("notDestroyed", "e4", "notFound"),
        ("notDestroyed", "#nothing", "notFound"),
    ] {
        assert_eq!(answer[map][key]["type"], expected, "{map} {key}");
    }
    assert_eq!(ran.created.resolve("#k"), Some("e9"));
    host.finish();
}

#[test]
fn what_was_just_made_can_be_changed() {
    let host = Scripted::default();
    host.set_emails.then(Box::new(|_, _, if_in_state, edits| {
        assert_eq!((if_in_state, edits.len()), (Some(3), 1));
        edited(3, vec![Ok(made("e9"))])
    }));
    host.set_emails.then(Box::new(|_, _, if_in_state, edits| {
        assert_eq!(if_in_state, None);
        let [Edit::Update(patch)] = edits.as_slice() else {
            panic!("other edits: {edits:?}");
        };
        assert_eq!(patch.id, "e9");
        edited(4, vec![Ok(Done::Changed("e9".to_owned()))])
    }));
    let arguments = || {
        json!({
            "accountId": "a", "ifInState": "3", "create": {"k": {"mailboxIds": {"m": true}}},
            "update": {"#k": {"keywords/a": true}}
        })
    };
    let answer = tell(&host, SET, arguments()).unwrap();
    assert_eq!(
        (&answer["oldState"], &answer["newState"]),
        (&json!("3"), &json!("5"))
    );
    assert_eq!(answer["updated"], json!({"e9": null}));
    host.finish();

    host.set_emails
        .then(Box::new(|_, _, _, _| edited(3, vec![Ok(made("e9"))])));
    host.set_emails
        .then(Box::new(|_, _, _, _| Err(Error::Unavailable)));
    assert_eq!(kind(&host, SET, arguments()), Kind::ServerPartialFail);
    host.finish();
}

#[test]
fn states_are_told_where_nothing_is_changed() {
    let host = Scripted::default();
    host.set_emails.then(Box::new(|_, _, if_in_state, edits| {
        assert_eq!((if_in_state, edits.len()), (None, 0));
        Ok(Edited {
            old_state: 5,
            new_state: 5,
            items: vec![],
        })
    }));
    let answer = tell(&host, SET, json!({"accountId": "a"})).unwrap();
    assert_eq!(
        (&answer["oldState"], &answer["newState"]),
        (&json!("5"), &json!("5"))
    );
    assert_eq!(answer["created"], Value::Null);
    host.finish();
}

/// RFC 8621 §4.6: "notFound: Id[] — every blobId ... that could not be found".
#[test]
fn all_blobs_that_are_missing_are_named() {
    let host = Scripted::default();
    host.set_emails.then(Box::new(|_, _, _, _| {
        edited(3, vec![Err(refusal(Reason::BlobNotFound, &["b1"]))])
    }));
    host.lookup_blobs.then(Box::new(|_, account, blobs| {
        assert_eq!(account, "a");
        assert_eq!(blobs, ["b1", "b2", "b3"]);
        Ok(vec![References {
            id: "b2".to_owned(),
            emails: vec![],
            threads: vec![],
            mailboxes: vec![],
        }])
    }));
    let attachments =
        json!([{"blobId": "b1"}, {"blobId": "b2"}, {"blobId": "b3"}, {"blobId": "b1"}]);
    let create = json!({"k": {"mailboxIds": {"m": true}, "attachments": attachments}});
    let answer = tell(&host, SET, json!({"accountId": "a", "create": create})).unwrap();
    let error = &answer["notCreated"]["k"];
    assert_eq!(error["type"], "blobNotFound");
    assert_eq!(error["notFound"], json!(["b1", "b3"]));
    host.finish();
}

#[test]
fn what_is_not_run_changes_nothing() {
    let host = Scripted::default();
    for (arguments, expected) in [
        (json!({"accountId": "x"}), Kind::AccountNotFound),
        (json!({"accountId": "shared"}), Kind::AccountReadOnly),
        (
            json!({"accountId": "a", "ifInState": "x"}),
            Kind::StateMismatch,
        ),
        (
            json!({"accountId": "a", "create": {"k": 1}}),
            Kind::InvalidArguments,
        ),
        (
            json!({"accountId": "a", "destroy": vec!["e"; 501]}),
            Kind::RequestTooLarge,
        ),
    ] {
        assert_eq!(kind(&host, SET, arguments), expected);
    }
    host.set_emails
        .then(Box::new(|_, _, _, _| Err(Error::StateMismatch)));
    let arguments = json!({"accountId": "a", "ifInState": "1", "destroy": ["e"]});
    assert_eq!(kind(&host, SET, arguments), Kind::StateMismatch);
    host.finish();
}
