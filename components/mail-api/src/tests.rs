//! Whole requests, with the host scripted.

use budget::Budget;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::api::MEMORY_BYTES;
use crate::bindings::concierge::mail::accounts::{Account, DataType, Error};
use crate::bindings::concierge::mail::emails::Thread;
use crate::bindings::concierge::mail::messages::{Blob, Content};
use crate::host::{AuthenticationError, Principal};
use crate::jmap::limits::{CALLS_MAX, REQUEST_BYTES_MAX};
use crate::reply::{Body, Reply};
use crate::scripted::{Scripted, run};
use crate::serve::{Around, serve};
use crate::settings::Settings;

/// A host that knows everyone as ann, who has the account `a`; of one request.
fn host() -> Scripted {
    let host = Scripted::default();
    host.authenticate.then(Box::new(|_, _| {
        Ok(Principal {
            token: "t".to_owned(),
            name: "ann".to_owned(),
        })
    }));
    host
}

/// The same, and it is asked for the accounts.
fn host_with_accounts() -> Scripted {
    let host = host();
    host.accounts.then(Box::new(|_| {
        Ok(vec![Account {
            id: "a".to_owned(),
            name: "ann".to_owned(),
            personal: true,
            read_only: false,
            addresses: vec![],
        }])
    }));
    host
}

fn ask(
    host: &Scripted,
    request: http::request::Builder,
    body: impl Into<Vec<u8>>,
) -> Reply<Vec<u8>> {
    let settings = Settings::default();
    let around = Around {
        settings: &settings,
        memory: &Budget::new(MEMORY_BYTES),
    };
    run(serve(host, around, request.body(body.into()).unwrap()))
}

fn signed_in(method: Method, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", "Bearer secret")
        .header("host", "localhost:8080")
}

fn post(host: &Scripted, body: &Value) -> Reply<Vec<u8>> {
    let request = signed_in(Method::POST, "/jmap/api").header("content-type", "application/json");
    ask(host, request, body.to_string())
}

fn body(reply: &Reply<Vec<u8>>) -> Value {
    match reply.body() {
        Body::Bytes(bytes) => serde_json::from_slice(bytes).unwrap(),
        Body::Stream(bytes) => panic!("a stream: {bytes:?}"),
    }
}

fn field<'r>(reply: &'r Reply<Vec<u8>>, name: &str) -> &'r str {
    reply
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

fn echo(calls: Value) -> Value {
    json!({ "using": ["urn:ietf:params:jmap:core"], "methodCalls": calls })
}

#[test]
fn calls_are_answered_in_their_order_and_may_refer_to_each_other() {
    let host = host_with_accounts();
    let calls = json!([
        ["Core/echo", { "hello": [1, 2] }, "a"],
        ["Core/echo", { "#again": { "resultOf": "a", "name": "Core/echo", "path": "/hello/1" } }, "b"],
        ["Core/echo", { "#loop": { "resultOf": "c", "name": "Core/echo", "path": "/x" } }, "c"],
        ["No/method", {}, "d"],
        ["Email/get", {}, "e"],
    ]);
    let reply = post(&host, &echo(calls));
    assert_eq!(reply.status(), StatusCode::OK);
    let answer = body(&reply);
    assert_eq!(
        answer["methodResponses"][0],
        json!(["Core/echo", { "hello": [1, 2] }, "a"])
    );
    assert_eq!(
        answer["methodResponses"][1],
        json!(["Core/echo", { "again": 2 }, "b"])
    );
    // A reference to a call that is not answered yet.
    assert_eq!(
        answer["methodResponses"][2][1]["type"],
        "invalidResultReference"
    );
    for (number, why) in [
        (3, "There is no method of this name."),
        (4, "It needs urn:ietf:params:jmap:mail in using."),
    ] {
        assert_eq!(
            answer["methodResponses"][number][1],
            json!({ "type": "unknownMethod", "description": why })
        );
    }
    assert_eq!(answer["sessionState"].as_str().unwrap().len(), 24);
}

