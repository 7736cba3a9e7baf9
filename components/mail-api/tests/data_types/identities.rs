//! `Identity/…` (RFC 8621 §6).

use mail_api::bindings::concierge::mail::accounts::{Changes, Reason};
use mail_api::bindings::concierge::mail::submissions::{Address, Sender, SenderEdit, SenderPatch};
use mail_api::scripted::Scripted;
use serde_json::json;

use crate::fixtures::{answer, error, no_changes, outcomes, refusal, texts};

fn sender(id: &str, name: &str) -> Sender {
    Sender {
        id: id.to_owned(),
        name: name.to_owned(),
        email: "joe@example.com".to_owned(),
        reply_to: Vec::new(),
        bcc: Vec::new(),
        text_signature: String::new(),
        html_signature: String::new(),
        may_delete: false,
    }
}

fn lists(host: &Scripted, state: u64, senders: Vec<Sender>) {
    host.senders
        .then(Box::new(move |_, _| Ok((senders, state))));
}

#[test]
fn identities_are_read() {
    let host = Scripted::default();
    lists(&host, 3, vec![sender("1", "Joe"), sender("2", "J.")]);
    let arguments =
        json!({"accountId": "a", "ids": ["2", "9"], "properties": ["name", "mayDelete"]});
    let expected = json!({
        "accountId": "a", "state": "3",
        "list": [{"id": "2", "name": "J.", "mayDelete": false}],
        "notFound": ["9"]
    });
    assert_eq!(answer(&host, "Identity/get", arguments), expected);
}

#[test]
fn what_changed_is_told() {
    let host = Scripted::default();
    host.senders_changed.then(Box::new(|_, _, since, max| {
        assert_eq!((since, max), (2, 10));
        let (created, updated) = (texts(&["1"]), texts(&["2"]));
        Ok(Changes {
            created,
            updated,
            has_more: true,
            ..no_changes(2, 3)
        })
    }));
    let arguments = json!({"accountId": "a", "sinceState": "2", "maxChanges": 10});
    let expected = json!({
        "accountId": "a", "oldState": "2", "newState": "3", "hasMoreChanges": true,
        "created": ["1"], "updated": ["2"], "destroyed": []
    });
    assert_eq!(answer(&host, "Identity/changes", arguments), expected);
}

#[test]
fn identities_are_made_changed_and_destroyed() {
    let host = Scripted::default();
    lists(&host, 3, vec![sender("1", "Joe"), sender("2", "J.")]);
    host.set_senders.then(Box::new(|_, _, if_in_state, edits| {
        assert_eq!(if_in_state, None);
        let made = Sender {
            id: String::new(),
            name: String::new(),
            email: "*@example.com".to_owned(),
            may_delete: true,
            ..sender("", "")
        };
        let archive = Address {
            name: Some("A".to_owned()),
            email: "archive@example.com".to_owned(),
        };
        let patch = SenderPatch {
            id: "1".to_owned(),
            name: None,
            reply_to: None,
            bcc: Some(vec![archive]),
            text_signature: Some("-- ".to_owned()),
            html_signature: None,
        };
        let expected = [
            SenderEdit::Create(made),
            SenderEdit::Update(patch),
            SenderEdit::Destroy("2".to_owned()),
        ];
        assert_eq!(edits, expected);
        let refusals = [Ok("3"), Ok("1"), Err(refusal(Reason::Forbidden))];
        Ok(outcomes(3, 4, refusals))
    }));
    let made = Sender {
        email: "*@example.com".to_owned(),
        may_delete: true,
        ..sender("3", "")
    };
    lists(&host, 4, vec![sender("1", "Joe"), sender("2", "J."), made]);
    let bcc = json!([{"name": "A", "email": "archive@example.com"}]);
    let arguments = json!({
        "accountId": "a",
        "create": {"k": {"email": "*@example.com"}},
        "update": {"1": {"bcc": bcc, "textSignature": "-- ", "mayDelete": false}},
        "destroy": ["2"]
    });
    let told = answer(&host, "Identity/set", arguments);
    let made = json!({
        "id": "3", "name": "", "replyTo": null, "bcc": null, "textSignature": "", "htmlSignature": "", "mayDelete": true
    });
    assert_eq!(told["created"], json!({"k": made}));
    // The script's host did not do it.
    assert_eq!(
        told["updated"],
        json!({"1": {"bcc": null, "textSignature": ""}})
    );
    assert_eq!(told["notDestroyed"], json!({"2": {"type": "forbidden"}}));
    assert_eq!(
        (&told["oldState"], &told["newState"]),
        (&json!("3"), &json!("4"))
    );
}

#[test]
fn an_address_of_another_is_refused() {
    let host = Scripted::default();
    lists(&host, 3, Vec::new());
    host.set_senders.then(Box::new(|_, _, _, _| {
        Ok(outcomes(3, 3, [Err(refusal(Reason::ForbiddenFrom))]))
    }));
    let arguments = json!({"accountId": "a", "create": {"k": {"email": "other@example.com"}}});
    let told = answer(&host, "Identity/set", arguments);
    assert_eq!(told["notCreated"], json!({"k": {"type": "forbiddenFrom"}}));
}

#[test]
fn nothing_is_done_in_another_state() {
    let host = Scripted::default();
    lists(&host, 3, Vec::new());
    let arguments = json!({"accountId": "a", "ifInState": "2", "destroy": ["1"]});
    assert_eq!(error(&host, "Identity/set", arguments), "stateMismatch");
}
