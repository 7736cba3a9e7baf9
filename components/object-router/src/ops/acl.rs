//! Access control lists, as far as there are any: the owner of the bucket has full control, and nobody else has any.
//! That list is shown, and taken where it is put again; any other is refused.

use crate::bindings::concierge::objects::blobs::GetRequest;
use crate::bindings::concierge::objects::buckets::BucketInfo;
use crate::call::{Call, Outcome};
use crate::error::{Code, S3Error};
use crate::headers::conditions;
use crate::host::Host;
use crate::http::reply::Reply;
use crate::xml::{Writer, parse_access_control};

/// The longest `AccessControlPolicy` taken, in bytes: 100 grants (User Guide, "Access control list overview").
const MAX_DOCUMENT_BYTES: usize = 128 * 1024;

/// GetBucketAcl
pub async fn get_bucket<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let bucket = call.host.get_bucket(call.token(), call.bucket()).await?;
    Ok(Reply::xml(document(&bucket)))
}

/// PutBucketAcl
pub async fn put_bucket<H: Host>(call: &Call<'_, H>, body: H::Incoming) -> Outcome<H> {
    let bucket = call.host.get_bucket(call.token(), call.bucket()).await?;
    check_default(call, &bucket, body).await?;
    Ok(Reply::empty(200))
}

/// GetObjectAcl
pub async fn get_object<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let version_id = check_object(call).await?;
    let mut reply = get_bucket(call).await?;
    reply.set_some("x-amz-version-id", version_id.as_deref());
    Ok(reply)
}

/// PutObjectAcl
pub async fn put_object<H: Host>(call: &Call<'_, H>, body: H::Incoming) -> Outcome<H> {
    check_object(call).await?;
    put_bucket(call, body).await
}

/// The object must be there; gives its version.
async fn check_object<H: Host>(call: &Call<'_, H>) -> Result<Option<String>, S3Error> {
    let named = call.named()?;
    let request = GetRequest {
        bucket: named.bucket,
        key: named.key,
        version_id: named.version_id,
        range: None,
        part_number: None,
        conditions: conditions::parse_read(&Default::default()),
    };
    Ok(call.host.head(call.token(), request).await?.info.version_id)
}

/// A canned list in x-amz-acl was checked with the other headers; a document must say what is so anyway.
async fn check_default<H: Host>(
    call: &Call<'_, H>,
    bucket: &BucketInfo,
    body: H::Incoming,
) -> Result<(), S3Error> {
    if call.request.headers.has("x-amz-acl") {
        return Ok(());
    }
    let bytes = call.document(body, MAX_DOCUMENT_BYTES).await?;
    if bytes.is_empty() {
        return Err(S3Error::with(
            Code::MissingSecurityHeader,
            "Your request was missing a required header: x-amz-acl, or a document",
        ));
    }
    let grants = parse_access_control(&bytes).map_err(|_| S3Error::new(Code::MalformedAcl))?;
    let is_default = |grant: &crate::xml::Grant| {
        grant.account_id.as_deref() == Some(bucket.owner_id.as_str())
            && grant.permission == "FULL_CONTROL"
    };
    match grants.as_slice() {
        [grant] if is_default(grant) => Ok(()),
        _ => Err(S3Error::with(
            Code::NotImplemented,
            "Access control lists other than the default one are not implemented",
        )),
    }
}

fn document(bucket: &BucketInfo) -> String {
    let mut xml = Writer::new();
    xml.root("AccessControlPolicy");
    push_owner(&mut xml, &bucket.owner_id, &bucket.owner_name);
    xml.element("AccessControlList", |xml| {
        xml.element("Grant", |xml| {
            xml.raw(
                "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">",
            );
            xml.text("ID", &bucket.owner_id);
            xml.text("DisplayName", &bucket.owner_name);
            xml.close("Grantee");
            xml.text("Permission", "FULL_CONTROL");
        });
    });
    xml.close("AccessControlPolicy");
    xml.finish()
}

/// An `Owner` element.
pub fn push_owner(xml: &mut Writer, id: &str, name: &str) {
    push_account(xml, "Owner", id, name);
}

/// An element that names an account.
pub fn push_account(xml: &mut Writer, element: &str, id: &str, name: &str) {
    xml.element(element, |xml| {
        xml.text("ID", id);
        xml.text("DisplayName", name);
    });
}
