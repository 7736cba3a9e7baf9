//! `Mailbox/set` (RFC 8621 §2.5).

use mail_api::bindings::concierge::mail::accounts::{Error, Reason};
use mail_api::bindings::concierge::mail::mailboxes::{Details, Edit, Mailbox, Patch, Removal};
use mail_api::scripted::Scripted;
use serde_json::{Value, json};

use crate::fixtures::{answer, error, mailbox, outcomes, refusal, responses};

fn lists(host: &Scripted, state: u64, mailboxes: Vec<Mailbox>) {
    host.mailboxes
        .then(Box::new(move |_, _| Ok((mailboxes, state))));
}

fn details(name: &str, parent: Option<&str>) -> Details {
    Details {
        name: name.to_owned(),
        parent: parent.map(str::to_owned),
        role: None,
        sort_order: 0,
        subscribed: true,
    }
}

fn rename(id: &str, name: &str) -> Edit {
    Edit::Update(Patch {
        id: id.to_owned(),
        name: Some(name.to_owned()),
        parent: None,
        role: None,
        sort_order: None,
        subscribed: None,
    })
}

fn removal(id: &str, remove_emails: bool) -> Edit {
    let id = id.to_owned();
    Edit::Destroy(Removal { id, remove_emails })
}

/// RFC 8621 §2.6, its last example.
#[test]
fn one_is_renamed_and_one_may_not_be_destroyed() {
    let host = Scripted::default();
    lists(
        &host,
        78_542,
        vec![
            mailbox("1", "Important mail", None),
            mailbox("2", "Inbox", None),
        ],
    );
    host.set_mailboxes
        .then(Box::new(|_, account, if_in_state, edits| {
            assert_eq!((account, if_in_state), ("a", Some(78_542)));
            assert_eq!(
                edits,
                [rename("1", "Maybe important mail"), removal("2", false)]
            );
            Ok(outcomes(
                78_542,
                78_549,
                [Ok("1"), Err(refusal(Reason::Forbidden))],
            ))
        }));
    lists(
        &host,
        78_549,
        vec![
            mailbox("1", "Maybe important mail", None),
            mailbox("2", "Inbox", None),
        ],
    );
    let arguments = json!({
        "accountId": "a",
        "ifInState": "78542",
        "update": {"1": {"name": "Maybe important mail"}},
        "destroy": ["2"]
    });
    let expected = json!({
        "accountId": "a",
        "oldState": "78542",
        "newState": "78549",
        "created": null,
        "updated": {"1": null},
        "destroyed": null,
        "notCreated": null,
        "notUpdated": null,
        "notDestroyed": {"2": {"type": "forbidden"}}
    });
    assert_eq!(answer(&host, "Mailbox/set", arguments), expected);
}

#[test]
fn nothing_is_done_in_another_state() {
    let host = Scripted::default();
    lists(&host, 5, Vec::new());
    let arguments = json!({"accountId": "a", "ifInState": "4", "create": {"k": {"name": "n"}}});
    assert_eq!(error(&host, "Mailbox/set", arguments), "stateMismatch");
    // It changes between the two calls of the host.
    let host = Scripted::default();
    lists(&host, 4, Vec::new());
    host.set_mailboxes
        .then(Box::new(|_, _, _, _| Err(Error::StateMismatch)));
    let arguments = json!({"accountId": "a", "ifInState": "4", "create": {"k": {"name": "n"}}});
    assert_eq!(error(&host, "Mailbox/set", arguments), "stateMismatch");
}

#[test]
fn mailboxes_are_made_in_each_other_in_any_order() {
    let host = Scripted::default();
    lists(&host, 1, Vec::new());
    host.set_mailboxes
        .then(Box::new(|_, _, if_in_state, edits| {
            assert_eq!(if_in_state, Some(1));
            assert_eq!(edits, [Edit::Create(details("Archive", None))]);
            Ok(outcomes(1, 2, [Ok("m1")]))
        }));
    lists(&host, 2, vec![mailbox("m1", "Archive", None)]);
    host.set_mailboxes
        .then(Box::new(|_, _, if_in_state, edits| {
            assert_eq!(if_in_state, None);
            assert_eq!(edits, [Edit::Create(details("2025", Some("m1")))]);
            Ok(outcomes(2, 3, [Ok("m2")]))
        }));
    let both = || {
        vec![
            mailbox("m1", "Archive", None),
            mailbox("m2", "2025", Some("m1")),
        ]
    };
    lists(&host, 3, both());
    // The next call of the request knows them, too.
    lists(&host, 3, both());
    host.set_mailboxes.then(Box::new(|_, _, _, edits| {
        assert_eq!(edits, [rename("m2", "2026")]);
        Ok(outcomes(3, 4, [Ok("m2")]))
    }));
    lists(&host, 4, both());
    let responses = responses(
        &host,
        json!([
            ["Mailbox/set", {
                "accountId": "a",
                "ifInState": "1",
                "create": {
                    "a": {"name": "2025", "parentId": "#z"},
                    "b": {"name": "lost", "parentId": "#nothing"},
                    "z": {"name": "Archive"}
                }
            }, "0"],
            ["Mailbox/set", {"accountId": "a", "update": {"#a": {"name": "2026"}}}, "1"]
        ]),
    );
    let told = &responses[0][1];
    assert_eq!(
        (&told["oldState"], &told["newState"]),
        (&json!("1"), &json!("3"))
    );
    let made = &told["created"]["a"];
    // What the client said is not repeated, what it could not know is told.
    assert_eq!(made["id"], "m2");
    assert_eq!(made["parentId"], "m1");
    assert_eq!(made["sortOrder"], 0);
    assert_eq!(made["myRights"]["mayDelete"], true);
    assert_eq!(made.get("name"), None);
    assert_eq!(told["notCreated"]["b"]["properties"], json!(["parentId"]));
    // "2025" is not what was asked for: the host made something else of it.
    assert_eq!(responses[1][1]["updated"], json!({"m2": {"name": "2025"}}));
}

