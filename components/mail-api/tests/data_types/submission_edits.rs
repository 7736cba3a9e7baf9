//! `EmailSubmission/set` (RFC 8621 §7.5).

use mail_api::bindings::concierge::mail::accounts::{DataType, Error, Reason, Refusal};
use mail_api::bindings::concierge::mail::submissions::{
    Edit, Envelope, Path, Request, Submission, UndoStatus,
};
use mail_api::scripted::{NOW_US, Scripted};
use serde_json::{Value, json};

use crate::fixtures::{answer, error, outcomes, refusal, responses, submission, texts};

fn path(email: &str, parameters: &[(&str, &str)]) -> Path {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), Some(value.to_owned()));
    Path {
        email: email.to_owned(),
        parameters: parameters.iter().map(owned).collect(),
    }
}

#[test]
fn the_host_says_from_whom_to_whom_and_when() {
    let host = Scripted::default();
    host.set_submissions
        .then(Box::new(|_, account, if_in_state, edits| {
            assert_eq!((account, if_in_state), ("a", Some(3)));
            let request = Request {
                sender_id: "i1".to_owned(),
                email_id: "e1".to_owned(),
                envelope: None,
                send_at_us: None,
            };
            assert_eq!(edits, [Edit::Create(request)]);
            Ok(outcomes(3, 4, [Ok("s1")]))
        }));
    host.submissions.then(Box::new(|_, _, ids| {
        assert_eq!(ids, texts(&["s1"]));
        Ok((vec![submission("s1")], 4))
    }));
    let arguments = json!({
        "accountId": "a", "ifInState": "3", "create": {"k": {"identityId": "i1", "emailId": "e1"}}
    });
    let told = answer(&host, "EmailSubmission/set", arguments);
    let made = json!({
        "id": "s1",
        "threadId": "t1",
        "envelope": {
            "mailFrom": {"email": "john@example.com", "parameters": null},
            "rcptTo": [{"email": "jane@example.com", "parameters": null}]
        },
        "sendAt": "2014-10-30T06:12:00Z",
        "undoStatus": "pending",
        "deliveryStatus": {},
        "dsnBlobIds": [],
        "mdnBlobIds": []
    });
    assert_eq!(told["created"], json!({"k": made}));
    assert_eq!(
        (&told["oldState"], &told["newState"]),
        (&json!("3"), &json!("4"))
    );
}

#[test]
fn a_time_in_the_envelope_is_when_it_is_sent() {
    let host = Scripted::default();
    host.set_submissions.then(Box::new(|_, _, _, edits| {
        let held = path("john@example.com", &[("HOLDUNTIL", "2026-01-02T00:00:00Z")]);
        let request = Request {
            sender_id: "i1".to_owned(),
            email_id: "e1".to_owned(),
            envelope: Some(Envelope {
                mail_from: held,
                rcpt_to: vec![path("jane@example.com", &[("NOTIFY", "NEVER")])],
            }),
            send_at_us: Some(NOW_US + 24 * 60 * 60 * 1_000_000),
        };
        assert_eq!(edits, [Edit::Create(request)]);
        Ok(outcomes(3, 4, [Ok("s1")]))
    }));
    host.submissions
        .then(Box::new(|_, _, _| Ok((vec![submission("s1")], 4))));
    let envelope = json!({
        "mailFrom": {"email": "john@example.com", "parameters": {"HOLDUNTIL": "2026-01-02T00:00:00Z"}},
        "rcptTo": [{"email": "jane@example.com", "parameters": {"NOTIFY": "NEVER"}}]
    });
    let create = json!({"k": {"identityId": "i1", "emailId": "e1", "envelope": envelope}});
    let told = answer(
        &host,
        "EmailSubmission/set",
        json!({"accountId": "a", "create": create}),
    );
    assert_eq!(told["created"]["k"]["id"], "s1");
}

#[test]
fn what_was_sent_is_told_even_where_it_cannot_be_read() {
    let host = Scripted::default();
    host.set_submissions
        .then(Box::new(|_, _, _, _| Ok(outcomes(3, 4, [Ok("s1")]))));
    host.submissions
        .then(Box::new(|_, _, _| Err(Error::Unavailable)));
    let create = json!({"k": {"identityId": "i1", "emailId": "e1"}});
    let told = answer(
        &host,
        "EmailSubmission/set",
        json!({"accountId": "a", "create": create}),
    );
    assert_eq!(told["created"], json!({"k": {"id": "s1"}}));
}

#[test]
fn refusals_say_what_is_at_fault() {
    let host = Scripted::default();
    host.set_submissions.then(Box::new(|_, _, _, edits| {
        assert_eq!(edits.len(), 5);
        let invalid = texts(&["nobody@"]);
        let properties = texts(&["from"]);
        Ok(outcomes(
            3,
            3,
            [
                Err(Refusal {
                    subjects: invalid,
                    ..refusal(Reason::InvalidRecipients)
                }),
                Err(Refusal {
                    limit: 100,
                    ..refusal(Reason::TooManyRecipients)
                }),
                Err(Refusal {
                    limit: 5_000,
                    ..refusal(Reason::TooLarge)
                }),
                Err(Refusal {
                    properties,
                    ..refusal(Reason::InvalidEmail)
                }),
                Err(refusal(Reason::ForbiddenToSend)),
            ],
        ))
    }));
    let one = json!({"identityId": "i1", "emailId": "e1"});
    let arguments = json!({
        "accountId": "a",
        "create": {"a": one, "b": one, "c": one, "d": one, "e": one},
        "onSuccessDestroyEmail": ["#a", "#e"]
    });
    let told = answer(&host, "EmailSubmission/set", arguments);
    let expected = json!({
        "a": {"type": "invalidRecipients", "invalidRecipients": ["nobody@"]},
        "b": {"type": "tooManyRecipients", "maxRecipients": 100},
        "c": {"type": "tooLarge", "maxSize": 5000},
        "d": {"type": "invalidEmail", "properties": ["from"]},
        "e": {"type": "forbiddenToSend"}
    });
    assert_eq!(told["notCreated"], expected);
}

