//! `Mailbox/get`, `changes`, `query` and `queryChanges` (RFC 8621 §2.1 to §2.4).

use mail_api::bindings::concierge::mail::accounts::{Changes, Error};
use mail_api::bindings::concierge::mail::mailboxes::Mailbox;
use mail_api::scripted::Scripted;
use serde_json::{Value, json};

use crate::fixtures::{answer, error, mailbox, no_changes, responses, texts};

/// Inbox (i) and Archive (a) with 2025 (b).
fn mailboxes() -> Vec<Mailbox> {
    vec![
        mailbox("i", "Inbox", None),
        mailbox("a", "Archive", None),
        mailbox("b", "2025", Some("a")),
    ]
}

fn host() -> Scripted {
    let host = Scripted::default();
    host.mailboxes.then(Box::new(|token, account| {
        assert_eq!((token, account), ("token", "a"));
        Ok((mailboxes(), 7))
    }));
    host
}

#[test]
fn mailboxes_come_in_the_order_of_their_ids() {
    let arguments =
        json!({"accountId": "a", "ids": ["b", "x", "i", "b"], "properties": ["name", "parentId"]});
    let expected = json!({
        "accountId": "a",
        "state": "7",
        "list": [
            {"id": "b", "name": "2025", "parentId": "a"},
            {"id": "i", "name": "Inbox", "parentId": null}
        ],
        "notFound": ["x"]
    });
    assert_eq!(answer(&host(), "Mailbox/get", arguments), expected);
    let all = answer(
        &host(),
        "Mailbox/get",
        json!({"accountId": "a", "ids": null}),
    );
    assert_eq!(all["list"].as_array().unwrap().len(), 3);
    assert_eq!(all["list"][0]["totalEmails"], 4);
}

#[test]
fn in_an_account_of_another_one_may_read() {
    let host = Scripted::default();
    host.mailboxes.then(Box::new(|_, _| Ok((mailboxes(), 7))));
    let told = answer(
        &host,
        "Mailbox/get",
        json!({"accountId": "r", "ids": ["i"]}),
    );
    let rights = &told["list"][0]["myRights"];
    assert_eq!(rights["mayReadItems"], true);
    assert_eq!(rights["mayDelete"], false);
}

#[test]
fn what_cannot_be_asked_is_not_asked_of_the_host() {
    let host = Scripted::default();
    for (method, arguments, kind) in [
        ("Mailbox/get", json!({"accountId": "x"}), "accountNotFound"),
        (
            "Mailbox/get",
            json!({"accountId": "a", "properties": ["size"]}),
            "invalidArguments",
        ),
        ("Mailbox/get", json!({"ids": null}), "invalidArguments"),
        (
            "Mailbox/changes",
            json!({"accountId": "a", "sinceState": "?"}),
            "cannotCalculateChanges",
        ),
        (
            "Mailbox/query",
            json!({"accountId": "a", "filter": {"size": 1}}),
            "unsupportedFilter",
        ),
        (
            "Mailbox/query",
            json!({"accountId": "a", "sort": [{"property": "size"}]}),
            "unsupportedSort",
        ),
        (
            "Mailbox/query",
            json!({"accountId": "a", "collapseThreads": true}),
            "invalidArguments",
        ),
        ("Mailbox/set", json!({"accountId": "r"}), "accountReadOnly"),
        ("Mailbox/copy", json!({"accountId": "a"}), "unknownMethod"),
    ] {
        assert_eq!(
            error(&host, method, arguments.clone()),
            kind,
            "{method} {arguments}"
        );
    }
}

/// RFC 8621 §2.6: what changed, and then only that of it.
#[test]
fn counts_are_read_alone_where_they_alone_changed() {
    let calls = json!([
        ["Mailbox/changes", {"accountId": "a", "sinceState": "6"}, "0"],
        ["Mailbox/get", {
            "accountId": "a",
            "#ids": {"resultOf": "0", "name": "Mailbox/changes", "path": "/created"}
        }, "1"],
        ["Mailbox/get", {
            "accountId": "a",
            "#ids": {"resultOf": "0", "name": "Mailbox/changes", "path": "/updated"},
            "#properties": {"resultOf": "0", "name": "Mailbox/changes", "path": "/updatedProperties"}
        }, "2"]
    ]);
    for only_counts in [true, false] {
        let host = Scripted::default();
        host.mailboxes_changed
            .then(Box::new(move |_, _, since, max| {
                assert_eq!((since, max), (6, 0));
                let updated = texts(&["i"]);
                Ok(Changes {
                    updated,
                    only_counts,
                    ..no_changes(6, 7)
                })
            }));
        for _ in 0..2 {
            host.mailboxes.then(Box::new(|_, _| Ok((mailboxes(), 7))));
        }
        let responses = responses(&host, calls.clone());
        let changes = &responses[0][1];
        assert_eq!(changes["oldState"], "6");
        assert_eq!(changes["newState"], "7");
        assert_eq!(responses[1][1]["list"], json!([]));
        let updated = responses[2][1]["list"].as_array().unwrap();
        if only_counts {
            let counts = json!([
                "totalEmails",
                "unreadEmails",
                "totalThreads",
                "unreadThreads"
            ]);
            assert_eq!(changes["updatedProperties"], counts);
            let told = json!({"id": "i", "totalEmails": 4, "unreadEmails": 3, "totalThreads": 2, "unreadThreads": 1});
            assert_eq!(*updated, [told]);
        } else {
            assert_eq!(changes["updatedProperties"], Value::Null);
            assert_eq!(updated[0]["name"], "Inbox");
        }
    }
}

