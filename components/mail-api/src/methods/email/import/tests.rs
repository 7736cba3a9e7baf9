//! `Email/import` with the host scripted.

use super::*;
use crate::bindings::concierge::mail::emails::{Done, Edited, Field, Made};
use crate::methods::email::tests::{kind, ran};
use crate::scripted::Scripted;
use serde_json::json;

const IMPORT: &str = "Email/import";

fn email(headers: &[(&str, &str)]) -> Email {
    Email {
        id: String::new(),
        blob_id: "b".to_owned(),
        thread_id: String::new(),
        mailboxes: vec![],
        keywords: vec![],
        size: 1,
        received_us: 0,
        headers: headers
            .iter()
            .map(|(name, value)| Field {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
            })
            .collect(),
        has_attachment: false,
        preview: String::new(),
        parts: vec![],
        texts: vec![],
    }
}

fn refusal(reason: Reason, subject: &str) -> Refusal {
    Refusal {
        reason,
        description: String::new(),
        properties: vec![],
        subjects: vec![subject.to_owned()],
        limit: 0,
    }
}

#[test]
fn each_message_is_imported_on_its_own() {
    let host = Scripted::default();
    host.parse_emails
        .then(Box::new(|_, account, blobs, detail| {
            assert_eq!((account, detail.all_headers), ("a", true));
            assert_eq!(blobs, ["b2", "b3"]);
            let received = " from x by y;\r\n Thu, 30 Oct 2014 07:12:00 +0100";
            Ok(vec![
                Ok(email(&[
                    ("Subject", " a; b"),
                    ("received", received),
                    ("Received", " z; x"),
                ])),
                Err(refusal(Reason::BlobNotFound, "b3")),
            ])
        }));
    host.set_emails
        .then(Box::new(|_, account, if_in_state, edits| {
            assert_eq!((account, if_in_state), ("a", Some(3)));
            let message = |blob: &str, keywords: &[&str], received_us| {
                Edit::Import(Message {
                    blob_id: blob.to_owned(),
                    mailboxes: vec!["m".to_owned()],
                    keywords: keywords.iter().map(|text| (*text).to_owned()).collect(),
                    received_us,
                })
            };
            let expected = [
                message("b1", &["$seen"], Some(1_000_000)),
                message("b2", &[], Some(1_414_649_520_000_000)),
                message("b3", &[], None),
            ];
            assert_eq!(edits, expected);
            let made = Made {
                id: "e1".to_owned(),
                blob_id: "b1".to_owned(),
                thread_id: "t1".to_owned(),
                size: 9,
            };
            Ok(Edited {
                old_state: 3,
                new_state: 4,
                items: vec![
                    Ok(Done::Made(made)),
                    Err(refusal(Reason::AlreadyExists, "e0")),
                    Err(refusal(Reason::BlobNotFound, "b3")),
                ],
            })
        }));
    let mailbox = || json!({"m": true});
    let arguments = json!({"accountId": "a", "ifInState": "3", "emails": {
        "1": {
            "blobId": "#up", "mailboxIds": mailbox(), "keywords": {"$Seen": true},
            "receivedAt": "1970-01-01T00:00:01Z"
        },
        "2": {"blobId": "b2", "mailboxIds": mailbox()},
        "3": {"blobId": "b3", "mailboxIds": mailbox()},
        "4": {"blobId": "#x", "mailboxIds": mailbox()},
        "5": {"blobId": "b1", "subject": "x"}
    }});
    let mut created = CreatedIds::default();
    created.insert("up", "b1");
    let ran = ran(&host, IMPORT, arguments, created);
    let answer = ran.answer.unwrap();
    let expected = json!({"1": {"id": "e1", "blobId": "b1", "threadId": "t1", "size": 9}});
    assert_eq!(answer["created"], expected);
    assert_eq!(
        (&answer["oldState"], &answer["newState"]),
        (&json!("3"), &json!("4"))
    );
    let refused = &answer["notCreated"];
    assert_eq!(refused["2"]["type"], "alreadyExists");
    assert_eq!(refused["2"]["existingId"], "e0");
    assert_eq!(refused["3"]["properties"], json!(["blobId"]));
    assert_eq!(refused["4"]["properties"], json!(["blobId"]));
    assert_eq!(refused["5"]["properties"], json!(["mailboxIds", "subject"]));
    assert_eq!(ran.created.resolve("#1"), Some("e1"));
    host.finish();
}

#[test]
fn messages_without_a_readable_date_have_none() {
    for value in [" x", " x; yesterday", " x; Thu, 30 Oct 1914 07:12:00 +0100"] {
        assert_eq!(received_us(&email(&[("Received", value)])), None, "{value}");
    }
    assert_eq!(received_us(&email(&[])), None);
}

#[test]
fn what_is_not_run_imports_nothing() {
    let host = Scripted::default();
    for (arguments, expected) in [
        (
            json!({"accountId": "shared", "emails": {}}),
            Kind::AccountReadOnly,
        ),
        (json!({"accountId": "a"}), Kind::InvalidArguments),
        (
            json!({"accountId": "a", "emails": {}, "ifInState": "-"}),
            Kind::StateMismatch,
        ),
    ] {
        assert_eq!(kind(&host, IMPORT, arguments), expected);
    }
}
