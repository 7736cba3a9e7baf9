//! Requests that ask for very much. None of them may take much time or memory; what is refused says which limit it was.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a step that fails fails the test"
)]

use mail_api::bindings::concierge::mail::accounts::Account;
use mail_api::bindings::concierge::mail::emails::Thread;
use mail_api::jmap::capability::Capability;
use mail_api::jmap::limits::{
    ANSWERED_BYTES_MAX, CALLS_MAX, FILTER_DEPTH_MAX, FILTER_TERMS_MAX, JSON_DEPTH_MAX,
    JSON_VALUES_MAX, OBJECTS_IN_GET_MAX, OBJECTS_IN_SET_MAX, REQUEST_BYTES_MAX, RESOLVED_BYTES_MAX,
    SORT_MAX,
};
use mail_api::jmap::request::Request;
use mail_api::jmap::run::run;
use mail_api::methods::Method;
use mail_api::reply::Body;
use mail_api::scripted::{self, Scripted};
use serde_json::{Value, json};

fn request(calls: impl Into<Value>) -> Vec<u8> {
    let using: Vec<_> = Capability::ALL.into_iter().map(Capability::uri).collect();
    let calls: Value = calls.into();
    let request = json!({"using": using, "methodCalls": calls});
    request.to_string().into_bytes()
}

/// The responses. The host is asked for nothing.
fn responses(calls: impl Into<Value>) -> Value {
    answered(&Scripted::default(), calls)
}

fn answered(host: &Scripted, calls: impl Into<Value>) -> Value {
    let accounts = [Account {
        id: "a".to_owned(),
        name: "a".to_owned(),
        personal: true,
        read_only: false,
        addresses: Vec::new(),
    }];
    let request = Request::read(&request(calls)).unwrap();
    let mut response = scripted::run(run(host, "t", &accounts, "s", request));
    response["methodResponses"].take()
}

/// The error that a call gives.
fn refused(method: &str, arguments: Value) -> String {
    let responses = responses(json!([[method, arguments, "0"]]));
    assert_eq!(responses[0][0], "error", "{}", responses[0]);
    responses[0][1]["type"].as_str().unwrap().to_owned()
}

/// The limit that a request exceeds.
fn exceeded(bytes: &[u8]) -> String {
    let problem = Request::read(bytes).unwrap_err();
    let reply = problem.reply::<()>();
    let Body::Bytes(bytes) = reply.body() else {
        unreachable!("a problem is a document")
    };
    let document: Value = serde_json::from_slice(bytes).unwrap();
    assert_eq!(document["type"], "urn:ietf:params:jmap:error:limit");
    document["limit"].as_str().unwrap().to_owned()
}

fn echo(arguments: Value, id: usize) -> Value {
    json!(["Core/echo", arguments, id.to_string()])
}

fn result_of(id: usize, path: &str) -> Value {
    json!({"resultOf": id.to_string(), "name": "Core/echo", "path": path})
}

#[test]
fn calls() {
    let many = |count: usize| -> Vec<Value> { (0..count).map(|id| echo(json!({}), id)).collect() };
    assert_eq!(
        responses(many(CALLS_MAX)).as_array().unwrap().len(),
        CALLS_MAX
    );
    for count in [CALLS_MAX + 1, 1_000] {
        assert_eq!(exceeded(&request(many(count))), "maxCallsInRequest");
    }
}

#[test]
fn references_lead_back_only() {
    let circle = json!([
        echo(json!({"#a": result_of(1, "/a")}), 0),
        echo(json!({"#a": result_of(0, "/a")}), 1),
        echo(json!({"#a": result_of(2, "")}), 2),
    ]);
    let responses = responses(circle);
    for response in responses.as_array().unwrap() {
        assert_eq!(response[1]["type"], "invalidResultReference", "{response}");
    }
}

/// Each call has twice what the one before it has: without a bound the last had 2⁶³ times the first.
#[test]
fn references_do_not_multiply() {
    let mut calls = vec![echo(json!({"text": "x".repeat(1_000)}), 0)];
    for id in 1..CALLS_MAX {
        let all = result_of(id - 1, "");
        calls.push(echo(json!({"#a": all, "#b": all}), id));
    }
    let responses = responses(calls);
    assert!(responses.to_string().len() < RESOLVED_BYTES_MAX + 100_000);
    let last = &responses[CALLS_MAX - 1];
    assert_eq!(last[1]["type"], "invalidResultReference");
    assert_eq!(responses[8][0], "Core/echo");
}

/// A reference over arrays that are empty copies nothing; thousands of them over thousands of arrays are work all the same.
#[test]
fn references_that_find_nothing_count() {
    let arrays = JSON_VALUES_MAX / 2;
    let nothing = result_of(0, "/list/*/*");
    let references = (0..JSON_VALUES_MAX / 10).map(|at| (format!("#{at}"), nothing.clone()));
    let references: serde_json::Map<_, _> = references.collect();
    let calls = [
        echo(json!({"list": vec![json!([]); arrays]}), 0),
        echo(references.into(), 1),
    ];
    let responses = responses(calls.to_vec());
    assert_eq!(responses[1][1]["type"], "invalidResultReference");
}

