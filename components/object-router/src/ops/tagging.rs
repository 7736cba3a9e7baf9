//! Tags of objects and buckets.

use crate::bindings::concierge::objects::blobs::Tag;
use crate::call::{Call, Outcome};
use crate::error::{Code, S3Error};
use crate::headers::tagging;
use crate::host::Host;
use crate::http::reply::Reply;
use crate::xml::{Writer, parse_tagging};

/// The longest `Tagging` document taken, in bytes: 50 tags of 128 and 256 characters, each written as a reference.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// GetObjectTagging
pub async fn get_object<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let (version_id, tags) = call.host.get_tags(call.token(), call.named()?).await?;
    let mut reply = Reply::xml(document(&tags));
    reply.set_some("x-amz-version-id", version_id.as_deref());
    Ok(reply)
}

/// PutObjectTagging
pub async fn put_object<H: Host>(call: &Call<'_, H>, body: H::Incoming) -> Outcome<H> {
    let named = call.named()?;
    let tags = read(call, body).await?;
    tagging::check_object_tags(tags.len())?;
    let version_id = call.host.set_tags(call.token(), named, tags).await?;
    let mut reply = Reply::empty(200);
    reply.set_some("x-amz-version-id", version_id.as_deref());
    Ok(reply)
}

/// DeleteObjectTagging
pub async fn delete_object<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let version_id = call
        .host
        .set_tags(call.token(), call.named()?, Vec::new())
        .await?;
    let mut reply = Reply::empty(204);
    reply.set_some("x-amz-version-id", version_id.as_deref());
    Ok(reply)
}

/// GetBucketTagging
pub async fn get_bucket<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let tags = call
        .host
        .get_bucket_tags(call.token(), call.bucket())
        .await?;
    if tags.is_empty() {
        return Err(S3Error::new(Code::NoSuchTagSet).detail("BucketName", call.bucket()));
    }
    Ok(Reply::xml(document(&tags)))
}

/// PutBucketTagging
pub async fn put_bucket<H: Host>(call: &Call<'_, H>, body: H::Incoming) -> Outcome<H> {
    let tags = read(call, body).await?;
    tagging::check_bucket_tags(tags.len())?;
    call.host
        .set_bucket_tags(call.token(), call.bucket(), tags)
        .await?;
    Ok(Reply::empty(204))
}

/// DeleteBucketTagging
pub async fn delete_bucket<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    call.host
        .set_bucket_tags(call.token(), call.bucket(), Vec::new())
        .await?;
    Ok(Reply::empty(204))
}

async fn read<H: Host>(call: &Call<'_, H>, body: H::Incoming) -> Result<Vec<Tag>, S3Error> {
    call.require_digest()?;
    let bytes = call.document(body, MAX_DOCUMENT_BYTES).await?;
    Ok(parse_tagging(&bytes)?)
}

fn document(tags: &[Tag]) -> String {
    let mut xml = Writer::new();
    xml.root("Tagging");
    xml.element("TagSet", |xml| {
        for tag in tags {
            xml.element("Tag", |xml| {
                xml.text("Key", &tag.key);
                xml.text("Value", &tag.value);
            });
        }
    });
    xml.close("Tagging");
    xml.finish()
}
