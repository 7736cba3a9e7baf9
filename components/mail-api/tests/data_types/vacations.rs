//! `VacationResponse/…` (RFC 8621 §8).

use mail_api::bindings::concierge::mail::accounts::Error;
use mail_api::bindings::concierge::mail::submissions::Vacation;
use mail_api::scripted::Scripted;
use serde_json::{Value, json};

use crate::fixtures::{answer, error};

fn vacation(subject: &str) -> Vacation {
    Vacation {
        enabled: false,
        from_us: None,
        to_us: None,
        subject: Some(subject.to_owned()),
        text: None,
        html: None,
    }
}

fn reads(host: &Scripted, state: u64, subject: &'static str) {
    host.vacation
        .then(Box::new(move |_, _| Ok((vacation(subject), state))));
}

#[test]
fn there_is_one() {
    let host = Scripted::default();
    reads(&host, 3, "Away");
    let arguments = json!({"accountId": "a", "ids": ["singleton", "x"], "properties": ["subject"]});
    let expected = json!({
        "accountId": "a", "state": "3", "list": [{"id": "singleton", "subject": "Away"}], "notFound": ["x"]
    });
    assert_eq!(answer(&host, "VacationResponse/get", arguments), expected);
    assert_eq!(
        error(&host, "VacationResponse/changes", json!({})),
        "unknownMethod"
    );
}

#[test]
fn it_is_changed_as_it_was_read() {
    let host = Scripted::default();
    // Another client changes the subject in between: its change stays.
    reads(&host, 3, "Away");
    host.set_vacation.then(Box::new(|_, _, if_in_state, _| {
        assert_eq!(if_in_state, Some(3));
        Err(Error::StateMismatch)
    }));
    reads(&host, 4, "Gone");
    host.set_vacation
        .then(Box::new(|_, account, if_in_state, set| {
            assert_eq!((account, if_in_state), ("a", Some(4)));
            assert_eq!(
                set,
                Vacation {
                    enabled: true,
                    ..vacation("Gone")
                }
            );
            Ok((4, 5))
        }));
    let arguments = json!({"accountId": "a", "update": {"singleton": {"isEnabled": true}}});
    let told = answer(&host, "VacationResponse/set", arguments);
    assert_eq!(told["updated"], json!({"singleton": null}));
    assert_eq!(
        (&told["oldState"], &told["newState"]),
        (&json!("4"), &json!("5"))
    );
}

#[test]
fn it_is_changed_in_the_state_that_the_client_names() {
    let arguments = json!({
        "accountId": "a", "ifInState": "3", "update": {"singleton": {"isEnabled": true}}
    });
    let host = Scripted::default();
    reads(&host, 4, "Away");
    assert_eq!(
        error(&host, "VacationResponse/set", arguments.clone()),
        "stateMismatch"
    );
    let host = Scripted::default();
    reads(&host, 3, "Away");
    host.set_vacation
        .then(Box::new(|_, _, _, _| Err(Error::StateMismatch)));
    assert_eq!(
        error(&host, "VacationResponse/set", arguments),
        "stateMismatch"
    );
}

#[test]
fn it_is_neither_made_nor_destroyed() {
    let host = Scripted::default();
    reads(&host, 3, "Away");
    let arguments = json!({
        "accountId": "a",
        "create": {"k": {"isEnabled": true}},
        "update": {"singleton": {"subject": "Away"}, "x": {"subject": "x"}},
        "destroy": ["singleton"]
    });
    let told = answer(&host, "VacationResponse/set", arguments);
    assert_eq!(told["created"], Value::Null);
    assert_eq!(told["updated"], json!({"singleton": null}));
    assert_eq!(told["notCreated"]["k"]["type"], "singleton");
    assert_eq!(told["notUpdated"]["x"]["type"], "notFound");
    assert_eq!(told["notDestroyed"]["singleton"]["type"], "singleton");
    assert_eq!(
        (&told["oldState"], &told["newState"]),
        (&json!("3"), &json!("3"))
    );
}
