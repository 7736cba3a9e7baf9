//! `PushSubscription/…` (RFC 8620 §7.2).

use mail_api::bindings::concierge::mail::accounts::{DataType, Error};
use mail_api::bindings::concierge::mail::events::Push;
use mail_api::scripted::{NOW_US, Scripted};
use serde_json::{Value, json};

use crate::fixtures::{answer, error};

const WEEK_US: u64 = 7 * 24 * 60 * 60 * 1_000_000;

fn push(id: &str) -> Push {
    Push {
        id: id.to_owned(),
        device_client_id: "b37ff8001ca0".to_owned(),
        url: String::new(),
        keys: None,
        verification_code: None,
        expires_us: NOW_US + WEEK_US,
        types: vec![DataType::Mailbox, DataType::Email, DataType::EmailDelivery],
    }
}

/// RFC 8620 §7.2.1.
#[test]
fn where_they_lead_to_is_never_told() {
    let host = Scripted::default();
    host.pushes.then(Box::new(|token| {
        assert_eq!(token, "token");
        let secret = Push {
            url: "https://example.com/secret".to_owned(),
            ..push("1")
        };
        Ok(vec![secret, push("2")])
    }));
    let expected = json!({
        "list": [{
            "id": "1",
            "deviceClientId": "b37ff8001ca0",
            "verificationCode": null,
            "expires": "2026-01-08T00:00:00Z",
            "types": ["Mailbox", "Email", "EmailDelivery"]
        }],
        "notFound": ["x"]
    });
    assert_eq!(
        answer(&host, "PushSubscription/get", json!({"ids": ["1", "x"]})),
        expected
    );
    for properties in [json!(["url"]), json!(["id", "keys"])] {
        let arguments = json!({"ids": null, "properties": properties});
        assert_eq!(error(&host, "PushSubscription/get", arguments), "forbidden");
    }
    let of_an_account = json!({"accountId": "a", "ids": null});
    assert_eq!(
        error(&host, "PushSubscription/get", of_an_account),
        "invalidArguments"
    );
}

#[test]
fn one_is_made() {
    let host = Scripted::default();
    host.create_push.then(Box::new(|_, made| {
        let expected = Push {
            id: String::new(),
            device_client_id: "a889-ffea-910".to_owned(),
            url: "https://example.com/push/?device=X8980fc".to_owned(),
            types: Vec::new(),
            ..push("")
        };
        assert_eq!(made, expected);
        Ok(Push {
            id: "P43dcfa4".to_owned(),
            url: String::new(),
            ..made
        })
    }));
    let arguments = json!({
        "create": {
            "4f29": {
                "deviceClientId": "a889-ffea-910",
                "url": "https://example.com/push/?device=X8980fc",
                "types": null
            },
            "bad": {"deviceClientId": "a889-ffea-910", "url": "ftp://example.com/"}
        }
    });
    let told = answer(&host, "PushSubscription/set", arguments);
    let made =
        json!({"id": "P43dcfa4", "verificationCode": null, "expires": "2026-01-08T00:00:00Z"});
    assert_eq!(told["created"], json!({"4f29": made}));
    assert_eq!(told["notCreated"]["bad"]["properties"], json!(["url"]));
    for name in ["accountId", "oldState", "newState"] {
        assert_eq!(told.get(name), None);
    }
}

#[test]
fn one_is_confirmed_prolonged_and_ended() {
    let host = Scripted::default();
    host.pushes
        .then(Box::new(|_| Ok(vec![push("1"), push("2")])));
    host.update_push.then(Box::new(|_, patch| {
        assert_eq!(patch.id, "1");
        assert_eq!(
            patch.verification_code.as_deref(),
            Some("da1f097b11ca17f06424e30bf02bfa67")
        );
        assert_eq!((patch.expires_us, patch.types), (None, None));
        Ok(Push {
            verification_code: patch.verification_code,
            ..push("1")
        })
    }));
    host.update_push.then(Box::new(|_, patch| {
        assert_eq!(patch.id, "2");
        assert_eq!(patch.expires_us, Some(NOW_US + WEEK_US));
        Ok(push("2"))
    }));
    host.delete_push.then(Box::new(|_, id| {
        assert_eq!(id, "3");
        Ok(())
    }));
    host.delete_push.then(Box::new(|_, _| Err(Error::NotFound)));
    let arguments = json!({
        "update": {
            "1": {"verificationCode": "da1f097b11ca17f06424e30bf02bfa67"},
            "2": {"expires": "2026-02-01T00:00:00Z"},
            "9": {"types": null}
        },
        "destroy": ["3", "4"]
    });
    let expected = json!({
        "created": null,
        // It is not as long as was asked for.
        "updated": {"1": null, "2": {"expires": "2026-01-08T00:00:00Z"}},
        "destroyed": ["3"],
        "notCreated": null,
        "notUpdated": {"9": {"type": "notFound", "description": "There is no such subscription."}},
        "notDestroyed": {"4": {"type": "notFound"}}
    });
    assert_eq!(answer(&host, "PushSubscription/set", arguments), expected);
}

#[test]
fn each_is_refused_by_itself() {
    let wrong_code = || Err(Error::InvalidArguments("This is not the code.".to_owned()));
    let host = Scripted::default();
    host.create_push.then(Box::new(|_, _| {
        Err(Error::Forbidden("Not there.".to_owned()))
    }));
    host.create_push
        .then(Box::new(|_, _| Err(Error::TooLarge(16))));
    host.create_push
        .then(Box::new(|_, _| Err(Error::SlowDown(60))));
    host.pushes.then(Box::new(|_| Ok(vec![push("1")])));
    host.update_push.then(Box::new(move |_, _| wrong_code()));
    let one = json!({"deviceClientId": "d", "url": "https://example.com/"});
    let arguments = json!({
        "create": {"a": one, "b": one, "c": one},
        "update": {"1": {"verificationCode": "guess"}}
    });
    let told = answer(&host, "PushSubscription/set", arguments);
    let kinds = ["a", "b", "c"].map(|key| told["notCreated"][key]["type"].clone());
    assert_eq!(
        kinds,
        [json!("forbidden"), json!("overQuota"), json!("rateLimit")]
    );
    assert_eq!(
        told["notUpdated"]["1"]["properties"],
        json!(["verificationCode"])
    );
    assert_eq!(told["updated"], Value::Null);
}

#[test]
fn a_failure_after_something_was_done_is_told_as_such() {
    let one = json!({"deviceClientId": "d", "url": "https://example.com/"});
    let arguments = json!({"create": {"a": one, "b": one}});
    let host = Scripted::default();
    host.create_push
        .then(Box::new(|_, _| Err(Error::Unavailable)));
    assert_eq!(
        error(&host, "PushSubscription/set", arguments.clone()),
        "serverUnavailable"
    );
    let host = Scripted::default();
    host.create_push.then(Box::new(|_, _| Ok(push("1"))));
    host.create_push
        .then(Box::new(|_, _| Err(Error::Unavailable)));
    assert_eq!(
        error(&host, "PushSubscription/set", arguments),
        "serverPartialFail"
    );
}