#[test]
fn json_is_neither_deep_nor_of_very_many_values() {
    let arrays = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let objects = |depth: usize| r#"{"a":"#.repeat(depth) + "0" + &"}".repeat(depth);
    for depth in [JSON_DEPTH_MAX, 1_000, 1_000_000] {
        for inner in [arrays(depth), objects(depth)] {
            let text =
                format!(r#"{{"using":[],"methodCalls":[["Core/echo",{{"a":{inner}}},"0"]]}}"#);
            assert_eq!(exceeded(text.as_bytes()), "maxDepth");
        }
    }
    for inner in ["0,", "{},", r#"{"":0},"#] {
        let values = inner.repeat(REQUEST_BYTES_MAX / inner.len() - 100);
        let text =
            format!(r#"{{"using":[],"methodCalls":[["Core/echo",{{"a":[{values}0]}},"0"]]}}"#);
        assert_eq!(exceeded(text.as_bytes()), "maxValues");
    }
}

/// The longest request, all of it one text.
#[test]
fn ten_megabytes() {
    let text = "é".repeat(REQUEST_BYTES_MAX / 2 - 1_000);
    let calls = [
        echo(json!({"text": text}), 0),
        echo(json!({"#text": result_of(0, "/text")}), 1),
    ];
    let responses = responses(calls.to_vec());
    assert_eq!(responses[0][1]["text"], text.as_str());
    assert_eq!(responses[1][1]["type"], "invalidResultReference");
}

/// Once the answers are long no further call is run: the host is asked as often as its script has it, and no more.
#[test]
fn answers_end() {
    let emails = vec!["e".repeat(250); ANSWERED_BYTES_MAX / 1_000];
    let host = Scripted::default();
    for _ in 0..4 {
        let thread = Thread {
            id: "t".to_owned(),
            emails: emails.clone(),
        };
        host.threads.then(Box::new(|_, _, _| Ok((vec![thread], 7))));
    }
    let get = json!(["Thread/get", {"accountId": "a", "ids": ["t"]}, "0"]);
    let responses = answered(&host, vec![get; 6]);
    host.finish();
    for response in &responses.as_array().unwrap()[..4] {
        assert_eq!(response[1]["list"][0]["id"], "t");
    }
    assert_eq!(responses[4][1]["type"], "requestTooLarge");
    assert_eq!(responses[5][1]["type"], "requestTooLarge");
}

fn nested(depth: usize, condition: &Value) -> Value {
    (0..depth).fold(
        condition.clone(),
        |inner, _| json!({"operator": "NOT", "conditions": [inner]}),
    )
}

/// The queries that there are, each with a condition.
fn queries() -> Vec<(&'static str, Value)> {
    let all = [
        ("Email/query", json!({"hasAttachment": true})),
        ("EmailSubmission/query", json!({"undoStatus": "final"})),
        ("Mailbox/query", json!({"hasAnyRole": true})),
        ("Quota/query", json!({"name": "x"})),
    ];
    let known = all
        .into_iter()
        .filter(|(name, _)| Method::named(name).is_some());
    known.collect()
}

#[test]
fn filters_are_neither_deep_nor_long() {
    assert!(!queries().is_empty());
    for (query, condition) in queries() {
        let deep = json!({"accountId": "a", "filter": nested(FILTER_DEPTH_MAX + 1, &condition)});
        assert_eq!(refused(query, deep), "unsupportedFilter", "{query}");
        let many = vec![condition.clone(); FILTER_TERMS_MAX];
        let many = json!({"accountId": "a", "filter": {"operator": "OR", "conditions": many}});
        assert_eq!(refused(query, many), "unsupportedFilter", "{query}");
        let deeper = json!({"accountId": "a", "filter": nested(1_000, &condition)});
        assert_eq!(
            exceeded(&request(json!([[query, deeper, "0"]]))),
            "maxDepth"
        );
        let sort = vec![json!({"property": "size"}); SORT_MAX + 1];
        let sorted = json!({"accountId": "a", "sort": sort});
        assert_eq!(refused(query, sorted), "unsupportedSort", "{query}");
    }
}

#[test]
fn objects() {
    for data_type in ["Email", "EmailSubmission", "Identity", "Mailbox", "Thread"] {
        let ids: Vec<_> = (0..=OBJECTS_IN_GET_MAX).map(|id| id.to_string()).collect();
        let get = format!("{data_type}/get");
        if Method::named(&get).is_some() {
            let refused = refused(&get, json!({"accountId": "a", "ids": ids}));
            assert_eq!(refused, "requestTooLarge", "{get}");
        }
        let ids: Vec<_> = (0..=OBJECTS_IN_SET_MAX).map(|id| id.to_string()).collect();
        let set = format!("{data_type}/set");
        if Method::named(&set).is_some() {
            let refused = refused(&set, json!({"accountId": "a", "destroy": ids}));
            assert_eq!(refused, "requestTooLarge", "{set}");
        }
    }
}