#[test]
fn the_session_is_for_who_signs_in() {
    let host = host_with_accounts();
    let reply = ask(&host, signed_in(Method::GET, "/.well-known/jmap"), "");
    assert_eq!(body(&reply)["username"], "ann");
    assert_eq!(body(&reply)["apiUrl"], "http://localhost:8080/jmap/api");
    let anyone = Request::get("/.well-known/jmap");
    let reply = ask(&host, anyone, "");
    assert_eq!(reply.status(), StatusCode::UNAUTHORIZED);
    assert!(field(&reply, "www-authenticate").starts_with("Bearer"));
    let refused = Scripted::default();
    let slow_down = Err(AuthenticationError::SlowDown(7));
    refused.authenticate.then(Box::new(|_, _| slow_down));
    let reply = ask(&refused, signed_in(Method::GET, "/.well-known/jmap"), "");
    assert_eq!(reply.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(field(&reply, "retry-after"), "7");
}

#[test]
fn what_is_no_request_is_a_problem_of_its_kind() {
    let problem = |reply: &Reply<Vec<u8>>| body(reply)["type"].as_str().unwrap().to_owned();
    let reply = post(&host(), &json!({ "using": ["urn:x"], "methodCalls": [] }));
    assert_eq!(
        problem(&reply),
        "urn:ietf:params:jmap:error:unknownCapability"
    );
    let reply = post(&host(), &json!([]));
    assert_eq!(problem(&reply), "urn:ietf:params:jmap:error:notRequest");
    let request = signed_in(Method::POST, "/jmap/api").header("content-type", "application/json");
    let reply = ask(&host(), request, "{");
    assert_eq!(problem(&reply), "urn:ietf:params:jmap:error:notJSON");
    let reply = ask(&host(), signed_in(Method::POST, "/jmap/api"), "{}");
    assert_eq!(problem(&reply), "urn:ietf:params:jmap:error:notJSON");
    let many = vec![json!(["Core/echo", {}, "a"]); CALLS_MAX + 1];
    let reply = post(&host(), &echo(many.into()));
    assert_eq!(body(&reply)["limit"], "maxCallsInRequest");
    let deep = "[".repeat(1_000) + &"]".repeat(1_000);
    let request = signed_in(Method::POST, "/jmap/api").header("content-type", "application/json");
    let reply = ask(&host(), request, deep);
    assert_eq!(body(&reply)["limit"], "maxDepth");
    let request = signed_in(Method::POST, "/jmap/api").header("content-type", "application/json");
    let reply = ask(&host(), request, vec![b' '; REQUEST_BYTES_MAX + 1]);
    assert_eq!(body(&reply)["limit"], "maxSizeRequest");
}

#[test]
fn memory_is_given_to_some_requests_and_not_to_all() {
    let settings = Settings::default();
    let around = Around {
        settings: &settings,
        memory: &Budget::new(1_000),
    };
    let request = signed_in(Method::POST, "/jmap/api").header("content-type", "application/json");
    let request = request
        .body(echo(json!([])).to_string().into_bytes())
        .unwrap();
    let reply = run(serve(&host(), around, request));
    assert_eq!(body(&reply)["limit"], "maxConcurrentRequests");
    assert_eq!(field(&reply, "retry-after"), "1");
}

/// Small requests may have long answers: those of many at once took the memory of all.
#[test]
fn long_answers_of_many_requests_wait_for_memory() {
    let host = host_with_accounts();
    // One call: its script has no second.
    host.threads.then(Box::new(|_, _, _| {
        let thread = Thread {
            id: "t".to_owned(),
            emails: vec!["e".repeat(1_000); 1_000],
        };
        Ok((vec![thread], 7))
    }));
    let settings = Settings::default();
    let memory = Budget::new(3_000_000);
    let around = Around {
        settings: &settings,
        memory: &memory,
    };
    let get = json!(["Thread/get", { "accountId": "a", "ids": ["t"] }, "0"]);
    let calls = json!({ "using": ["urn:ietf:params:jmap:mail"], "methodCalls": [get, get] });
    let text = calls.to_string();
    let request = signed_in(Method::POST, "/jmap/api")
        .header("content-type", "application/json")
        .header("content-length", text.len())
        .body(text.into_bytes())
        .unwrap();
    let reply = run(serve(&host, around, request));
    let responses = &body(&reply)["methodResponses"];
    assert_eq!(responses[0][1]["list"][0]["id"], "t");
    assert_eq!(responses[1][1]["type"], "serverUnavailable");
    assert!(memory.share().grow_to(3_000_000), "it is given back");
}

#[test]
fn uploads_and_downloads_are_handed_on() {
    let uploading = host();
    uploading.upload.then(Box::new(|_, account, bytes| {
        assert_eq!((account, bytes.as_slice()), ("a", &b"hello"[..]));
        Ok(Blob {
            id: "b1".to_owned(),
            size: 5,
        })
    }));
    let request = signed_in(Method::POST, "/jmap/upload/a/").header("content-type", "text/plain");
    let reply = ask(&uploading, request, "hello");
    assert_eq!(reply.status(), StatusCode::CREATED);
    let expected = json!({ "accountId": "a", "blobId": "b1", "type": "text/plain", "size": 5 });
    assert_eq!(body(&reply), expected);
    let downloading = host();
    downloading.download.then(Box::new(|_, _, blob, range| {
        assert_eq!((blob, range.offset, range.length), ("b1", 1, Some(2)));
        Ok((Content { length: 2, size: 5 }, b"el".to_vec()))
    }));
    let path = "/jmap/download/a/b1/hello.txt?accept=text%2Fplain";
    let request = signed_in(Method::GET, path).header("range", "bytes=1-2");
    let reply = ask(&downloading, request, "");
    assert_eq!(reply.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(field(&reply, "content-range"), "bytes 1-2/5");
    assert_eq!(field(&reply, "content-type"), "text/plain");
    assert!(field(&reply, "content-security-policy").starts_with("sandbox"));
    assert!(field(&reply, "cache-control").contains("immutable"));
    assert!(matches!(reply.body(), Body::Stream(bytes) if bytes == b"el"));
}

/// HEAD said that every blob is empty, and what a cache was told of a blob that it has was not to keep it.
#[test]
fn what_is_told_of_a_blob_without_its_bytes_is_true() {
    let path = "/jmap/download/a/b1/hello.txt";
    let with_blob = || {
        let host = host();
        let whole = Content { length: 5, size: 5 };
        host.download
            .then(Box::new(move |_, _, _, _| Ok((whole, b"hello".to_vec()))));
        host
    };
    let reply = ask(&with_blob(), signed_in(Method::HEAD, path), "");
    assert_eq!(field(&reply, "content-length"), "5");
    assert!(matches!(reply.body(), Body::Bytes(bytes) if bytes.is_empty()));
    let request = signed_in(Method::GET, path).header("if-none-match", "\"b1\"");
    let reply = ask(&with_blob(), request, "");
    assert_eq!(reply.status(), StatusCode::NOT_MODIFIED);
    assert!(!reply.headers().contains_key("content-length"));
    assert!(field(&reply, "cache-control").contains("immutable"));
    let path = "/jmap/eventsource?types=*";
    let reply = ask(&host(), signed_in(Method::HEAD, path), "");
    assert!(!reply.headers().contains_key("content-length"));
}

#[test]
fn an_upload_that_is_too_long_is_refused_unread() {
    // Its script has no upload.
    let host = host();
    let request = signed_in(Method::POST, "/jmap/upload/a/").header("content-length", "50000001");
    let reply = ask(&host, request, "");
    assert_eq!(reply.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(body(&reply)["limit"], "maxSizeUpload");
}

#[test]
fn blobs_of_others_are_not_there() {
    let host = host();
    let not_found = Err(Error::NotFound);
    host.download.then(Box::new(|_, _, _, _| not_found));
    let reply = ask(&host, signed_in(Method::GET, "/jmap/download/a/b1/x"), "");
    assert_eq!(reply.status(), StatusCode::NOT_FOUND);
    assert_eq!(field(&reply, "content-type"), "application/problem+json");
}

#[test]
fn events_are_a_stream_of_the_host() {
    let host = host();
    host.listen.then(Box::new(|_, subscription| {
        assert_eq!(subscription.types, [DataType::Email]);
        assert_eq!(subscription.ping_s, 60);
        Ok(b": hello\n\n".to_vec())
    }));
    let path = "/jmap/eventsource?types=Email&closeafter=no&ping=60";
    let reply = ask(&host, signed_in(Method::GET, path), "");
    assert_eq!(field(&reply, "content-type"), "text/event-stream");
    assert!(!reply.headers().contains_key("content-length"));
    assert!(matches!(reply.body(), Body::Stream(_)));
}

#[test]
fn browsers_may_ask_from_anywhere_and_methods_are_told() {
    let host = Scripted::default();
    let preflight = Request::options("/jmap/api")
        .header("origin", "https://mail.example.org")
        .header("access-control-request-method", "POST");
    let reply = ask(&host, preflight, "");
    assert_eq!(reply.status(), StatusCode::NO_CONTENT);
    assert_eq!(field(&reply, "access-control-allow-origin"), "*");
    assert_eq!(
        field(&reply, "access-control-allow-methods"),
        "POST, OPTIONS"
    );
    assert!(field(&reply, "access-control-allow-headers").contains("authorization"));
    let reply = ask(&host, signed_in(Method::GET, "/jmap/api"), "");
    assert_eq!(reply.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(field(&reply, "allow"), "POST, OPTIONS");
    assert_eq!(field(&reply, "access-control-allow-origin"), "*");
    let reply = ask(&host, signed_in(Method::GET, "/jmap"), "");
    assert_eq!(reply.status(), StatusCode::NOT_FOUND);
}

#[test]
fn mail_programs_are_told_without_signing_in() {
    let host = Scripted::default();
    let path = "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=ann@example.org";
    let request = Request::get(path).header("host", "example.org");
    let reply = ask(&host, request, "");
    assert_eq!(reply.status(), StatusCode::OK);
    assert_eq!(field(&reply, "content-type"), "application/xml");
}
