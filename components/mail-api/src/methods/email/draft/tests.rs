//! Emails as clients send them.

use super::*;

fn read_draft(value: Value) -> Result<Draft, SetError> {
    let mut created = CreatedIds::default();
    created.insert("b4", "G4c6751edf9dd6903ff54b792e432fba781271beb");
    read(value.as_object().cloned().unwrap(), &created)
}

/// An email with these properties, in a mailbox.
fn email(properties: Value) -> Value {
    let mut members = properties.as_object().cloned().unwrap();
    members.insert("mailboxIds".to_owned(), json!({"m": true}));
    members.into()
}

/// The parts: how deep, of which type, and what they hold.
fn outline(draft: &Draft) -> Vec<(u32, &str, &str)> {
    let held = |content: &'_ Content| match content {
        Content::Parts => "",
        Content::Text(_) => "text",
        Content::Blob(_) => "blob",
    };
    let parts = draft.parts.iter();
    parts
        .map(|part| (part.depth, part.content_type.as_str(), held(&part.content)))
        .collect()
}

/// RFC 8621 §4.6.1 (the draft of its example).
#[test]
fn the_draft_of_the_rfc() {
    let draft = read_draft(json!({
        "mailboxIds": {"2ea1ca41b38e": true},
        "keywords": {"$seen": true, "$draft": true},
        "from": [{"name": "Joe Bloggs", "email": "joe@example.com"}],
        "to": [{"name": "John", "email": "john@example.com"}],
        "subject": "World domination",
        "receivedAt": "2018-07-10T01:03:11Z",
        "sentAt": "2018-07-10T11:03:11+10:00",
        "bodyStructure": {
            "type": "multipart/alternative",
            "subParts": [
                {"partId": "49db", "type": "text/html"},
                {"partId": "bd48", "type": "text/plain"}
            ],
            "header:Content-Language": null
        },
        "bodyValues": {
            "bd48": {"value": "I have the most brilliant plan. Let me tell you all about it.", "isTruncated": false},
            "49db": {"value": "<!DOCTYPE html><html><body>I have the most brilliant plan.</body></html>"}
        }
    }))
    .unwrap();
    assert_eq!(draft.mailboxes, ["2ea1ca41b38e"]);
    assert_eq!(draft.keywords, ["$draft", "$seen"]);
    assert_eq!(draft.received_us, Some(1_531_184_591_000_000));
    let headers: Vec<_> = draft
        .headers
        .iter()
        .map(|it| (&*it.name, &*it.value))
        .collect();
    let expected = [
        ("From", "Joe Bloggs <joe@example.com>"),
        ("To", "John <john@example.com>"),
        ("Subject", "World domination"),
        ("Date", "Tue, 10 Jul 2018 11:03:11 +1000"),
    ];
    assert_eq!(headers, expected);
    let expected = [
        (0, "multipart/alternative", ""),
        (1, "text/html", "text"),
        (1, "text/plain", "text"),
    ];
    assert_eq!(outline(&draft), expected);
    let text = "I have the most brilliant plan. Let me tell you all about it.";
    assert_eq!(draft.parts[2].content, Content::Text(text.to_owned()));
}

#[test]
fn parts_are_as_they_are_described() {
    let draft = read_draft(email(json!({"bodyStructure": {
        "type": "multipart/mixed",
        "header:X-Outer:asText": "a",
        "subParts": [
            {"type": "multipart/related", "subParts": [{"blobId": "b1"}]},
            {
                "blobId": "#b4", "type": "image/png", "name": "Bild.png", "disposition": "inline",
                "cid": "c@example.com", "language": ["de"], "location": "x:y", "charset": "utf-8",
                "size": 5, "header:Content-Description:asText": "é"
            }
        ]
    }})))
    .unwrap();
    let expected = [
        (0, "multipart/mixed", ""),
        (1, "multipart/related", ""),
        (2, "application/octet-stream", "blob"),
        (1, "image/png", "blob"),
    ];
    assert_eq!(outline(&draft), expected);
    assert_eq!(draft.parts[0].headers[0].name, "X-Outer");
    let last = &draft.parts[3];
    let id = "G4c6751edf9dd6903ff54b792e432fba781271beb";
    assert_eq!(last.content, Content::Blob(id.to_owned()));
    assert_eq!(last.name.as_deref(), Some("Bild.png"));
    assert_eq!(last.cid.as_deref(), Some("c@example.com"));
    assert_eq!(last.language, ["de"]);
    assert_eq!(last.headers[0].value, "=?UTF-8?B?w6k=?=");
    assert_eq!(blobs(&draft), ["b1", id]);
}

