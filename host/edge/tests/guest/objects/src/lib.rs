//! Calls what the host joins to its domain crates, by path. The token comes with the request.

use bindings::concierge::identity::{passwords, sigv4};
use bindings::concierge::objects::{blobs, buckets, listing, multipart};
use bytes::Bytes;
use spin_sdk::http::{self, FullBody, IntoResponse, Request, StatusCode};
use spin_sdk::wasip3::wit_bindgen::{StreamReader, StreamResult, spawn};
use spin_sdk::wasip3::{self, http::types, wit_future};
use spin_sdk::{http_service, variables};

mod bindings {
    spin_sdk::wit_bindgen::generate!({
        inline: "
            package concierge:test;

            world test {
                import concierge:identity/passwords@0.1.0;
                import concierge:identity/sigv4@0.1.0;
                import concierge:objects/blobs@0.1.0;
                import concierge:objects/buckets@0.1.0;
                import concierge:objects/listing@0.1.0;
                import concierge:objects/multipart@0.1.0;
            }
        ",
        path: ["../../../../../wit/identity", "../../../../../wit/objects"],
        runtime_path: "spin_sdk::wit_bindgen::rt",
        generate_all,
    });
}

const BUCKET: &str = "bucket";

#[http_service]
async fn handle(request: Request) -> Result<types::Response, http::Error> {
    let path = request.uri().path().to_owned();
    let (_, rest) = path.split_at(1);
    let (verb, key) = rest.split_once('/').unwrap_or((rest, ""));
    let header = |name: &str| {
        let value = request.headers().get(name);
        value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let token = header("x-token").unwrap_or_default();
    let size = header("content-length").and_then(|size| size.parse().ok());
    Ok(match verb {
        "verify" => {
            let field = |name: &str| header(name).unwrap_or_default();
            let signed = sigv4::SignedRequest {
                placement: sigv4::Placement::Header,
                access_key_id: field("x-key"),
                timestamp: field("x-time"),
                scope_date: field("x-time").chars().take(8).collect(),
                region: field("x-region"),
                service: "s3".into(),
                canonical_request: field("x-canonical").replace('|', "\n"),
                signature: field("x-signature"),
                expires_s: None,
                payload: sigv4::Payload::Single,
            };
            match sigv4::verify(signed).await {
                Ok(principal) => text(&principal.token),
                Err(error) => text(&format!("{error:?}")),
            }
        }
        "basic" | "bearer" => {
            let field = |name: &str| header(name).unwrap_or_default();
            let (password, client) = (field("x-password"), header("x-client"));
            let answer = match verb {
                "basic" => passwords::basic(field("x-name"), password, client).await,
                _ => passwords::bearer(password, client).await,
            };
            match answer {
                Ok(passwords::Principal {
                    token,
                    account_name,
                    role,
                    ..
                }) => text(&format!("{account_name} {role:?} {token}")),
                Err(error) => text(&format!("{error:?}")),
            }
        }
        "variable" => text(&format!("{:?}", variables::get(key).await)),
        "put" => {
            let body = raw_body(request);
            text(&format!(
                "{:?}",
                blobs::put(token, put(key, size), body).await
            ))
        }
        // The body passes through wasm.
        "put-copied" => {
            let body = copied(raw_body(request));
            text(&format!(
                "{:?}",
                blobs::put(token, put(key, size), body).await
            ))
        }
        // Some of the body is read here, and the rest is handed on.
        "put-rest" => {
            let mut body = raw_body(request);
            let (_, read) = body.read(Vec::with_capacity(10)).await;
            let size = size.map(|size: u64| size - read.len() as u64);
            text(&format!(
                "{:?}",
                blobs::put(token, put(key, size), body).await
            ))
        }
        // Hands on a stream of its own that it never ends, and answers.
        "put-forever" => {
            let (mut writer, reader) = wasip3::wit_stream::new();
            spawn(async move { while writer.write_all(vec![0; 65_536]).await.is_empty() {} });
            text(&format!(
                "{:?}",
                blobs::put(token, put(key, size), reader).await
            ))
        }
        "get" => match blobs::get(token, get(key)).await {
            Ok((result, body)) => respond(result.length, body),
            Err(error) => failed(&error),
        },
        "get-copied" => match blobs::get(token, get(key)).await {
            Ok((result, body)) => respond(result.length, copied(body)),
            Err(error) => failed(&error),
        },
        // Some of the object is read here, and the rest is the answer.
        "get-rest" => match blobs::get(token, get(key)).await {
            Ok((result, mut body)) => {
                let (_, read) = body.read(Vec::with_capacity(10)).await;
                respond(result.length - read.len() as u64, body)
            }
            Err(error) => failed(&error),
        },
        // Takes the stream and drops it.
        "get-dropped" => text(&format!(
            "{:?}",
            blobs::get(token, get(key)).await.map(|_| ())
        )),
        "everything" => text(&everything(&token).await),
        _ => text("no such verb"),
    })
}

fn text(text: &str) -> types::Response {
    let response = http::Response::builder()
        .body(FullBody::new(Bytes::from(text.to_owned())))
        .unwrap();
    response.into_response().unwrap()
}

fn failed(error: &blobs::Error) -> types::Response {
    let response = http::Response::builder()
        .status(StatusCode::BAD_GATEWAY)
        .body(FullBody::new(Bytes::from(format!("{error:?}"))))
        .unwrap();
    response.into_response().unwrap()
}

fn raw_body(request: Request) -> StreamReader<u8> {
    let raw = request
        .into_body()
        .take_unstarted()
        .expect("nobody has read it");
    let (result, done) = wit_future::new(|| Ok(()));
    drop(result);
    types::Request::consume_body(raw, done).0
}

/// The same bytes, through wasm's memory.
fn copied(mut from: StreamReader<u8>) -> StreamReader<u8> {
    let (mut writer, reader) = wasip3::wit_stream::new();
    spawn(async move {
        loop {
            let (status, bytes) = from.read(Vec::with_capacity(65_536)).await;
            if !writer.write_all(bytes).await.is_empty() {
                return;
            }
            if matches!(status, StreamResult::Dropped) {
                return;
            }
        }
    });
    reader
}

fn respond(length: u64, body: StreamReader<u8>) -> types::Response {
    let headers = types::Fields::new();
    headers
        .append("content-length", length.to_string().as_bytes())
        .unwrap();
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    types::Response::new(headers, Some(body), no_trailers).0
}

fn metadata() -> blobs::Metadata {
    blobs::Metadata {
        content_type: Some("text/plain".into()),
        content_encoding: None,
        content_language: Some("en".into()),
        content_disposition: None,
        cache_control: Some("no-store".into()),
        expires: None,
        website_redirect_location: None,
        user: vec![("colour".into(), "green".into())],
    }
}

fn no_conditions() -> blobs::ReadConditions {
    blobs::ReadConditions {
        if_match: vec![],
        if_none_match: vec![],
        if_modified_since_s: None,
        if_unmodified_since_s: None,
    }
}

fn anyway() -> blobs::WriteConditions {
    blobs::WriteConditions {
        if_match: None,
        if_none_match: None,
    }
}

fn raw(size: Option<u64>) -> blobs::Body {
    blobs::Body {
        framing: blobs::Framing::Raw,
        size,
        md5: None,
        sha256: None,
        checksum: None,
        trailer: None,
    }
}

fn put(key: &str, size: Option<u64>) -> blobs::PutRequest {
    blobs::PutRequest {
        bucket: BUCKET.into(),
        key: key.into(),
        metadata: metadata(),
        tags: vec![blobs::Tag {
            key: "k".into(),
            value: "v".into(),
        }],
        storage_class: None,
        conditions: anyway(),
        body: raw(size),
    }
}

fn get(key: &str) -> blobs::GetRequest {
    blobs::GetRequest {
        bucket: BUCKET.into(),
        key: key.into(),
        version_id: None,
        range: None,
        part_number: None,
        conditions: no_conditions(),
    }
}

fn bytes(bytes: &'static [u8]) -> StreamReader<u8> {
    let (mut writer, reader) = wasip3::wit_stream::new();
    spawn(async move {
        writer.write_all(bytes.to_vec()).await;
    });
    reader
}

/// Calls every function of `concierge:objects` once, and says what each answered, one a line.
async fn everything(token: &str) -> String {
    let t = || token.to_owned();
    let b = || "all-of-it".to_owned();
    let mut said = String::new();
    macro_rules! say {
        ($call:expr) => {
            said.push_str(&format!(
                "{}: {:?}\n",
                stringify!($call).split('(').next().unwrap(),
                $call.await
            ))
        };
    }
    say!(buckets::create(t(), b(), "eu-north-1".into()));
    say!(buckets::get(t(), b()));
    say!(buckets::list(t(), "all".into(), String::new(), 10));
    say!(buckets::set_tags(
        t(),
        b(),
        vec![blobs::Tag {
            key: "a".into(),
            value: "1".into()
        }]
    ));
    say!(buckets::get_tags(t(), b()));
    let rule = buckets::CorsRule {
        id: Some("one".into()),
        allowed_origins: vec!["https://*.example".into()],
        allowed_methods: vec!["GET".into()],
        allowed_headers: vec!["*".into()],
        expose_headers: vec!["etag".into()],
        max_age_s: Some(7),
    };
    say!(buckets::set_cors(t(), b(), vec![rule]));
    say!(buckets::get_cors(t(), b()));
    say!(buckets::match_cors(
        b(),
        "https://a.example".into(),
        "GET".into(),
        vec!["x-a".into()]
    ));
    say!(buckets::set_versioning(
        t(),
        b(),
        buckets::Versioning::Enabled
    ));
    let put = |key: &str| blobs::PutRequest {
        bucket: b(),
        ..put(key, None)
    };
    say!(blobs::put(t(), put("dir/one"), bytes(b"hello")));
    let mut conditional = put("dir/one");
    conditional.conditions.if_none_match = Some("*".into());
    say!(blobs::put(t(), conditional, bytes(b"again")));
    let get = |key: &str| blobs::GetRequest {
        bucket: b(),
        ..get(key)
    };
    say!(blobs::head(t(), get("dir/one")));
    let ranged = blobs::GetRequest {
        range: Some(blobs::ByteRange::Span((1, Some(3)))),
        ..get("dir/one")
    };
    match blobs::get(t(), ranged).await {
        Ok((result, body)) => {
            said.push_str(&format!(
                "blobs::get: {:?} {:?}\n",
                result.range,
                body.collect().await
            ));
        }
        Err(error) => said.push_str(&format!("blobs::get: {error:?}\n")),
    }
    let suffix = blobs::GetRequest {
        range: Some(blobs::ByteRange::Suffix(2)),
        ..get("dir/one")
    };
    say!(blobs::head(t(), suffix));
    let mut unmodified = get("dir/one");
    unmodified.conditions.if_none_match = vec!["*".into()];
    say!(blobs::head(t(), unmodified));
    say!(blobs::get_tags(t(), b(), "dir/one".into(), None));
    say!(blobs::set_tags(t(), b(), "dir/one".into(), None, vec![]));
    let copy = blobs::CopyRequest {
        source_bucket: b(),
        source_key: "dir/one".into(),
        source_version_id: None,
        source_conditions: no_conditions(),
        bucket: b(),
        key: "two".into(),
        metadata: None,
        tags: None,
        storage_class: None,
        checksum: Some(blobs::ChecksumAlgorithm::Sha256),
        conditions: anyway(),
    };
    say!(blobs::copy(t(), copy));
    say!(blobs::get_attributes(t(), b(), "two".into(), None, 0, 10));
    let query = listing::Query {
        bucket: b(),
        prefix: String::new(),
        delimiter: Some("/".into()),
        after: String::new(),
        max: 10,
    };
    say!(listing::objects(t(), query));
    let delete = |key: &str| blobs::DeleteRequest {
        key: key.into(),
        version_id: None,
        if_match: None,
    };
    say!(blobs::delete(t(), b(), delete("two")));
    say!(blobs::delete_many(
        t(),
        b(),
        vec![delete("dir/one"), delete("none")]
    ));
    let versions = listing::VersionQuery {
        bucket: b(),
        prefix: "two".into(),
        delimiter: None,
        after: String::new(),
        after_version: None,
        max: 10,
    };
    say!(listing::versions(t(), versions));
    uploads(token, &mut said).await;
    say!(buckets::delete(t(), b()));
    said
}

async fn uploads(token: &str, said: &mut String) {
    let t = || token.to_owned();
    let b = || "all-of-it".to_owned();
    let k = || "parts".to_owned();
    let request = multipart::CreateRequest {
        bucket: b(),
        key: k(),
        metadata: metadata(),
        tags: vec![],
        storage_class: None,
        checksum: Some(blobs::ChecksumAlgorithm::Crc32),
        checksum_kind: Some(blobs::ChecksumKind::FullObject),
    };
    let upload = match multipart::create(t(), request).await {
        Ok(upload) => upload,
        Err(error) => return said.push_str(&format!("multipart::create: {error:?}\n")),
    };
    let id = || upload.upload_id.clone();
    said.push_str(&format!(
        "multipart::create: {:?} {:?}\n",
        upload.key, upload.checksum
    ));
    let part = multipart::put_part(t(), b(), k(), id(), 1, raw(Some(5)), bytes(b"parts")).await;
    said.push_str(&format!("multipart::put_part: {part:?}\n"));
    let copy = multipart::PartCopyRequest {
        source_bucket: BUCKET.into(),
        source_key: "none".into(),
        source_version_id: None,
        source_conditions: no_conditions(),
        source_range: Some(blobs::ByteRange::Span((0, None))),
        bucket: b(),
        key: k(),
        upload_id: id(),
        number: 2,
    };
    said.push_str(&format!(
        "multipart::copy_part: {:?}\n",
        multipart::copy_part(t(), copy).await
    ));
    let parts = multipart::list_parts(t(), b(), k(), id(), 0, 10).await;
    said.push_str(&format!(
        "multipart::list_parts: {:?}\n",
        parts.map(|page| page.parts)
    ));
    let query = multipart::UploadQuery {
        bucket: b(),
        prefix: String::new(),
        delimiter: None,
        after: String::new(),
        after_upload: None,
        max: 10,
    };
    let uploads = multipart::list_uploads(t(), query)
        .await
        .map(|page| page.items.len());
    said.push_str(&format!("multipart::list_uploads: {uploads:?}\n"));
    let complete = multipart::CompleteRequest {
        bucket: b(),
        key: k(),
        upload_id: id(),
        parts: vec![multipart::CompletedPart {
            number: 1,
            etag: part.map(|part| part.etag).unwrap_or_default(),
            checksum: None,
        }],
        checksum: None,
        checksum_kind: None,
        size: Some(5),
        conditions: anyway(),
    };
    said.push_str(&format!(
        "multipart::complete: {:?}\n",
        multipart::complete(t(), complete).await
    ));
    let aborted = multipart::abort(t(), b(), k(), "none".into()).await;
    said.push_str(&format!("multipart::abort: {aborted:?}\n"));
}
