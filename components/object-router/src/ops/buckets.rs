//! Buckets: the list, creation and deletion, where they are, and whether they keep versions.

use super::acl::push_owner;
use crate::bindings::concierge::objects::buckets::{BucketInfo, BucketPage, Versioning};
use crate::call::{Call, Outcome, continuation, parse_continuation};
use crate::error::{Code, S3Error};
use crate::host::Host;
use crate::http::date;
use crate::http::reply::Reply;
use crate::http::request::parse_decimal;
use crate::route::Unset;
use crate::xml::{VersioningError, Writer, parse_create_bucket, parse_versioning};

/// The most buckets of a page (API Reference, "ListBuckets", max-buckets).
const MAX_BUCKETS_PAGE: u64 = 10_000;

/// The longest document taken here, in bytes.
const MAX_DOCUMENT_BYTES: usize = 64 * 1024;

/// The region of a bucket that was created without one; S3 writes it as none (API Reference, "GetBucketLocation").
const DEFAULT_REGION: &str = "us-east-1";

/// The longest name of a region that is kept, in bytes.
const MAX_REGION_BYTES: usize = 64;

/// ListBuckets
pub async fn list<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let query = &call.request.query;
    let prefix = query.get("prefix").unwrap_or_default();
    let max = match query.get("max-buckets") {
        None => MAX_BUCKETS_PAGE,
        Some(text) => parse_decimal(text)
            .filter(|max| (1..=MAX_BUCKETS_PAGE).contains(max))
            .ok_or_else(|| {
                S3Error::argument(
                    "Argument max-buckets must be an integer between 1 and 10000",
                    "max-buckets",
                    text,
                )
            })?,
    };
    let after = match query.filled("continuation-token") {
        None => String::new(),
        Some(token) => parse_continuation(token).ok_or_else(|| {
            S3Error::argument(
                "The continuation token provided is incorrect",
                "continuation-token",
                token,
            )
        })?,
    };
    let page = call
        .host
        .list_buckets(call.token(), prefix.to_owned(), after, max as u32)
        .await?;
    Ok(Reply::xml(list_document(call, &page, query.get("prefix"))))
}

fn list_document<H: Host>(call: &Call<'_, H>, page: &BucketPage, prefix: Option<&str>) -> String {
    let region = call.request.query.filled("bucket-region");
    let mut xml = Writer::with_capacity(512 + 160 * page.buckets.len());
    xml.root("ListAllMyBucketsResult");
    push_owner(
        &mut xml,
        &call.principal.account_id,
        &call.principal.account_name,
    );
    xml.element("Buckets", |xml| {
        let wanted = |bucket: &&BucketInfo| region.is_none_or(|region| bucket.region == region);
        for bucket in page.buckets.iter().filter(wanted) {
            xml.element("Bucket", |xml| {
                xml.text("Name", &bucket.name);
                xml.text("CreationDate", &date::xml(bucket.created_us));
                xml.text("BucketRegion", &bucket.region);
            });
        }
    });
    xml.text_some("Prefix", prefix);
    xml.text_some(
        "ContinuationToken",
        page.next.as_deref().map(continuation).as_deref(),
    );
    xml.close("ListAllMyBucketsResult");
    xml.finish()
}

/// CreateBucket
pub async fn create<H: Host>(call: &Call<'_, H>, body: H::Incoming) -> Outcome<H> {
    let bytes = call.document(body, MAX_DOCUMENT_BYTES).await?;
    let region = if bytes.is_empty() {
        None
    } else {
        read_region(&bytes)?
    };
    let region = region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
    call.host
        .create_bucket(call.token(), call.bucket(), region)
        .await?;
    let mut reply = Reply::empty(200);
    reply.set("location", &format!("/{}", call.request.target.bucket));
    Ok(reply)
}

