//! The way of a request: taken apart, verified, checked for what is not there, routed, run, answered.

use crate::call::{Call, Outcome};
use crate::error::{Code, S3Error};
use crate::headers::{copy_source, refused};
use crate::host::Host;
use crate::http::reply::{Reply, ReplyBody};
use crate::http::request::{Method, RawRequest, Request, parse_request};
use crate::http::target::Domains;
use crate::ops::{self, buckets, cors};
use crate::route::{Operation, route};
use crate::sigv4;
use crate::xml::Writer;

/// Answers a request. Whatever is wrong is an answer in S3's terms; `request_id` is told with it.
pub async fn serve<H: Host>(
    host: &H,
    raw: RawRequest,
    body: H::Incoming,
    domains: &Domains,
    request_id: &str,
) -> Reply<H::Outgoing> {
    let head_only = raw.method == Method::Head;
    let mut reply = match parse_request(raw, domains) {
        Ok(request) => {
            let outcome = answer(host, &request, body).await;
            let mut reply = outcome.unwrap_or_else(|error| {
                let error = name_resource(error, &request);
                error_reply(error, &request.raw_path, request_id, head_only)
            });
            if request.method != Method::Options {
                cors::decorate(host, &request, &mut reply).await;
            }
            reply
        }
        Err((error, path)) => error_reply(error, &path, request_id, head_only),
    };
    reply.set("x-amz-request-id", request_id);
    reply.set("server", "concierge");
    reply
}

async fn answer<H: Host>(host: &H, request: &Request, body: H::Incoming) -> Outcome<H> {
    match request.method {
        Method::Options => return cors::preflight(host, request).await,
        // What is not a method of S3 cannot have been signed as one.
        Method::Other => return Err(S3Error::new(Code::MethodNotAllowed)),
        _ => {}
    }
    let sigv4::Signed {
        request: claim,
        payload,
    } = sigv4::parse_signed(request)?;
    let principal = match host.verify(claim).await {
        Ok(principal) => principal,
        // Read once more for the error document, so that nothing is copied for the requests that are good.
        Err(error) => {
            let claim = sigv4::parse_signed(request)?.request;
            return Err(sigv4::explain(error, &claim));
        }
    };
    let operation = route(request)?;
    refused::check(&request.headers)?;
    let call = Call {
        host,
        request,
        principal: &principal,
        payload: &payload,
    };
    check_expected_owners(&call, operation).await?;
    ops::run(operation, &call, body).await
}

/// The client may name the owners that it expects of the buckets it touches.
async fn check_expected_owners<H: Host>(
    call: &Call<'_, H>,
    operation: Operation,
) -> Result<(), S3Error> {
    let bucket = &call.request.target.bucket;
    if !matches!(operation, Operation::ListBuckets | Operation::CreateBucket) {
        buckets::check_expected_owner(call, "x-amz-expected-bucket-owner", bucket).await?;
    }
    let header = "x-amz-source-expected-bucket-owner";
    if copy_source::is_copy(&call.request.headers) && call.request.headers.has(header) {
        let source = copy_source::parse_copy_source(&call.request.headers)?;
        buckets::check_expected_owner(call, header, &source.bucket).await?;
    }
    Ok(())
}

/// Says in the document which bucket, key or upload it is that is not there, as S3 does.
fn name_resource(error: S3Error, request: &Request) -> S3Error {
    let target = &request.target;
    match error.code() {
        Code::NoSuchBucket
        | Code::BucketNotEmpty
        | Code::BucketAlreadyExists
        | Code::BucketAlreadyOwnedByYou
        | Code::InvalidBucketName => named(error, "BucketName", &target.bucket),
        Code::NoSuchKey => named(error, "Key", &target.key),
        Code::MethodNotAllowed if request.method != Method::Other => {
            named(error, "Method", request.method.name())
        }
        Code::NoSuchVersion => {
            let version = request.query.get("versionId").unwrap_or_default();
            named(named(error, "Key", &target.key), "VersionId", version)
        }
        Code::NoSuchUpload => named(
            error,
            "UploadId",
            request.query.get("uploadId").unwrap_or_default(),
        ),
        Code::InvalidRange => named(
            error,
            "RangeRequested",
            request.headers.get("range").unwrap_or_default(),
        ),
        _ => error,
    }
}

fn named(error: S3Error, name: &'static str, value: &str) -> S3Error {
    if error.detail_of(name).is_some() {
        error
    } else {
        error.detail(name, value)
    }
}

/// The error document (API Reference, "REST Error Responses"); without it where there can be no body.
fn error_reply<S>(mut error: S3Error, path: &str, request_id: &str, head_only: bool) -> Reply<S> {
    let status = error.code().status();
    let mut reply = if head_only || status == 304 {
        // A HEAD has the length of a GET's answer or none; none, since the document is not made.
        Reply {
            status,
            headers: Vec::with_capacity(8),
            body: ReplyBody::Empty,
        }
    } else {
        let document = error_document(&error, path, request_id);
        Reply::document(status, "application/xml", document.into_bytes())
    };
    reply.headers.extend(error.take_headers());
    reply
}

fn error_document(error: &S3Error, path: &str, request_id: &str) -> String {
    let mut xml = Writer::new();
    xml.open("Error");
    xml.text("Code", error.code().name());
    xml.text("Message", error.message());
    for (name, value) in error.details() {
        xml.text(name, value);
    }
    xml.text("Resource", path);
    xml.text("RequestId", request_id);
    xml.text("HostId", request_id);
    xml.close("Error");
    xml.finish()
}
