//! `EmailSubmission/get`, `changes`, `query` and `queryChanges` (RFC 8621 §7.1 to §7.4).

use mail_api::bindings::concierge::mail::accounts::{Changes, DataType};
use mail_api::bindings::concierge::mail::submissions::{Filter, Submission, UndoStatus};
use mail_api::scripted::Scripted;
use serde_json::json;

use crate::fixtures::{answer, error, no_changes, submission, texts};

/// All conditions that a filter can have, and none of them given.
fn every() -> Filter {
    Filter {
        senders: None,
        emails: None,
        threads: None,
        undo_status: None,
        before_us: None,
        after_us: None,
    }
}

#[test]
fn submissions_come_in_the_order_of_their_ids() {
    let host = Scripted::default();
    host.submissions.then(Box::new(|_, account, ids| {
        assert_eq!((account, ids), ("a", texts(&["2", "x", "1"])));
        Ok((vec![submission("1"), submission("2")], 4))
    }));
    let arguments = json!({"accountId": "a", "ids": ["2", "x", "1"], "properties": ["undoStatus"]});
    let expected = json!({
        "accountId": "a",
        "state": "4",
        "list": [{"id": "2", "undoStatus": "pending"}, {"id": "1", "undoStatus": "pending"}],
        "notFound": ["x"]
    });
    assert_eq!(answer(&host, "EmailSubmission/get", arguments), expected);
}

/// To the host no ids are all submissions.
#[test]
fn none_are_not_all() {
    let host = Scripted::default();
    host.states.then(Box::new(|_, _| {
        Ok(vec![(DataType::Email, 9), (DataType::EmailSubmission, 4)])
    }));
    let told = answer(
        &host,
        "EmailSubmission/get",
        json!({"accountId": "a", "ids": []}),
    );
    assert_eq!((&told["list"], &told["state"]), (&json!([]), &json!("4")));
}

#[test]
fn all_are_given_where_one_call_gives_them() {
    for (there, fits) in [(499, true), (500, true), (501, false)] {
        let host = Scripted::default();
        host.submissions.then(Box::new(move |_, _, ids| {
            assert!(ids.is_empty());
            // As the contract has it.
            let given = (0..there.min(500)).map(|n| submission(&n.to_string()));
            Ok((given.collect(), 4))
        }));
        if there >= 500 {
            host.query_submissions.then(Box::new(move |_, _, filter| {
                assert_eq!(filter, every());
                Ok(((0..there).map(|n| n.to_string()).collect(), 4))
            }));
        }
        let arguments = json!({"accountId": "a", "ids": null, "properties": ["id"]});
        if fits {
            let told = answer(&host, "EmailSubmission/get", arguments);
            assert_eq!(told["list"].as_array().unwrap().len(), there);
        } else {
            assert_eq!(
                error(&host, "EmailSubmission/get", arguments),
                "requestTooLarge"
            );
        }
    }
}

#[test]
fn what_changed_is_told() {
    let host = Scripted::default();
    host.submissions_changed.then(Box::new(|_, _, since, max| {
        assert_eq!((since, max), (2, 0));
        let (updated, destroyed) = (texts(&["1"]), texts(&["2"]));
        Ok(Changes {
            updated,
            destroyed,
            ..no_changes(2, 3)
        })
    }));
    let expected = json!({
        "accountId": "a", "oldState": "2", "newState": "3", "hasMoreChanges": false,
        "created": [], "updated": ["1"], "destroyed": ["2"]
    });
    let arguments = json!({"accountId": "a", "sinceState": "2"});
    assert_eq!(
        answer(&host, "EmailSubmission/changes", arguments),
        expected
    );
}

#[test]
fn one_condition_is_the_hosts() {
    let host = Scripted::default();
    host.query_submissions.then(Box::new(|_, _, filter| {
        let expected = Filter {
            senders: Some(texts(&["i1"])),
            emails: Some(texts(&["e1"])),
            threads: Some(texts(&["t1", "t2"])),
            undo_status: Some(UndoStatus::Pending),
            before_us: Some(1_414_649_520_000_000),
            after_us: Some(0),
        };
        assert_eq!(filter, expected);
        Ok((texts(&["3", "2", "1"]), 4))
    }));
    let arguments = json!({
        "accountId": "a",
        "filter": {
            "identityIds": ["i1"], "emailIds": ["e1"], "threadIds": ["t1", "t2"], "undoStatus": "pending",
            "before": "2014-10-30T06:12:00Z", "after": "1970-01-01T00:00:00Z"
        },
        "position": 1,
        "calculateTotal": true
    });
    let expected = json!({
        "accountId": "a", "queryState": "4", "canCalculateChanges": true, "position": 1,
        "ids": ["2", "1"], "total": 3, "limit": 1000
    });
    assert_eq!(answer(&host, "EmailSubmission/query", arguments), expected);
}

fn canceled(id: &str) -> Submission {
    let undo_status = UndoStatus::Canceled;
    Submission {
        undo_status,
        ..submission(id)
    }
}

/// The host has neither operators nor orders. What it is asked one after the other is read again where it changed
/// meanwhile.
#[test]
fn operators_and_orders_are_done_here() {
    let host = Scripted::default();
    for state in [6, 5] {
        host.query_submissions.then(Box::new(|_, _, filter| {
            assert_eq!(filter, every());
            Ok((texts(&["3", "2", "1"]), 5))
        }));
        host.submissions.then(Box::new(move |_, _, ids| {
            assert_eq!(ids, texts(&["3", "2", "1"]));
            Ok((vec![submission("1"), canceled("2"), submission("3")], state))
        }));
    }
    let arguments = json!({
        "accountId": "a",
        "filter": {"operator": "NOT", "conditions": [{"undoStatus": "canceled"}]},
        "sort": [{"property": "emailId"}]
    });
    let told = answer(&host, "EmailSubmission/query", arguments);
    assert_eq!(
        (&told["ids"], &told["queryState"]),
        (&json!(["3", "1"]), &json!("5"))
    );
}

#[test]
fn a_changed_result_goes_and_comes() {
    let host = Scripted::default();
    host.submissions_changed.then(Box::new(|_, _, since, _| {
        let (created, updated) = (texts(&["3"]), texts(&["2", "1"]));
        Ok(Changes {
            created,
            updated,
            ..no_changes(since, 4)
        })
    }));
    host.query_submissions
        .then(Box::new(|_, _, _| Ok((texts(&["3", "1"]), 4))));
    let arguments = json!({
        "accountId": "a", "filter": {"undoStatus": "pending"}, "sinceQueryState": "2"
    });
    let expected = json!({
        "accountId": "a", "oldQueryState": "2", "newQueryState": "4",
        "removed": ["1", "2"], "added": [{"id": "3", "index": 0}, {"id": "1", "index": 1}]
    });
    assert_eq!(
        answer(&host, "EmailSubmission/queryChanges", arguments),
        expected
    );
}
