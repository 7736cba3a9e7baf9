//! The function itself: from a request to calls of the contracts, and to a response.

use crate::Signed;
use bindings::concierge::identity::sigv4::{self, Payload, Placement, SignedRequest};
use bindings::concierge::objects::{blobs, listing};
use passed_on::no_trailers;
use percent_encoding::percent_decode_str;
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::http_service;
use spin_sdk::wasip3::http::types;
use spin_sdk::wit_bindgen::rt::async_support::{StreamReader, spawn};

#[allow(
    missing_docs,
    unsafe_code,
    reason = "generated from the WIT files, which have the documentation"
)]
mod bindings {
    spin_sdk::wit_bindgen::generate!({
        inline: "
            package example:hello-objects;

            world hello-objects {
                import concierge:identity/sigv4@0.1.0;
                import concierge:objects/blobs@0.1.0;
                import concierge:objects/listing@0.1.0;
            }
        ",
        path: ["../../wit/identity", "../../wit/objects"],
        runtime_path: "spin_sdk::wit_bindgen::rt",
        generate_all,
    });
}

/// Keys in one answer.
const KEYS_MAX: u32 = 1_000;

#[http_service]
async fn handle(request: Request) -> Result<types::Response, spin_sdk::http::Error> {
    match answer(&request).await {
        Ok(response) => Ok(response),
        Err((status, why)) => (status, format!("{why}\n"))
            .into_response()
            .map_err(Into::into),
    }
}

type Failure = (StatusCode, String);

async fn answer(request: &Request) -> Result<types::Response, Failure> {
    if request.method() != "GET" {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "Only GET.".into()));
    }
    let path = request.uri().path();
    let path = path.strip_prefix("/hello-objects/").unwrap_or("");
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if bucket.is_empty() {
        let why = "GET /hello-objects/BUCKET or /hello-objects/BUCKET/KEY";
        return Err((StatusCode::NOT_FOUND, why.into()));
    }
    let token = prove(request).await?;
    let answer = match percent_decode_str(key).decode_utf8() {
        Ok(key) if key.is_empty() => list(token, bucket).await,
        Ok(key) => object(token, bucket, &key).await,
        Err(_) => return Err((StatusCode::BAD_REQUEST, "The key is not UTF-8.".into())),
    };
    answer.map_err(|error| refusal(&error))
}

/// Has the host verify the signature; gives the token that later calls show.
async fn prove(request: &Request) -> Result<String, Failure> {
    let unauthorized = |why: String| (StatusCode::UNAUTHORIZED, why);
    let signed = Signed::read(request.uri(), request.headers())
        .ok_or_else(|| unauthorized("Sign the request with AWS Signature Version 4.".into()))?;
    let request = SignedRequest {
        placement: Placement::Header,
        access_key_id: signed.access_key_id,
        timestamp: signed.timestamp,
        scope_date: signed.scope_date,
        region: signed.region,
        service: signed.service,
        canonical_request: signed.canonical_request,
        signature: signed.signature,
        expires_s: None,
        payload: Payload::Single,
    };
    match sigv4::verify(request).await {
        Ok(principal) => Ok(principal.token),
        Err(sigv4::Error::Unavailable) => {
            Err((StatusCode::SERVICE_UNAVAILABLE, "Try again.".into()))
        }
        Err(_) => Err(unauthorized("The signature was refused.".into())),
    }
}

/// The keys of a bucket, one a line.
async fn list(token: String, bucket: &str) -> Result<types::Response, blobs::Error> {
    let query = listing::Query {
        bucket: bucket.to_owned(),
        prefix: String::new(),
        delimiter: None,
        after: String::new(),
        max: KEYS_MAX,
    };
    let page = listing::objects(token, query).await?;
    let mut text = String::new();
    for item in page.items {
        if let listing::Item::Object(entry) = item {
            text.push_str(&format!("{:>12} {}\n", entry.size, entry.key));
        }
    }
    if page.next.is_some() {
        text.push_str("...\n");
    }
    let response = text.into_response();
    response.map_err(|_| blobs::Error::Internal)
}

/// An object. The stream is handed on: its bytes stay on the host.
async fn object(token: String, bucket: &str, key: &str) -> Result<types::Response, blobs::Error> {
    let request = blobs::GetRequest {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        version_id: None,
        range: None,
        part_number: None,
        conditions: blobs::ReadConditions {
            if_match: Vec::new(),
            if_none_match: Vec::new(),
            if_modified_since_s: None,
            if_unmodified_since_s: None,
        },
    };
    let (result, bytes) = blobs::get(token, request).await?;
    let content_type = result.info.metadata.content_type;
    let content_type = content_type
        .as_deref()
        .unwrap_or("application/octet-stream");
    Ok(respond(content_type, result.length, bytes))
}

fn respond(content_type: &str, length: u64, body: StreamReader<u8>) -> types::Response {
    let headers = types::Fields::new();
    for (name, value) in [
        ("content-type", content_type),
        ("content-length", &length.to_string()),
    ] {
        // Refused only where the value cannot stand in a header; then it is left out.
        let _ = headers.append(name, value.as_bytes());
    }
    let (none, trailers) = no_trailers();
    let (response, transmitted) = types::Response::new(headers, Some(body), trailers);
    spawn(none.until(transmitted));
    response
}

fn refusal(error: &blobs::Error) -> Failure {
    let (status, why) = match error {
        blobs::Error::NoSuchBucket => (StatusCode::NOT_FOUND, "There is no such bucket."),
        blobs::Error::NoSuchKey(_) => (StatusCode::NOT_FOUND, "There is no such object."),
        blobs::Error::AccessDenied | blobs::Error::InvalidToken => {
            (StatusCode::FORBIDDEN, "You may not see this.")
        }
        blobs::Error::SlowDown => (StatusCode::SERVICE_UNAVAILABLE, "Try again."),
        blobs::Error::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "The store failed."),
        _ => (StatusCode::BAD_REQUEST, "This cannot be asked for."),
    };
    (status, why.to_owned())
}
