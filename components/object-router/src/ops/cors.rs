//! Cross-origin resource sharing: the configuration of a bucket, preflights, and what is added to answers (User Guide,
//! "Using cross-origin resource sharing").

use crate::bindings::concierge::objects::buckets::CorsRule;
use crate::call::{Call, Outcome};
use crate::error::{Code, S3Error};
use crate::host::Host;
use crate::http::reply::Reply;
use crate::http::request::Request;
use crate::xml::{Writer, parse_cors};

/// The longest configuration, in bytes (API Reference, "PutBucketCors").
const MAX_DOCUMENT_BYTES: usize = 64 * 1024;

/// The most headers of a preflight: more than a request can have (the 100 of hyper). Anyone may ask, and each is compared
/// with every rule of the bucket.
const MAX_ASKED_HEADERS: usize = 100;

/// An answer depends on these, so that a cache must not give it to another origin.
const VARY: &str = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/// GetBucketCors
pub async fn get<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let rules = call.host.get_cors(call.token(), call.bucket()).await?;
    if rules.is_empty() {
        return Err(S3Error::new(Code::NoSuchCorsConfiguration).detail("BucketName", call.bucket()));
    }
    let mut xml = Writer::new();
    xml.root("CORSConfiguration");
    for rule in &rules {
        xml.element("CORSRule", |xml| push_rule(xml, rule));
    }
    xml.close("CORSConfiguration");
    Ok(Reply::xml(xml.finish()))
}

fn push_rule(xml: &mut Writer, rule: &CorsRule) {
    xml.text_some("ID", rule.id.as_deref());
    let lists = [
        ("AllowedHeader", &rule.allowed_headers),
        ("AllowedMethod", &rule.allowed_methods),
        ("AllowedOrigin", &rule.allowed_origins),
        ("ExposeHeader", &rule.expose_headers),
    ];
    for (name, values) in lists {
        for value in values {
            xml.text(name, value);
        }
    }
    if let Some(seconds) = rule.max_age_s {
        xml.number("MaxAgeSeconds", seconds.into());
    }
}

/// PutBucketCors
pub async fn put<H: Host>(call: &Call<'_, H>, body: H::Incoming) -> Outcome<H> {
    call.require_digest()?;
    let bytes = call.document(body, MAX_DOCUMENT_BYTES).await?;
    call.host
        .set_cors(call.token(), call.bucket(), parse_cors(&bytes)?)
        .await?;
    Ok(Reply::empty(200))
}

/// DeleteBucketCors
pub async fn delete<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    call.host
        .set_cors(call.token(), call.bucket(), Vec::new())
        .await?;
    Ok(Reply::empty(204))
}

/// Answers a preflight (Fetch Standard, "CORS-preflight request"), which carries no signature.
pub async fn preflight<H: Host>(host: &H, request: &Request) -> Outcome<H> {
    let missing = |what: &str| {
        S3Error::with(
            Code::BadRequest,
            format!("Insufficient information. {what}"),
        )
    };
    let headers = &request.headers;
    let origin = headers
        .get("origin")
        .ok_or_else(|| missing("Origin request header needed."))?;
    let method = headers
        .get("access-control-request-method")
        .ok_or_else(|| missing("Access-Control-Request-Method request header needed."))?;
    let asked: Vec<String> = headers
        .all("access-control-request-headers")
        .flat_map(|line| line.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    let resource = match request.target.key.is_empty() {
        true => "BUCKET",
        false => "OBJECT",
    };
    let refused = || {
        S3Error::new(Code::AccessForbidden)
            .detail("Method", method)
            .detail("ResourceType", resource)
    };
    if asked.len() > MAX_ASKED_HEADERS {
        return Err(refused());
    }
    if request.target.bucket.is_empty() {
        return Err(refused());
    }
    let bucket = request.target.bucket.clone();
    let rule = host
        .match_cors(bucket, origin.to_owned(), method.to_owned(), asked.clone())
        .await?;
    let rule = rule.ok_or_else(refused)?;
    let mut reply = Reply::empty(200);
    set_headers(&mut reply, &rule, origin);
    if !asked.is_empty() {
        reply.set("access-control-allow-headers", &asked.join(", "));
    }
    Ok(reply)
}

/// Adds to an answer what tells the browser that the page may read it, where a rule of the bucket says so.
pub async fn decorate<H: Host>(host: &H, request: &Request, reply: &mut Reply<H::Outgoing>) {
    let Some(origin) = request.headers.get("origin") else {
        return;
    };
    if request.target.bucket.is_empty() {
        return;
    }
    let (bucket, method) = (
        request.target.bucket.clone(),
        request.method.name().to_owned(),
    );
    // Where the rules cannot be read the answer goes out without the permission.
    if let Ok(Some(rule)) = host
        .match_cors(bucket, origin.to_owned(), method, Vec::new())
        .await
    {
        set_headers(reply, &rule, origin);
    }
}

fn set_headers<S>(reply: &mut Reply<S>, rule: &CorsRule, origin: &str) {
    if rule.allowed_origins.iter().any(|allowed| allowed == "*") {
        reply.set("access-control-allow-origin", "*");
    } else {
        reply.set("access-control-allow-origin", origin);
        reply.set("access-control-allow-credentials", "true");
    }
    reply.set(
        "access-control-allow-methods",
        &rule.allowed_methods.join(", "),
    );
    if !rule.expose_headers.is_empty() {
        reply.set(
            "access-control-expose-headers",
            &rule.expose_headers.join(", "),
        );
    }
    if let Some(seconds) = rule.max_age_s {
        reply.set("access-control-max-age", &seconds.to_string());
    }
    reply.set("vary", VARY);
}