#[test]
fn results_are_given_in_windows() {
    let query = |more: Value| {
        let mut arguments = json!({"accountId": "a", "sort": [{"property": "name"}]});
        let all = arguments.as_object_mut().unwrap();
        all.extend(more.as_object().cloned().unwrap());
        answer(&host(), "Mailbox/query", arguments)
    };
    let all = query(json!({"calculateTotal": true}));
    let expected = json!({
        "accountId": "a", "queryState": "7", "canCalculateChanges": true, "position": 0,
        "ids": ["b", "a", "i"], "total": 3, "limit": 1000
    });
    assert_eq!(all, expected);
    let window = query(json!({"position": 1, "limit": 1}));
    assert_eq!(
        (&window["ids"], &window["position"]),
        (&json!(["a"]), &json!(1))
    );
    assert_eq!(window.get("total"), None);
    let window = query(json!({"position": -1}));
    assert_eq!(
        (&window["ids"], &window["position"]),
        (&json!(["i"]), &json!(2))
    );
    let window = query(json!({"anchor": "a", "anchorOffset": -5, "limit": 2}));
    assert_eq!(
        (&window["ids"], &window["position"]),
        (&json!(["b", "a"]), &json!(0))
    );
    let window = query(json!({"position": 90}));
    assert_eq!(window["ids"], json!([]));
    let lost = json!({"accountId": "a", "anchor": "x"});
    assert_eq!(error(&host(), "Mailbox/query", lost), "anchorNotFound");
}

#[test]
fn changed_results_are_told_by_what_changed() {
    let host = host();
    host.mailboxes_changed.then(Box::new(|_, _, since, _| {
        let (created, destroyed) = (texts(&["b"]), texts(&["x"]));
        Ok(Changes {
            created,
            destroyed,
            ..no_changes(since, 7)
        })
    }));
    let arguments = json!({
        "accountId": "a", "sinceQueryState": "5", "sort": [{"property": "name"}], "calculateTotal": true
    });
    let expected = json!({
        "accountId": "a", "oldQueryState": "5", "newQueryState": "7", "total": 3,
        "removed": ["x"], "added": [{"id": "b", "index": 0}]
    });
    assert_eq!(answer(&host, "Mailbox/queryChanges", arguments), expected);
}

#[test]
fn new_mail_moves_no_mailbox() {
    let host = host();
    host.mailboxes_changed.then(Box::new(|_, _, since, _| {
        let updated = texts(&["i", "a"]);
        Ok(Changes {
            updated,
            only_counts: true,
            ..no_changes(since, 7)
        })
    }));
    let arguments = json!({"accountId": "a", "sinceQueryState": "5", "maxChanges": 1});
    let told = answer(&host, "Mailbox/queryChanges", arguments);
    assert_eq!((&told["removed"], &told["added"]), (&json!([]), &json!([])));
}

/// Another client changes a mailbox between the two calls of the host: the lists would not be of one state.
#[test]
fn changes_and_results_are_of_one_state() {
    let host = Scripted::default();
    for (changes_state, state) in [(7, 8), (8, 8)] {
        host.mailboxes_changed.then(Box::new(move |_, _, since, _| {
            Ok(no_changes(since, changes_state))
        }));
        host.mailboxes
            .then(Box::new(move |_, _| Ok((mailboxes(), state))));
    }
    let arguments = json!({"accountId": "a", "sinceQueryState": "5"});
    let told = answer(&host, "Mailbox/queryChanges", arguments.clone());
    assert_eq!(told["newQueryState"], "8");

    let host = Scripted::default();
    host.mailboxes_changed.then(Box::new(|_, _, since, _| {
        Ok(Changes {
            has_more: true,
            ..no_changes(since, 6)
        })
    }));
    assert_eq!(
        error(&host, "Mailbox/queryChanges", arguments.clone()),
        "cannotCalculateChanges"
    );

    let host = Scripted::default();
    host.mailboxes_changed
        .then(Box::new(|_, _, _, _| Err(Error::CannotCalculateChanges)));
    assert_eq!(
        error(&host, "Mailbox/queryChanges", arguments),
        "cannotCalculateChanges"
    );
}
