//! Requests with everything in them that is read.

use mail_api::jmap::capability::Capability;
use serde_json::{Value, json};

/// The requests.
pub fn seeds() -> Vec<Value> {
    let using: Vec<_> = Capability::ALL.into_iter().map(Capability::uri).collect();
    let request =
        |calls| json!({"using": using, "methodCalls": calls, "createdIds": {"x": "e", "b": "m1"}});
    let calls = [
        echoes(),
        mailboxes(),
        changed_mailboxes(),
        emails(),
        changed_emails(),
        sending(),
        others(),
        blobs(),
    ];
    calls.into_iter().map(request).collect()
}

fn echoes() -> Value {
    json!([
        ["Core/echo", {"list": [{"id": "x", "ids": ["a"]}, {"id": "y", "ids": []}], "a/b~": 1.5}, "0"],
        ["Core/echo", {"#ids": {"resultOf": "0", "name": "Core/echo", "path": "/list/*/ids"}}, "1"],
        ["Core/echo", {"#one": {"resultOf": "0", "name": "Core/echo", "path": "/a~1b~0"}}, "1"]
    ])
}

fn mailboxes() -> Value {
    json!([
        ["Mailbox/get", {"accountId": "a", "ids": null, "properties": ["name", "myRights"]}, "0"],
        ["Mailbox/changes", {"accountId": "a", "sinceState": "3", "maxChanges": 50}, "1"],
        ["Mailbox/get", {"accountId": "a", "#ids": {"resultOf": "1", "name": "Mailbox/changes", "path": "/created"}}, "2"],
        ["Mailbox/query", {"accountId": "a", "filter": {"operator": "AND", "conditions": [{"hasAnyRole": true}, {"operator": "NOT", "conditions": [{"name": "x", "parentId": null}]}]}, "sort": [{"property": "sortOrder"}, {"property": "name", "isAscending": false}], "sortAsTree": true, "filterAsTree": true, "position": -1, "limit": 10, "calculateTotal": true}, "3"],
        ["Mailbox/queryChanges", {"accountId": "a", "sinceQueryState": "3", "filter": {"role": "inbox"}, "upToId": "m1", "calculateTotal": true}, "4"]
    ])
}

fn changed_mailboxes() -> Value {
    json!([
        ["Mailbox/set", {"accountId": "a", "ifInState": "7", "create": {"k": {"name": "A", "parentId": "#l"}, "l": {"name": "B", "role": "archive", "sortOrder": 3, "isSubscribed": true}}, "update": {"m1": {"name": "C", "parentId": "#k"}, "m2": {"isSubscribed": false}}, "destroy": ["m3", "#k"], "onDestroyRemoveEmails": true}, "0"],
        ["Thread/get", {"accountId": "a", "ids": ["t", "u"], "properties": ["emailIds"]}, "1"],
        ["Thread/changes", {"accountId": "r", "sinceState": "0"}, "2"]
    ])
}

fn emails() -> Value {
    json!([
        ["Email/query", {"accountId": "a", "filter": {"operator": "OR", "conditions": [{"inMailbox": "m1", "after": "2026-01-01T00:00:00Z", "minSize": 1, "hasKeyword": "$Seen", "text": "x", "header": ["Subject", "y"]}, {"inMailboxOtherThan": ["m1"], "notKeyword": "$draft", "hasAttachment": true}]}, "sort": [{"property": "someInThreadHaveKeyword", "keyword": "$flagged", "isAscending": false}, {"property": "receivedAt"}], "collapseThreads": true, "limit": 30, "calculateTotal": true}, "0"],
        ["Email/get", {"accountId": "a", "#ids": {"resultOf": "0", "name": "Email/query", "path": "/ids"}, "properties": ["threadId", "subject", "from", "header:List-Post:asURLs", "header:From:asGroupedAddresses:all", "bodyStructure", "textBody", "bodyValues"], "bodyProperties": ["partId", "type", "header:Content-Type"], "fetchTextBodyValues": true, "maxBodyValueBytes": 3}, "1"],
        ["SearchSnippet/get", {"accountId": "a", "filter": {"text": "x"}, "#emailIds": {"resultOf": "0", "name": "Email/query", "path": "/ids"}}, "2"],
        ["Email/queryChanges", {"accountId": "a", "filter": null, "sinceQueryState": "3", "maxChanges": 10, "upToId": "e"}, "3"],
        ["Email/changes", {"accountId": "a", "sinceState": "3"}, "4"],
        ["Email/get", {"accountId": "a", "ids": ["e"]}, "5"]
    ])
}