fn read_region(bytes: &[u8]) -> Result<Option<String>, S3Error> {
    let (region, tags) = parse_create_bucket(bytes)?;
    if !tags.is_empty() {
        // Creation and tags are two transactions here; PutBucketTagging sets them.
        return Err(S3Error::with(
            Code::NotImplemented,
            "Tags in CreateBucketConfiguration are not implemented",
        ));
    }
    let Some(region) = region else {
        return Ok(None);
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if region.len() > MAX_REGION_BYTES || !region.bytes().all(plain) {
        return Err(
            S3Error::new(Code::InvalidLocationConstraint).detail("LocationConstraint", region)
        );
    }
    Ok(Some(region))
}

/// HeadBucket
pub async fn head<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let bucket = call.host.get_bucket(call.token(), call.bucket()).await?;
    let mut reply = Reply::empty(200);
    reply.set("x-amz-bucket-region", &bucket.region);
    reply.set("x-amz-access-point-alias", "false");
    Ok(reply)
}

/// DeleteBucket
pub async fn delete<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    call.host.delete_bucket(call.token(), call.bucket()).await?;
    Ok(Reply::empty(204))
}

/// GetBucketLocation
pub async fn location<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let bucket = call.host.get_bucket(call.token(), call.bucket()).await?;
    let mut xml = Writer::new();
    xml.root("LocationConstraint");
    if bucket.region != DEFAULT_REGION {
        xml.characters(&bucket.region);
    }
    xml.close("LocationConstraint");
    Ok(Reply::xml(xml.finish()))
}

/// GetBucketVersioning; a bucket that never had it has no status.
pub async fn get_versioning<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let bucket = call.host.get_bucket(call.token(), call.bucket()).await?;
    let status = match bucket.versioning {
        Versioning::Unversioned => None,
        Versioning::Enabled => Some("Enabled"),
        Versioning::Suspended => Some("Suspended"),
    };
    let mut xml = Writer::new();
    xml.root("VersioningConfiguration");
    xml.text_some("Status", status);
    xml.close("VersioningConfiguration");
    Ok(Reply::xml(xml.finish()))
}

/// PutBucketVersioning
pub async fn put_versioning<H: Host>(call: &Call<'_, H>, body: H::Incoming) -> Outcome<H> {
    let bytes = call.document(body, MAX_DOCUMENT_BYTES).await?;
    let state = parse_versioning(&bytes).map_err(|error| match error {
        VersioningError::Malformed => S3Error::new(Code::MalformedXml),
        VersioningError::MfaDelete => {
            S3Error::with(Code::NotImplemented, "MFA delete is not implemented")
        }
    })?;
    let state = state.ok_or_else(|| S3Error::new(Code::IllegalVersioningConfiguration))?;
    call.host
        .set_versioning(call.token(), call.bucket(), state)
        .await?;
    Ok(Reply::empty(200))
}

/// A configuration that no bucket can have: that there is none is the answer, to those who may ask.
pub async fn absent<H: Host>(call: &Call<'_, H>, code: Code) -> Outcome<H> {
    call.host.get_bucket(call.token(), call.bucket()).await?;
    Err(S3Error::new(code).detail("BucketName", call.bucket()))
}

/// The same, where S3 has a document for it.
pub async fn unset<H: Host>(call: &Call<'_, H>, unset: &Unset) -> Outcome<H> {
    call.host.get_bucket(call.token(), call.bucket()).await?;
    let mut xml = Writer::new();
    xml.root(unset.root);
    if let Some((name, text)) = unset.child {
        xml.text(name, text);
    }
    xml.close(unset.root);
    Ok(Reply::xml(xml.finish()))
}

/// Refuses a request for a bucket of another owner than the client expects (User Guide, "Verifying bucket ownership
/// with bucket owner condition"). The expected owner may be named by the account's id or by its name.
pub async fn check_expected_owner<H: Host>(
    call: &Call<'_, H>,
    header: &'static str,
    bucket: &str,
) -> Result<(), S3Error> {
    let Some(expected) = call.request.headers.single(header)? else {
        return Ok(());
    };
    let info = call
        .host
        .get_bucket(call.token(), bucket.to_owned())
        .await?;
    if info.owner_id == expected || info.owner_name == expected {
        Ok(())
    } else {
        Err(Code::AccessDenied.into())
    }
}
