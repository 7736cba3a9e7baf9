//! `Thread/…` (RFC 8621 §3).

use mail_api::bindings::concierge::mail::accounts::{Changes, DataType};
use mail_api::bindings::concierge::mail::emails::{Email, Thread};
use mail_api::bindings::concierge::mail::search::Page;
use mail_api::scripted::Scripted;
use serde_json::json;

use crate::fixtures::{answer, error, no_changes, texts};

fn thread(id: &str, emails: &[&str]) -> Thread {
    Thread {
        id: id.to_owned(),
        emails: texts(emails),
    }
}

/// The example of RFC 8621 §3.1.1.
#[test]
fn threads_have_their_emails_oldest_first() {
    let host = Scripted::default();
    host.threads.then(Box::new(|_, account, ids| {
        assert_eq!((account, ids), ("a", texts(&["f123u4", "f41u44"])));
        let threads = vec![
            thread("f41u44", &["fm1u312"]),
            thread("f123u4", &["eaa623", "f782cbb"]),
        ];
        Ok((threads, 9))
    }));
    let expected = json!({"accountId": "a", "state": "9", "list": [
        {"id": "f123u4", "emailIds": ["eaa623", "f782cbb"]},
        {"id": "f41u44", "emailIds": ["fm1u312"]},
    ], "notFound": []});
    let arguments = json!({"accountId": "a", "ids": ["f123u4", "f41u44", "f123u4"]});
    assert_eq!(answer(&host, "Thread/get", arguments), expected);
    let unknown = json!({"accountId": "a", "ids": [], "properties": ["emails"]});
    assert_eq!(error(&host, "Thread/get", unknown), "invalidArguments");
}

#[test]
fn without_ids_all_are_given_in_the_state_from_before_they_were_listed() {
    let host = Scripted::default();
    host.states.then(Box::new(|_, _| {
        Ok(vec![(DataType::Email, 5), (DataType::Thread, 6)])
    }));
    host.query_emails.then(Box::new(|_, _, query, window| {
        assert!(query.collapse_threads && window.limit == 501);
        Ok(Page {
            query_state: 1,
            can_calculate_changes: true,
            position: 0,
            ids: texts(&["e1", "e2"]),
            total: None,
        })
    }));
    host.emails.then(Box::new(|_, _, ids, detail| {
        assert!(!detail.structure && !detail.all_headers);
        let email = |id: String| Email {
            thread_id: format!("t{id}"),
            id,
            blob_id: String::new(),
            mailboxes: Vec::new(),
            keywords: Vec::new(),
            size: 1,
            received_us: 1,
            headers: Vec::new(),
            has_attachment: false,
            preview: String::new(),
            parts: Vec::new(),
            texts: Vec::new(),
        };
        Ok((ids.into_iter().map(email).collect(), 8))
    }));
    host.threads.then(Box::new(|_, _, ids| {
        assert_eq!(ids, texts(&["te1", "te2"]));
        Ok((ids.iter().map(|id| thread(id, &["e"])).collect(), 9))
    }));
    let expected = json!({"accountId": "a", "state": "6", "list": [{"id": "te1"}, {"id": "te2"}], "notFound": []});
    let arguments = json!({"accountId": "a", "ids": null, "properties": ["id"]});
    assert_eq!(answer(&host, "Thread/get", arguments), expected);
}

#[test]
fn changes_are_those_of_the_host() {
    let host = Scripted::default();
    host.threads_changed
        .then(Box::new(|_, account, since, max| {
            assert_eq!((account, since, max), ("r", 4, 0));
            Ok(Changes {
                updated: texts(&["t1"]),
                destroyed: texts(&["t2"]),
                has_more: true,
                ..no_changes(4, 6)
            })
        }));
    let expected = json!({
        "accountId": "r", "oldState": "4", "newState": "6", "hasMoreChanges": true, "created": [],
        "updated": ["t1"], "destroyed": ["t2"]
    });
    let arguments = json!({"accountId": "r", "sinceState": "4"});
    assert_eq!(answer(&host, "Thread/changes", arguments), expected);
    let none = json!({"accountId": "r", "sinceState": "4", "maxChanges": 0});
    assert_eq!(error(&host, "Thread/changes", none), "invalidArguments");
}
