//! `Email/get`, `Email/parse` and `Email/changes` (RFC 8621 §4.2, §4.3 and §4.9).

use std::cell::RefCell;
use std::rc::Rc;

use mail_api::bindings::concierge::mail::accounts::{DataType, Error, Reason};
use mail_api::bindings::concierge::mail::emails::{BodyValue, Detail, Email, Field, Part, Texts};
use mail_api::scripted::Scripted;
use serde_json::{Value, json};

use crate::fixtures::{answer, error, no_changes, refusal, responses, texts};

/// What is asked for where nothing of the message is needed.
const NOTHING: Detail = Detail {
    all_headers: false,
    structure: false,
    part_headers: false,
    texts: Texts {
        text_body: false,
        html_body: false,
        all: false,
    },
    max_text_bytes: 0,
};

fn field(name: &str, value: &str) -> Field {
    Field {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

fn part(depth: u32, id: Option<&str>, content_type: &str) -> Part {
    Part {
        id: id.map(str::to_owned),
        depth,
        blob_id: id.map(|id| format!("p{id}")),
        size: 10,
        headers: vec![field("Content-Type", &format!(" {content_type}"))],
        name: None,
        content_type: content_type.to_owned(),
        charset: content_type
            .starts_with("text/")
            .then(|| "utf-8".to_owned()),
        disposition: None,
        cid: None,
        language: Vec::new(),
        location: None,
        in_text_body: content_type == "text/plain",
        in_html_body: content_type == "text/html",
        in_attachments: content_type == "image/png",
    }
}

fn email(id: &str) -> Email {
    Email {
        id: id.to_owned(),
        blob_id: format!("b{id}"),
        thread_id: "t1".to_owned(),
        mailboxes: texts(&["m1", "m2"]),
        keywords: texts(&["$seen"]),
        size: 5_000,
        received_us: 1_414_649_520_000_000,
        headers: vec![
            field("From", " Joe Bloggs <joe@example.com>"),
            field("Subject", " Dinner on =?utf-8?q?Th=C3=BCrsday=3F?="),
            field("Date", " Thu, 30 Oct 2014 14:12:00 +0800"),
            field("Message-ID", " <1@example.com>"),
        ],
        has_attachment: true,
        preview: "Hi".to_owned(),
        parts: vec![
            part(0, None, "multipart/mixed"),
            part(1, None, "multipart/alternative"),
            part(2, Some("1"), "text/plain"),
            part(2, Some("2"), "text/html"),
            part(1, Some("3"), "image/png"),
        ],
        texts: vec![BodyValue {
            part_id: "1".to_owned(),
            value: "Hi\n".to_owned(),
            encoding_problem: true,
            truncated: false,
        }],
    }
}

/// Which emails were asked for, and what of them, call by call.
type Asked = Rc<RefCell<Vec<(Vec<String>, Detail)>>>;

/// A host that has these emails, and what is asked of it, call by call.
fn host(calls: usize, emails: &'static [(&'static str, u64)]) -> (Scripted, Asked) {
    let host = Scripted::default();
    let asked = Rc::new(RefCell::new(Vec::new()));
    for call in 0..calls {
        let asked = Rc::clone(&asked);
        host.emails.then(Box::new(move |_, account, ids, detail| {
            assert_eq!(account, "a");
            asked.borrow_mut().push((ids.clone(), detail));
            let there = emails
                .iter()
                .filter(|(id, _)| ids.iter().any(|asked| asked == id));
            let found = there.map(|(id, size)| Email {
                size: *size,
                ..email(id)
            });
            Ok((found.collect(), 7 + call as u64))
        }));
    }
    (host, asked)
}