#[test]
fn texts_and_attachments_are_put_together() {
    let part = |id: &str| json!([{"partId": id}]);
    let values = || json!({"t": {"value": "a"}, "h": {"value": "<p>a"}});
    let file = || json!({"blobId": "b1", "type": "image/png"});
    let shown =
        || json!({"blobId": "b2", "type": "image/gif", "disposition": "inline", "cid": "c"});
    for (properties, expected) in [
        (json!({}), vec![]),
        (
            json!({"textBody": part("t"), "bodyValues": values()}),
            vec![(0, "text/plain", "text")],
        ),
        (
            json!({"htmlBody": part("h"), "bodyValues": values()}),
            vec![(0, "text/html", "text")],
        ),
        (
            json!({"textBody": part("t"), "htmlBody": part("h"), "bodyValues": values()}),
            vec![
                (0, "multipart/alternative", ""),
                (1, "text/plain", "text"),
                (1, "text/html", "text"),
            ],
        ),
        (
            json!({"attachments": [file()]}),
            vec![(0, "multipart/mixed", ""), (1, "image/png", "blob")],
        ),
        (
            json!({
                "textBody": part("t"), "htmlBody": part("h"), "attachments": [file(), shown()],
                "bodyValues": values()
            }),
            vec![
                (0, "multipart/mixed", ""),
                (1, "multipart/alternative", ""),
                (2, "text/plain", "text"),
                (2, "multipart/related", ""),
                (3, "text/html", "text"),
                (3, "image/gif", "blob"),
                (1, "image/png", "blob"),
            ],
        ),
        (
            json!({"textBody": part("t"), "attachments": [shown()], "bodyValues": values()}),
            vec![
                (0, "multipart/mixed", ""),
                (1, "text/plain", "text"),
                (1, "image/gif", "blob"),
            ],
        ),
    ] {
        let draft = read_draft(email(properties)).unwrap();
        assert_eq!(outline(&draft), expected);
    }
    let draft = read_draft(email(json!({"attachments": [file()]}))).unwrap();
    assert_eq!(draft.parts[1].disposition.as_deref(), Some("attachment"));
}

#[test]
fn what_is_not_as_it_must_be_is_told_by_its_property() {
    let values = || json!({"1": {"value": "a"}});
    let text = || json!([{"partId": "1", "type": "text/plain"}]);
    for (properties, fault) in [
        (json!({"headers": []}), "headers"),
        (json!({"id": "e"}), "id"),
        (json!({"hasAttachment": true}), "hasAttachment"),
        (
            json!({"header:Content-Type": " text/plain"}),
            "header:Content-Type",
        ),
        (
            json!({"bodyStructure": {"partId": "1"}, "textBody": text(), "bodyValues": values()}),
            "textBody",
        ),
        (json!({"textBody": [], "bodyValues": values()}), "textBody"),
        (
            json!({"textBody": [{"partId": "1"}, {"partId": "1"}], "bodyValues": values()}),
            "textBody",
        ),
        (
            json!({"textBody": [{"partId": "1", "type": "text/html"}], "bodyValues": values()}),
            "textBody",
        ),
        (
            json!({"htmlBody": text(), "bodyValues": values()}),
            "htmlBody",
        ),
        (json!({"textBody": text()}), "textBody"),
        (
            json!({"textBody": [{"partId": "1", "charset": "utf-8"}], "bodyValues": values()}),
            "textBody",
        ),
        (
            json!({"textBody": [{"partId": "1", "size": 1}], "bodyValues": values()}),
            "textBody",
        ),
        (
            json!({"bodyStructure": {"partId": "1", "blobId": "b"}, "bodyValues": values()}),
            "bodyStructure",
        ),
        (json!({"bodyStructure": {}}), "bodyStructure"),
        (
            json!({"bodyStructure": {"type": "multipart/mixed"}}),
            "bodyStructure",
        ),
        (
            json!({"bodyStructure": {"type": "multipart/mixed", "blobId": "b", "subParts": [{"blobId": "c"}]}}),
            "bodyStructure",
        ),
        (
            json!({"bodyStructure": {"blobId": "b", "subParts": [{"blobId": "c"}]}}),
            "bodyStructure",
        ),
        (
            json!({"bodyStructure": {"blobId": "b", "headers": []}}),
            "bodyStructure",
        ),
        (
            json!({"bodyStructure": {"blobId": "b", "header:Content-Transfer-Encoding": " 8bit"}}),
            "bodyStructure",
        ),
        (
            json!({"subject": "a", "bodyStructure": {"blobId": "b", "header:SUBJECT": " b"}}),
            "bodyStructure",
        ),
        (json!({"attachments": {"blobId": "b"}}), "attachments"),
        (json!({"attachments": ["b"]}), "attachments"),
        (json!({"attachments": [{"blobId": 1}]}), "attachments"),
        (
            json!({"bodyValues": {"1": {"value": "a", "isTruncated": true}}}),
            "bodyValues",
        ),
        (
            json!({"bodyValues": {"1": {"value": "a", "isEncodingProblem": true}}}),
            "bodyValues",
        ),
        (json!({"bodyValues": {"1": "a"}}), "bodyValues"),
    ] {
        let error = read_draft(email(properties.clone())).unwrap_err().to_json();
        assert_eq!(error["type"], "invalidProperties", "{properties}");
        assert_eq!(error["properties"], json!([fault]), "{properties}");
    }
    let error = read_draft(json!({"subject": 1})).unwrap_err().to_json();
    assert_eq!(error["properties"], json!(["mailboxIds", "subject"]));
}

#[test]
fn a_creation_id_without_a_blob_is_told() {
    let attachments = json!({"attachments": [{"blobId": "#x"}, {"blobId": "#b4"}]});
    let error = read_draft(email(attachments)).unwrap_err().to_json();
    assert_eq!(error["type"], "blobNotFound");
    assert_eq!(error["notFound"], json!(["#x"]));
}