#[test]
fn what_is_in_what_was_not_made_is_not_made() {
    let host = Scripted::default();
    lists(&host, 1, Vec::new());
    host.set_mailboxes.then(Box::new(|_, _, _, edits| {
        assert_eq!(edits.len(), 1);
        Ok(outcomes(1, 1, [Err(refusal(Reason::OverQuota))]))
    }));
    lists(&host, 1, Vec::new());
    let arguments = json!({
        "accountId": "a",
        "create": {"p": {"name": "p"}, "c": {"name": "c", "parentId": "#p"}, "d": {"name": "d", "parentId": "#c"}}
    });
    let told = answer(&host, "Mailbox/set", arguments);
    assert_eq!(told["created"], Value::Null);
    assert_eq!(told["notCreated"]["p"]["type"], "overQuota");
    assert_eq!(told["notCreated"]["c"]["type"], "invalidProperties");
    assert_eq!(told["notCreated"]["d"]["type"], "invalidProperties");
}

#[test]
fn a_failure_after_something_was_done_is_told_as_such() {
    let host = Scripted::default();
    lists(&host, 1, Vec::new());
    host.set_mailboxes
        .then(Box::new(|_, _, _, _| Ok(outcomes(1, 2, [Ok("m1")]))));
    lists(&host, 2, vec![mailbox("m1", "p", None)]);
    host.set_mailboxes
        .then(Box::new(|_, _, _, _| Err(Error::Unavailable)));
    let create = json!({"p": {"name": "p"}, "c": {"name": "c", "parentId": "#p"}});
    let arguments = json!({"accountId": "a", "create": create});
    assert_eq!(
        error(&host, "Mailbox/set", arguments.clone()),
        "serverPartialFail"
    );
    let host = Scripted::default();
    lists(&host, 1, Vec::new());
    host.set_mailboxes
        .then(Box::new(|_, _, _, _| Err(Error::Unavailable)));
    assert_eq!(error(&host, "Mailbox/set", arguments), "serverUnavailable");
}

#[test]
fn mail_goes_with_its_mailbox_where_it_is_asked_for() {
    let host = Scripted::default();
    lists(
        &host,
        1,
        vec![mailbox("p", "p", None), mailbox("c", "c", Some("p"))],
    );
    host.set_mailboxes.then(Box::new(|_, _, _, edits| {
        assert_eq!(edits, [removal("c", true), removal("p", true)]);
        Ok(outcomes(1, 2, [Ok("c"), Ok("p")]))
    }));
    lists(&host, 2, Vec::new());
    let arguments = json!({"accountId": "a", "destroy": ["p", "c"], "onDestroyRemoveEmails": true});
    let told = answer(&host, "Mailbox/set", arguments);
    assert_eq!(told["destroyed"], json!(["c", "p"]));
}

#[test]
fn what_can_be_refused_at_once_does_not_reach_the_host() {
    let host = Scripted::default();
    lists(
        &host,
        1,
        vec![mailbox("m", "m", None), mailbox("n", "n", None)],
    );
    host.set_mailboxes.then(Box::new(|_, _, _, edits| {
        assert_eq!(edits, [removal("n", false)]);
        Ok(outcomes(1, 1, [Err(refusal(Reason::MailboxHasEmail))]))
    }));
    lists(
        &host,
        1,
        vec![mailbox("m", "m", None), mailbox("n", "n", None)],
    );
    let arguments = json!({
        "accountId": "a",
        "create": {"k": {"name": "", "totalEmails": 1}},
        "update": {
            "m": {"totalEmails": 4, "name": "m"},
            "n": {"name": "o"},
            "x": {"name": "x"},
            "#y": {"name": "y"}
        },
        "destroy": ["n", "#z"]
    });
    let told = answer(&host, "Mailbox/set", arguments);
    assert_eq!(told["updated"], json!({"m": null}));
    assert_eq!(
        told["notCreated"]["k"]["properties"],
        json!(["name", "totalEmails"])
    );
    assert_eq!(told["notUpdated"]["n"]["type"], "willDestroy");
    assert_eq!(told["notUpdated"]["x"]["type"], "notFound");
    assert_eq!(told["notUpdated"]["#y"]["type"], "notFound");
    assert_eq!(told["notDestroyed"]["n"]["type"], "mailboxHasEmail");
    assert_eq!(told["notDestroyed"]["#z"]["type"], "notFound");
}