#[test]
fn a_list_of_mail_does_not_read_messages() {
    let (host, asked) = host(1, &[("e1", 5_000), ("e2", 5_000)]);
    let arguments = json!({"accountId": "a", "ids": ["e2", "x", "e1", "e2"], "properties": [
        "threadId", "mailboxIds", "keywords", "size", "receivedAt", "from", "to", "subject", "sentAt", "messageId",
        "hasAttachment", "preview", "blobId",
    ]});
    let told = |id: &str| {
        json!({
            "id": id, "blobId": format!("b{id}"), "threadId": "t1", "mailboxIds": {"m1": true, "m2": true},
            "keywords": {"$seen": true}, "size": 5000, "receivedAt": "2014-10-30T06:12:00Z",
            "from": [{"name": "Joe Bloggs", "email": "joe@example.com"}], "to": null,
            "subject": "Dinner on Thürsday?", "sentAt": "2014-10-30T14:12:00+08:00",
            "messageId": ["1@example.com"], "hasAttachment": true, "preview": "Hi",
        })
    };
    let expected = json!({
        "accountId": "a", "state": "7", "list": [told("e2"), told("e1")], "notFound": ["x"]
    });
    assert_eq!(answer(&host, "Email/get", arguments), expected);
    assert_eq!(*asked.borrow(), [(texts(&["e2", "x", "e1"]), NOTHING)]);
}

#[test]
fn what_is_not_named_is_given_by_default() {
    let (host, asked) = host(1, &[("e1", 5_000)]);
    let arguments = json!({"accountId": "a", "ids": ["e1"], "fetchTextBodyValues": true, "maxBodyValueBytes": 9});
    let answer = answer(&host, "Email/get", arguments);
    let told = answer["list"][0].as_object().unwrap();
    let mut names: Vec<&str> = told.keys().map(String::as_str).collect();
    // RFC 8621 §4.2.
    let mut expected = [
        "id",
        "blobId",
        "threadId",
        "mailboxIds",
        "keywords",
        "size",
        "receivedAt",
        "messageId",
        "inReplyTo",
        "references",
        "sender",
        "from",
        "to",
        "cc",
        "bcc",
        "replyTo",
        "subject",
        "sentAt",
        "hasAttachment",
        "preview",
        "bodyValues",
        "textBody",
        "htmlBody",
        "attachments",
    ];
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
    let text = json!([{
        "partId": "1", "blobId": "p1", "size": 10, "name": null, "type": "text/plain", "charset": "utf-8",
        "disposition": null, "cid": null, "language": null, "location": null,
    }]);
    assert_eq!(told["textBody"], text);
    assert_eq!(told["attachments"][0]["partId"], "3");
    assert_eq!(told["htmlBody"][0]["type"], "text/html");
    let value = json!({"value": "Hi\n", "isEncodingProblem": true, "isTruncated": false});
    assert_eq!(told["bodyValues"], json!({"1": value}));
    let detail = Detail {
        structure: true,
        texts: Texts {
            text_body: true,
            ..NOTHING.texts
        },
        max_text_bytes: 9,
        ..NOTHING
    };
    assert_eq!(*asked.borrow(), [(texts(&["e1"]), detail)]);
}

#[test]
fn the_structure_and_single_fields() {
    let (host, asked) = host(1, &[("e1", 5_000)]);
    let arguments = json!({
        "accountId": "a", "ids": ["e1"],
        "properties": ["bodyStructure", "headers", "header:subject:asText:all", "header:X-None:asAddresses"],
        "bodyProperties": ["type", "header:Content-Type"],
    });
    let answer = answer(&host, "Email/get", arguments);
    let told = &answer["list"][0];
    let leaf = |kind: &str| json!({"type": kind, "header:Content-Type": format!(" {kind}")});
    let with = |kind: &str, inner: Value| {
        let mut part = leaf(kind);
        part["subParts"] = inner;
        part
    };
    let alternative = json!([leaf("text/plain"), leaf("text/html")]);
    let mixed = json!([
        with("multipart/alternative", alternative),
        leaf("image/png")
    ]);
    assert_eq!(told["bodyStructure"], with("multipart/mixed", mixed));
    assert_eq!(
        told["headers"][0],
        json!({"name": "From", "value": " Joe Bloggs <joe@example.com>"})
    );
    assert_eq!(
        told["header:subject:asText:all"],
        json!(["Dinner on Thürsday?"])
    );
    assert_eq!(told["header:X-None:asAddresses"], Value::Null);
    assert_eq!(told["id"], "e1");
    let detail = Detail {
        all_headers: true,
        structure: true,
        part_headers: true,
        ..NOTHING
    };
    assert_eq!(asked.borrow()[0].1, detail);
}