fn with(id: &str, undo_status: UndoStatus) -> Submission {
    Submission {
        undo_status,
        ..submission(id)
    }
}

#[test]
fn what_waits_is_taken_back() {
    let host = Scripted::default();
    host.submissions.then(Box::new(|_, _, ids| {
        assert_eq!(ids, texts(&["s1", "s2", "s3", "s4", "s5", "x"]));
        Ok((
            vec![
                with("s1", UndoStatus::Pending),
                with("s2", UndoStatus::Final),
                with("s3", UndoStatus::Canceled),
                with("s4", UndoStatus::Final),
                with("s5", UndoStatus::Pending),
            ],
            3,
        ))
    }));
    host.set_submissions.then(Box::new(|_, _, _, edits| {
        let cancel = |id: &str| Edit::Cancel(id.to_owned());
        assert_eq!(
            edits,
            [cancel("s1"), cancel("s2"), Edit::Destroy("s4".to_owned())]
        );
        Ok(outcomes(
            3,
            5,
            [Ok("s1"), Err(refusal(Reason::CannotUnsend)), Ok("s4")],
        ))
    }));
    host.submissions.then(Box::new(|_, _, ids| {
        assert_eq!(ids, texts(&["s3", "s1"]));
        Ok((
            vec![
                with("s1", UndoStatus::Canceled),
                with("s3", UndoStatus::Canceled),
            ],
            5,
        ))
    }));
    let canceled = json!({"undoStatus": "canceled"});
    let arguments = json!({
        "accountId": "a",
        "update": {"s1": canceled, "s2": canceled, "s3": canceled, "s5": {"emailId": "e2"}, "x": canceled},
        "destroy": ["s4"]
    });
    let told = answer(&host, "EmailSubmission/set", arguments);
    assert_eq!(told["updated"], json!({"s1": null, "s3": null}));
    assert_eq!(told["destroyed"], json!(["s4"]));
    assert_eq!(told["notUpdated"]["s2"]["type"], "cannotUnsend");
    assert_eq!(told["notUpdated"]["s5"]["properties"], json!(["emailId"]));
    assert_eq!(told["notUpdated"]["x"]["type"], "notFound");
}

#[test]
fn nothing_is_done_in_another_state() {
    let host = Scripted::default();
    host.set_submissions
        .then(Box::new(|_, _, _, _| Err(Error::StateMismatch)));
    let create = json!({"k": {"identityId": "i1", "emailId": "e1"}});
    let arguments = json!({"accountId": "a", "ifInState": "2", "create": create});
    assert_eq!(
        error(&host, "EmailSubmission/set", arguments),
        "stateMismatch"
    );

    let host = Scripted::default();
    host.submissions
        .then(Box::new(|_, _, _| Ok((vec![submission("s1")], 3))));
    let arguments = json!({"accountId": "a", "ifInState": "2", "destroy": ["s1"]});
    assert_eq!(
        error(&host, "EmailSubmission/set", arguments),
        "stateMismatch"
    );

    // Also where there is nothing to do.
    for (state, matches) in [(2, true), (3, false)] {
        let host = Scripted::default();
        host.states.then(Box::new(move |_, _| {
            Ok(vec![(DataType::EmailSubmission, state)])
        }));
        let arguments = json!({"accountId": "a", "ifInState": "2", "create": {"k": {}}});
        if matches {
            let told = answer(&host, "EmailSubmission/set", arguments);
            let properties = &told["notCreated"]["k"]["properties"];
            assert_eq!(*properties, json!(["identityId", "emailId"]));
        } else {
            assert_eq!(
                error(&host, "EmailSubmission/set", arguments),
                "stateMismatch"
            );
        }
    }
}

#[test]
fn what_follows_is_of_its_form_before_anything_is_sent() {
    let host = Scripted::default();
    let create = json!({"k": {"identityId": "i1", "emailId": "e1"}});
    let arguments =
        json!({"accountId": "a", "create": create, "onSuccessUpdateEmail": {"#k": null}});
    assert_eq!(
        error(&host, "EmailSubmission/set", arguments),
        "invalidArguments"
    );
}

/// A failed submission leaves its draft alone: no `Email/set` follows.
#[test]
fn nothing_follows_what_was_not_sent() {
    let host = Scripted::default();
    host.set_submissions.then(Box::new(|_, _, _, _| {
        Ok(outcomes(3, 3, [Err(refusal(Reason::NoRecipients))]))
    }));
    let arguments = json!({
        "accountId": "a",
        "create": {"k": {"identityId": "i1", "emailId": "e1"}},
        "onSuccessUpdateEmail": {"#k": {"keywords/$draft": null}},
        "onSuccessDestroyEmail": ["s9"]
    });
    let responses = responses(&host, json!([["EmailSubmission/set", arguments, "0"]]));
    assert_eq!(responses.len(), 1);
    assert_eq!(responses[0][1]["created"], Value::Null);
    assert_eq!(responses[0][1]["notCreated"]["k"]["type"], "noRecipients");
}