fn changed_emails() -> Value {
    json!([
        ["Email/set", {"accountId": "a", "create": {"k": {"mailboxIds": {"m1": true, "#b": true}, "keywords": {"$draft": true}, "from": [{"name": "Jürgen", "email": "j@example.org"}], "to": [{"email": "a@b"}], "subject": "Köln", "messageId": ["1@x"], "header:X-A:asText": "é", "sentAt": "2026-11-26T03:04:05+01:00", "receivedAt": "2026-11-26T03:04:05Z", "bodyStructure": {"type": "multipart/mixed", "subParts": [{"partId": "t", "type": "text/plain"}, {"blobId": "b1", "name": "ä.pdf", "disposition": "attachment", "language": ["de"]}]}, "bodyValues": {"t": {"value": "Hi"}}}, "l": {"mailboxIds": {"m1": true}, "textBody": [{"partId": "1", "type": "text/plain"}], "htmlBody": [{"partId": "2", "type": "text/html"}], "attachments": [{"blobId": "b", "cid": "c@d"}], "bodyValues": {"1": {"value": "a"}, "2": {"value": "<p>a"}}}}, "update": {"e": {"keywords/$seen": true, "mailboxIds/m2": null}, "f": {"mailboxIds": {"m2": true}}, "#k": {"keywords": {}}}, "destroy": ["g"]}, "0"],
        ["Email/import", {"accountId": "a", "emails": {"k": {"blobId": "b1", "mailboxIds": {"m1": true}, "keywords": {"a": true}, "receivedAt": "2026-11-26T03:04:05Z"}}}, "1"],
        ["Email/copy", {"fromAccountId": "r", "accountId": "a", "create": {"k": {"id": "e", "mailboxIds": {"m1": true}}}, "onSuccessDestroyOriginal": false}, "2"],
        ["Email/parse", {"accountId": "a", "blobIds": ["b1", "b2", "b3"], "properties": ["subject", "attachments"], "fetchAllBodyValues": true}, "3"]
    ])
}

fn sending() -> Value {
    json!([
        ["EmailSubmission/set", {"accountId": "a", "create": {"k": {"identityId": "i", "emailId": "e", "envelope": {"mailFrom": {"email": "ann@example.org", "parameters": {"HOLDFOR": "60"}}, "rcptTo": [{"email": "b@c", "parameters": null}]}}, "l": {"identityId": "i", "emailId": "#x"}}, "update": {"s": {"undoStatus": "canceled"}}, "destroy": ["t"], "onSuccessUpdateEmail": {"#k": {"keywords/$draft": null, "mailboxIds/m2": true}}, "onSuccessDestroyEmail": ["s"]}, "0"],
        ["EmailSubmission/get", {"accountId": "a", "ids": ["s"]}, "1"],
        ["EmailSubmission/query", {"accountId": "a", "filter": {"undoStatus": "final", "identityIds": ["i"], "before": "2026-11-26T03:04:05Z"}, "sort": [{"property": "sentAt"}]}, "2"],
        ["EmailSubmission/changes", {"accountId": "a", "sinceState": "3"}, "3"],
        ["EmailSubmission/queryChanges", {"accountId": "a", "sinceQueryState": "3"}, "4"],
        ["Identity/get", {"accountId": "a", "ids": null}, "5"],
        ["Identity/changes", {"accountId": "a", "sinceState": "3"}, "6"],
        ["Identity/set", {"accountId": "a", "create": {"k": {"name": "A", "email": "a@b", "replyTo": [{"name": null, "email": "c@d"}], "textSignature": "x"}}, "update": {"i": {"bcc": null}}, "destroy": ["j"]}, "7"]
    ])
}

fn others() -> Value {
    json!([
        ["VacationResponse/set", {"accountId": "a", "update": {"singleton": {"isEnabled": true, "fromDate": "2026-11-26T03:04:05Z", "textBody": "x", "htmlBody": null}}, "create": {"k": {}}, "destroy": ["singleton"]}, "0"],
        ["VacationResponse/get", {"accountId": "a", "ids": ["singleton", "x"]}, "1"],
        ["PushSubscription/set", {"create": {"k": {"deviceClientId": "d", "url": "https://push.example.org/x", "keys": null, "types": ["Email", "Mailbox"], "expires": "2026-11-26T03:04:05Z"}}, "update": {"s": {"verificationCode": "c", "types": null}}, "destroy": ["t"]}, "2"],
        ["PushSubscription/get", {"ids": null}, "3"]
    ])
}

fn blobs() -> Value {
    json!([
        ["Blob/upload", {"accountId": "a", "create": {"k": {"type": "text/plain", "data": [{"data:asText": "a"}, {"data:asBase64": "AAEC"}, {"blobId": "b", "offset": 1, "length": 2}]}, "l": {"data": []}}}, "0"],
        ["Blob/get", {"accountId": "a", "ids": ["b", "#k"], "properties": ["data", "data:asBase64", "digest:sha", "digest:sha-256", "size"], "offset": 1, "length": 2}, "1"],
        ["Blob/lookup", {"accountId": "a", "typeNames": ["Mailbox", "Thread", "Email"], "ids": ["b"]}, "2"],
        ["Blob/copy", {"fromAccountId": "r", "accountId": "a", "blobIds": ["b", "c", "d"]}, "3"],
        ["Quota/get", {"accountId": "a", "ids": null}, "4"],
        ["Quota/changes", {"accountId": "a", "sinceState": "7"}, "5"],
        ["Quota/query", {"accountId": "a", "filter": {"scope": "account", "name": "m"}, "sort": [{"property": "used"}]}, "6"],
        ["Quota/queryChanges", {"accountId": "a", "sinceQueryState": "7"}, "7"]
    ])
}