#[test]
fn large_messages_are_read_one_after_the_other() {
    const EMAILS: &[(&str, u64)] = &[
        ("e1", 3_000_000),
        ("e2", 4_000_000),
        ("e3", 2_000_000),
        ("e4", 150_000_000),
        ("e5", 1),
    ];
    let (host, asked) = host(5, EMAILS);
    let ids = json!(["e1", "e2", "e3", "e4", "e5", "x"]);
    let arguments = json!({"accountId": "a", "ids": ids, "properties": ["textBody"]});
    let answer = answer(&host, "Email/get", arguments);
    // Of the first call: what changes while the others run is told by /changes again.
    assert_eq!(answer["state"], "7");
    assert_eq!(answer["list"].as_array().unwrap().len(), 5);
    assert_eq!(answer["notFound"], json!(["x"]));
    let asked = asked.borrow();
    let ids: Vec<_> = asked.iter().map(|(ids, _)| ids.len()).collect();
    assert_eq!(ids, [6, 2, 1, 1, 1]);
    assert_eq!(asked[0].1, NOTHING);
    assert!(asked[1..].iter().all(|(_, detail)| detail.structure));
}

#[test]
fn an_answer_that_would_not_fit_is_refused() {
    let host = Scripted::default();
    host.emails.then(Box::new(|_, _, _, _| {
        let text = BodyValue {
            part_id: "1".to_owned(),
            value: "x".repeat(17_000_000),
            encoding_problem: false,
            truncated: false,
        };
        let email = Email {
            texts: vec![text],
            ..email("e1")
        };
        Ok((vec![email], 7))
    }));
    let arguments = json!({
        "accountId": "a", "ids": ["e1"], "properties": ["bodyValues"], "fetchAllBodyValues": true
    });
    assert_eq!(error(&host, "Email/get", arguments), "requestTooLarge");
}

/// Scripts the listing of all emails that a call without ids asks for.
fn lists(host: &Scripted, count: usize) {
    host.states.then(Box::new(|_, _| {
        Ok(vec![
            (DataType::Mailbox, 1),
            (DataType::Email, 5),
            (DataType::Thread, 6),
        ])
    }));
    host.query_emails
        .then(Box::new(move |_, account, query, window| {
            assert_eq!((account, query.filter.len(), window.position), ("a", 0, 0));
            let ids = (0..count.min(window.limit as usize)).map(|number| format!("e{number}"));
            Ok(mail_api::bindings::concierge::mail::search::Page {
                query_state: 9,
                can_calculate_changes: true,
                position: 0,
                ids: ids.collect(),
                total: None,
            })
        }));
}

#[test]
fn without_ids_all_are_given_where_they_are_few() {
    let (host, _) = host(1, &[("e0", 1), ("e1", 1)]);
    lists(&host, 2);
    let arguments = json!({"accountId": "a", "ids": null, "properties": ["size"]});
    let expected = json!({
        "accountId": "a", "state": "5", "list": [{"id": "e0", "size": 1}, {"id": "e1", "size": 1}], "notFound": []
    });
    assert_eq!(answer(&host, "Email/get", arguments.clone()), expected);
    let many = Scripted::default();
    lists(&many, 501);
    assert_eq!(error(&many, "Email/get", arguments), "requestTooLarge");
}

#[test]
fn what_cannot_be_asked_for_is_refused_before_the_host_is_asked() {
    let none = Scripted::default();
    let refused = |arguments: Value| error(&none, "Email/get", arguments);
    for arguments in [
        json!({"accountId": "a", "ids": [], "properties": ["header:From:asText"]}),
        json!({"accountId": "a", "ids": [], "properties": ["body"]}),
        json!({"accountId": "a", "ids": [], "bodyProperties": ["subject"]}),
        json!({"accountId": "a", "ids": [], "fetchTextBodyValues": "yes"}),
        json!({"accountId": "a", "ids": [], "fetchBodies": true}),
        json!({"accountId": "a", "ids": "e1"}),
        json!({"ids": []}),
    ] {
        assert_eq!(
            refused(arguments.clone()),
            "invalidArguments",
            "{arguments}"
        );
    }
    assert_eq!(
        refused(json!({"accountId": "x", "ids": []})),
        "accountNotFound"
    );
    let many: Vec<String> = (0..501).map(|number| format!("e{number}")).collect();
    assert_eq!(
        refused(json!({"accountId": "a", "ids": many})),
        "requestTooLarge"
    );
}

