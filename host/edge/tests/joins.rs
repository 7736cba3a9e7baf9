//! Components that call the domain crates: a real store and identity behind a real edge.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod support;

use bytes::Bytes;
use concierge_edge::{Edge, EdgeError};
use concierge_identity::Principal;
use concierge_objects::{ListQuery, ObjectStore};
use http::StatusCode;
use http_body_util::BodyExt;
use std::collections::BTreeMap;
use support::store::{ALL_IMPORTS, KEY_ID, NOW, SECRET, Store, sign};
use support::{Server, eventually, guests, manifest, request};
use tokio::io::AsyncWriteExt;

/// Bytes that are not the same anywhere.
fn pattern(length: usize) -> Bytes {
    let mut word = 0x9e37_79b9_u32;
    let mut bytes = Vec::with_capacity(length + 4);
    while bytes.len() < length {
        word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

struct Client {
    store: Store,
    server: Server,
    token: String,
}

impl Client {
    /// With an empty bucket.
    async fn start(lines: &str) -> Self {
        let store = Store::open().await;
        let server = store.server(lines);
        let token = store.token();
        let principal = store.identity.principal(&token).unwrap();
        let created = store
            .objects
            .create_bucket(&principal, "bucket", "us-east-1");
        created.await.unwrap();
        Self {
            store,
            server,
            token,
        }
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        body: Bytes,
    ) -> http::Request<http_body_util::Full<Bytes>> {
        let mut request = request(method, path, body);
        let token = self.token.parse().unwrap();
        request.headers_mut().insert("x-token", token);
        request
    }

    async fn get(&self, path: &str) -> support::Answer {
        self.server
            .send(self.request("GET", path, Bytes::new()))
            .await
    }

    async fn put(&self, path: &str, body: Bytes) -> support::Answer {
        self.server.send(self.request("PUT", path, body)).await
    }

    async fn keys(&self) -> usize {
        let principal = self.store.identity.principal(&self.store.token()).unwrap();
        keys(&self.store.objects, &principal).await
    }
}

async fn keys(store: &ObjectStore, principal: &Principal) -> usize {
    let query = ListQuery {
        bucket: "bucket".to_owned(),
        max: 1_000,
        ..ListQuery::default()
    };
    store
        .list_objects(principal, query)
        .await
        .unwrap()
        .items
        .len()
}

#[tokio::test]
async fn a_large_body_goes_up_and_down_unchanged() {
    let client = Client::start("").await;
    let body = pattern(64 << 20);
    for (put, get) in [("put", "get"), ("put-copied", "get-copied")] {
        let answer = client.put(&format!("/{put}/{put}"), body.clone()).await;
        assert!(answer.text().starts_with("Ok("), "{}", answer.text());
        let answer = client.get(&format!("/{get}/{put}")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("content-length"), body.len().to_string());
        assert!(answer.body.unwrap() == body, "{get} gave other bytes");
    }
}

#[tokio::test]
async fn small_and_empty_bodies_too() {
    let client = Client::start("").await;
    for length in [0, 1, 65_535, 65_536, 65_537] {
        for (put, get) in [("put", "get-copied"), ("put-copied", "get")] {
            let body = pattern(length);
            let answer = client.put(&format!("/{put}/key"), body.clone()).await;
            assert!(
                answer.text().starts_with("Ok("),
                "{length}: {}",
                answer.text()
            );
            let answer = client.get(&format!("/{get}/key")).await;
            assert_eq!(answer.body.unwrap(), body, "{length}");
        }
    }
}

#[tokio::test]
async fn every_function_answers_in_the_contracts_terms() {
    let client = Client::start("").await;
    let said = client.get("/everything").await;
    let said = said.text();
    let lines: BTreeMap<&str, Vec<&str>> = said.lines().fold(BTreeMap::new(), |mut lines, line| {
        let (function, answer) = line.split_once(": ").unwrap();
        lines.entry(function).or_insert_with(Vec::new).push(answer);
        lines
    });
    for (function, wanted) in [
        ("buckets::create", vec![vec!["Ok(())"]]),
        (
            "buckets::get",
            vec![vec![
                "name: \"all-of-it\"",
                "Versioning::Unversioned",
                "region: \"eu-north-1\"",
            ]],
        ),
        (
            "buckets::list",
            vec![vec!["Ok(BucketPage", "name: \"all-of-it\"", "next: None"]],
        ),
        ("buckets::set_tags", vec![vec!["Ok(())"]]),
        (
            "buckets::get_tags",
            vec![vec!["Tag { key: \"a\", value: \"1\" }"]],
        ),
        ("buckets::set_cors", vec![vec!["Ok(())"]]),
        (
            "buckets::get_cors",
            vec![vec!["https://*.example", "max-age-s: Some(7)"]],
        ),
        (
            "buckets::match_cors",
            vec![vec!["Ok(Some(CorsRule", "expose-headers: [\"etag\"]"]],
        ),
        ("buckets::set_versioning", vec![vec!["Ok(())"]]),
        (
            "blobs::put",
            vec![
                // MD5 of "hello".
                vec![
                    "Ok(PutResult",
                    "version-id: Some(",
                    "5d41402abc4b2a76b9719d911017c592",
                    "size: 5",
                ],
                vec!["Err(Error::PreconditionFailed(\"If-None-Match\"))"],
            ],
        ),
        (
            "blobs::head",
            vec![
                vec![
                    "range: None",
                    "length: 5",
                    "content-type: Some(\"text/plain\")",
                    "(\"colour\", \"green\")",
                    "tag-count: 1",
                ],
                vec!["range: Some((3, 4))", "length: 2"],
                vec!["Err(Error::NotModified(ObjectInfo", "key: \"dir/one\""],
            ],
        ),
        ("blobs::get", vec![vec!["Some((1, 3)) [101, 108, 108]"]]),
        (
            "blobs::get_tags",
            vec![vec!["Tag { key: \"k\", value: \"v\" }"]],
        ),
        ("blobs::set_tags", vec![vec!["Ok(Some("]]),
        (
            "blobs::copy",
            vec![vec![
                "Ok(CopyResult",
                "ChecksumAlgorithm::Sha256",
                "ChecksumKind::FullObject",
            ]],
        ),
        (
            "blobs::get_attributes",
            vec![vec!["Ok(Attributes", "size: 5", "truncated: false"]],
        ),
        (
            "listing::objects",
            vec![vec![
                "Item::Prefix(\"dir/\")",
                "Item::Object(Entry { key: \"two\"",
            ]],
        ),
        ("blobs::delete", vec![vec!["delete-marker: true"]]),
        ("blobs::delete_many", vec![vec!["Ok([Ok(DeleteResult"]]),
        (
            "listing::versions",
            vec![vec!["delete-marker: true", "latest: true", "latest: false"]],
        ),
        (
            "multipart::create",
            vec![vec![
                "\"parts\" Some((ChecksumAlgorithm::Crc32, ChecksumKind::FullObject))",
            ]],
        ),
        (
            "multipart::put_part",
            vec![vec!["Ok(Part", "number: 1", "size: 5"]],
        ),
        (
            "multipart::copy_part",
            vec![vec!["Err(Error::NoSuchKey(None))"]],
        ),
        ("multipart::list_parts", vec![vec!["Ok([Part", "number: 1"]]),
        ("multipart::list_uploads", vec![vec!["Ok(1)"]]),
        (
            "multipart::complete",
            vec![vec!["Ok(PutResult", "size: 5", "-1\""]],
        ),
        ("multipart::abort", vec![vec!["Err(Error::NoSuchUpload)"]]),
        ("buckets::delete", vec![vec!["Err(Error::BucketNotEmpty)"]]),
    ] {
        let answers = lines
            .get(function)
            .unwrap_or_else(|| panic!("{function} is missing in {said}"));
        assert_eq!(answers.len(), wanted.len(), "{function} in {said}");
        for (answer, words) in answers.iter().zip(wanted) {
            for word in words {
                assert!(answer.contains(word), "{function}: no {word} in {answer}");
            }
        }
    }
}

#[tokio::test]
async fn signatures_are_verified_and_tokens_expire() {
    let client = Client::start("").await;
    let canonical = "GET\n/\n\nhost:test\n\nhost\nUNSIGNED-PAYLOAD";
    let verify = async |signature: &str| {
        let mut request = request("GET", "/verify", Bytes::new());
        for (name, value) in [
            ("x-key", KEY_ID),
            ("x-time", NOW),
            ("x-region", "us-east-1"),
            ("x-canonical", &canonical.replace('\n', "|")),
            ("x-signature", signature),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        client.server.send(request).await.text().to_owned()
    };
    let refused = verify(&sign("another secret", canonical)).await;
    assert!(
        refused.starts_with("Error::SignatureDoesNotMatch(\"AWS4-HMAC-SHA256\\n"),
        "{refused}"
    );
    let token = verify(&sign(SECRET, canonical)).await;

    let get = async |token: &str| {
        let mut request = request("GET", "/get/none", Bytes::new());
        request
            .headers_mut()
            .insert("x-token", token.parse().unwrap());
        client.server.send(request).await.text().to_owned()
    };
    assert_eq!(get(&token).await, "Error::NoSuchKey(None)");
    let mut changed = token.clone();
    changed.replace_range(3..4, if &token[3..4] == "A" { "B" } else { "A" });
    for bad in ["", "nonsense", &changed] {
        assert_eq!(get(bad).await, "Error::InvalidToken", "{bad}");
    }
    client.store.outlive_tokens();
    assert_eq!(get(&token).await, "Error::InvalidToken");
}

#[tokio::test]
async fn passwords_are_verified_and_their_tokens_are_good() {
    let client = Client::start("").await;
    let identity = &client.store.identity;
    let password = "correct horse".parse().unwrap();
    let admin = "admin".parse().unwrap();
    identity.set_password(&admin, &password).unwrap();
    let app = identity.create_app_password(&admin, "phone".parse().unwrap());
    let app = app.unwrap().password;
    let sign_in = async |scheme: &str, name: &str, password: &str, address: &str| {
        let mut request = request("GET", &format!("/{scheme}"), Bytes::new());
        for (field, value) in [
            ("x-name", name),
            ("x-password", password),
            ("x-client", address),
        ] {
            request.headers_mut().insert(field, value.parse().unwrap());
        }
        client.server.send(request).await.text().to_owned()
    };
    let local = "192.0.2.1";
    for (scheme, password, address) in [
        ("basic", "correct horse", local),
        ("basic", app.expose(), "192.0.2.1:50123"),
        ("bearer", app.expose(), "[2001:db8::1]:443"),
    ] {
        let answer = sign_in(scheme, "admin", password, address).await;
        let token = answer.strip_prefix("admin Role::Administrator ").unwrap();
        let principal = identity.principal(token).unwrap();
        assert!(principal.is_administrator(), "{scheme}");
        let mut request = request("GET", "/get/none", Bytes::new());
        let header = token.parse().unwrap();
        request.headers_mut().insert("x-token", header);
        let answer = client.server.send(request).await;
        assert_eq!(answer.text(), "Error::NoSuchKey(None)", "{scheme}");
    }
    for (scheme, password) in [("basic", "correct horsf"), ("bearer", "correct horse")] {
        let answer = sign_in(scheme, "admin", password, local).await;
        assert_eq!(answer, "Error::Unauthorized", "{scheme}");
    }
    assert_eq!(
        sign_in("basic", "admin", "correct horse", "a stranger").await,
        "Error::Malformed(\"the client is not an IP address\")"
    );
    assert_eq!(
        sign_in("basic", "admin", &"p".repeat(8_193), local).await,
        "Error::Malformed(\"the password is too long\")"
    );
    for guess in 0..9 {
        sign_in("basic", "admin", &format!("guess number {guess}"), local).await;
    }
    assert_eq!(
        sign_in("basic", "admin", "guess number 9", local).await,
        "Error::SlowDown(30)"
    );
}

#[tokio::test]
async fn a_component_reads_its_variables_and_no_others() {
    let store = Store::open().await;
    let manifest = manifest("variables = { colour = \"green\" }", ALL_IMPORTS);
    let server = Server::with(store.options(), &manifest, guests::objects());
    assert_eq!(server.get("/variable/colour").await.text(), "Ok(\"green\")");
    assert_eq!(
        server.get("/variable/other").await.text(),
        "Err(Error::Undefined(\"other\"))"
    );
    assert_eq!(
        server.get("/variable/NO").await.text(),
        "Err(Error::InvalidName(\"NO\"))"
    );
}

/// wasmtime gives the body of a stream back without the bytes that a guest's short read left over.
/// An upload must not go on as if they had never been there.
#[tokio::test]
async fn a_body_that_was_read_in_part_is_not_stored_with_a_hole() {
    let client = Client::start("").await;
    let answer = client.put("/put-rest/key", pattern(100_000)).await;
    assert_eq!(answer.text(), "Err(Error::IncompleteBody)");
    assert_eq!(client.keys().await, 0);
    // The same without a length to compare with.
    let mut stream = client.server.tcp().await;
    let head = format!(
        "PUT /put-rest/key HTTP/1.1\r\nhost: a\r\nx-token: {}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        client.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"c350\r\n").await.unwrap();
    stream.write_all(&pattern(50_000)).await.unwrap();
    stream.write_all(b"\r\n0\r\n\r\n").await.unwrap();
    let answer = support::read_until(&mut stream, ")").await;
    assert!(answer.ends_with("Err(Error::IncompleteBody)"), "{answer}");
    assert_eq!(client.keys().await, 0);
    // And on the way out: the answer is seen to be cut off.
    client.put("/put/key", pattern(100_000)).await;
    let request = client.request("GET", "/get-rest/key", Bytes::new());
    let answer = client.server.try_send(request).await;
    assert!(answer.is_err_and(|error| error.is_incomplete_message()));
}

/// A client that goes away in the middle of an upload without a length looks like the end of the
/// body to whoever does not look closely.
#[tokio::test]
async fn an_upload_that_breaks_off_is_not_an_object() {
    let client = Client::start("concurrent_requests = 1").await;
    for verb in ["put", "put-copied"] {
        let head = format!(
            "PUT /{verb}/key HTTP/1.1\r\nhost: a\r\nx-token: {}\r\ntransfer-encoding: chunked\r\n\r\nc350\r\n",
            client.token
        );
        let mut stream = client.server.raw(&head).await;
        stream.write_all(&pattern(50_000)).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
        drop(stream);
        // Its place is free again once the edge has given the request up.
        eventually(async || client.get("/variable/none").await.status == StatusCode::OK).await;
        assert_eq!(client.keys().await, 0, "{verb}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_work_behind_its_request() {
    let client = Client::start("concurrent_requests = 1").await;
    client.put("/put/large", pattern(64 << 20)).await;
    // The guest waits for the store, which waits for bytes that a task of the guest makes for ever.
    let head = format!(
        "PUT /put-forever/key HTTP/1.1\r\nhost: a\r\nx-token: {}\r\n\r\n",
        client.token
    );
    let stream = client.server.raw(&head).await;
    eventually(async || {
        client.get("/variable/none").await.status == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    drop(stream);
    eventually(async || client.get("/variable/none").await.status == StatusCode::OK).await;
    assert_eq!(client.keys().await, 1);

    // The bytes of an object are on their way and no one reads them.
    let mut sender = client.server.http1().await;
    let response = sender
        .send_request(client.request("GET", "/get/large", Bytes::new()))
        .await
        .unwrap();
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(
        client.get("/variable/none").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    drop((body, sender));
    eventually(async || client.get("/variable/none").await.status == StatusCode::OK).await;
}

#[tokio::test]
async fn a_guest_may_drop_what_it_was_given() {
    let client = Client::start("").await;
    client.put("/put/key", pattern(1 << 20)).await;
    for _ in 0..3 {
        assert_eq!(client.get("/get-dropped/key").await.text(), "Ok(())");
    }
}

#[tokio::test]
async fn what_is_not_granted_is_refused_at_the_start() {
    let store = Store::open().await;
    let start = |options, lines: &str| {
        let app = support::app(&manifest("", lines));
        let sources = [("guest".to_owned(), guests::objects().to_vec())];
        Edge::new(options, &app, &sources.into())
            .err()
            .map(|error: EdgeError| error.to_string())
    };
    let most = ALL_IMPORTS.replace("\"concierge:objects/listing\",", "");
    assert_eq!(
        start(store.options(), &most).unwrap(),
        "component \"guest\" imports concierge:objects/listing@0.1.0, which it is not granted; to grant it, \
         add \"concierge:objects/listing\" to imports in [component.guest.tool.concierge]"
    );
    assert_eq!(
        start(support::options(), ALL_IMPORTS).unwrap(),
        "component \"guest\" imports concierge:identity/passwords@0.1.0, which this host does not provide"
    );
    assert_eq!(start(store.options(), ALL_IMPORTS), None);
}

/// To a guest that copies it, a body beyond the limit looks as if it had ended there.
#[tokio::test]
async fn a_body_beyond_the_limit_is_not_an_object() {
    let client = Client::start("").await;
    let app = support::app(&manifest("", &format!("{ALL_IMPORTS}\nbody_mib = 1")));
    let sources = [("guest".to_owned(), guests::objects().to_vec())];
    let edge = Edge::new(client.store.options(), &app, &sources.into()).unwrap();
    let address = edge.bind("web", ([127, 0, 0, 1], 0).into(), None).unwrap();
    edge.start().unwrap();
    let small = Server { edge, address };
    for verb in ["put", "put-copied"] {
        let head = format!(
            "PUT /{verb}/key HTTP/1.1\r\nhost: a\r\nx-token: {}\r\ntransfer-encoding: chunked\r\n\r\n",
            client.token
        );
        let mut stream = small.raw(&head).await;
        stream.write_all(b"100001\r\n").await.unwrap();
        stream.write_all(&pattern(0x10_0001)).await.unwrap();
        let line = support::read_until(&mut stream, "\r\n").await;
        assert!(line.starts_with("HTTP/1.1 413 "), "{line}");
        assert_eq!(client.keys().await, 0, "{verb}");
    }
}