#[test]
fn blobs_are_parsed_without_being_emails() {
    let host = Scripted::default();
    for blob in ["b1", "b2", "b3"] {
        host.parse_emails
            .then(Box::new(move |_, account, blobs, detail| {
                assert_eq!((account, blobs), ("a", texts(&[blob])));
                assert!(detail.structure && !detail.all_headers);
                Ok(vec![match blob {
                    "b1" => Ok(email("")),
                    "b2" => Err(refusal(Reason::InvalidEmail)),
                    _ => Err(refusal(Reason::BlobNotFound)),
                }])
            }));
    }
    let arguments = json!({
        "accountId": "a", "blobIds": ["b1", "b2", "b3", "b1", "#nothing"],
        "properties": ["id", "threadId", "mailboxIds", "keywords", "receivedAt", "size", "subject", "attachments"],
        "bodyProperties": ["partId"],
    });
    let parsed = json!({
        "id": null, "threadId": null, "mailboxIds": null, "keywords": null, "receivedAt": null, "size": 5000,
        "subject": "Dinner on Thürsday?", "attachments": [{"partId": "3"}],
    });
    let expected = json!({
        "accountId": "a", "parsed": {"b1": parsed}, "notParsable": ["b2"], "notFound": ["#nothing", "b3"]
    });
    assert_eq!(answer(&host, "Email/parse", arguments), expected);
}

#[test]
fn blobs_that_are_not_read_are_asked_for_together() {
    let host = Scripted::default();
    host.parse_emails.then(Box::new(|_, _, blobs, detail| {
        assert_eq!((blobs, detail), (texts(&["b1", "b2"]), NOTHING));
        Ok(vec![Ok(email("")), Ok(email(""))])
    }));
    let arguments =
        json!({"accountId": "a", "blobIds": ["b1", "b2"], "properties": ["blobId", "preview"]});
    let parsed = |blob: &str| json!({"blobId": blob, "preview": "Hi"});
    let expected = json!({
        "accountId": "a", "parsed": {"b1": parsed("b1"), "b2": parsed("b2")}, "notParsable": null, "notFound": null
    });
    assert_eq!(answer(&host, "Email/parse", arguments), expected);
    let none = Scripted::default();
    let many: Vec<String> = (0..51).map(|number| format!("b{number}")).collect();
    assert_eq!(
        error(
            &none,
            "Email/parse",
            json!({"accountId": "a", "blobIds": many})
        ),
        "requestTooLarge"
    );
    assert_eq!(
        error(&none, "Email/parse", json!({"accountId": "a"})),
        "invalidArguments"
    );
}

#[test]
fn changes_lead_to_what_is_new() {
    let (host, asked) = host(1, &[("e1", 1)]);
    host.emails_changed.then(Box::new(|_, account, since, max| {
        assert_eq!((account, since, max), ("a", 3, 50));
        Ok(mail_api::bindings::concierge::mail::accounts::Changes {
            created: texts(&["e1"]),
            ..no_changes(3, 7)
        })
    }));
    let calls = json!([
        ["Email/changes", {"accountId": "a", "sinceState": "3", "maxChanges": 50}, "0"],
        ["Email/get", {"accountId": "a", "properties": ["size"],
            "#ids": {"resultOf": "0", "name": "Email/changes", "path": "/created"}}, "1"],
    ]);
    let responses = responses(&host, calls);
    let changes = json!({
        "accountId": "a", "oldState": "3", "newState": "7", "hasMoreChanges": false, "created": ["e1"], "updated": [],
        "destroyed": []
    });
    assert_eq!(responses[0][1], changes);
    assert_eq!(responses[1][1]["list"], json!([{"id": "e1", "size": 1}]));
    assert_eq!(asked.borrow().len(), 1);
    let host = Scripted::default();
    host.emails_changed
        .then(Box::new(|_, _, _, _| Err(Error::CannotCalculateChanges)));
    let since = |state: &str| json!({"accountId": "a", "sinceState": state});
    assert_eq!(
        error(&host, "Email/changes", since("1")),
        "cannotCalculateChanges"
    );
    assert_eq!(
        error(&host, "Email/changes", since("never")),
        "cannotCalculateChanges"
    );
}
