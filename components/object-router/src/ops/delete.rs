//! DeleteObject and DeleteObjects.

use crate::bindings::concierge::objects::blobs::{DeleteRequest, DeleteResult, Error};
use crate::call::{Call, Outcome};
use crate::error::S3Error;
use crate::headers::conditions;
use crate::host::Host;
use crate::http::reply::Reply;
use crate::http::target::check_key;
use crate::xml::{DeleteDocument, Writer, parse_delete};

/// The longest `Delete` document taken, in bytes: 1,000 keys of 1,024 bytes, each byte written as a character reference
/// of six, with their elements and version ids.
const MAX_DOCUMENT_BYTES: usize = 8 * 1024 * 1024;

/// Deletes the current version or the one that is named.
pub async fn one<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let request = DeleteRequest {
        key: call.key(),
        version_id: call.request.version_id()?,
        if_match: conditions::parse_delete(&call.request.headers)?,
    };
    let result = call
        .host
        .delete(call.token(), call.bucket(), request)
        .await?;
    let mut reply = Reply::empty(204);
    reply.set_some("x-amz-version-id", result.version_id.as_deref());
    if result.delete_marker {
        reply.set("x-amz-delete-marker", "true");
    }
    Ok(reply)
}

/// Deletes what the document names; each is answered for itself.
pub async fn many<H: Host>(call: &Call<'_, H>, body: H::Incoming) -> Outcome<H> {
    call.require_digest()?;
    let bytes = call.document(body, MAX_DOCUMENT_BYTES).await?;
    let document = parse_delete(&bytes)?;
    drop(bytes);
    // The host refuses the whole call for a key that none of its objects can have; the others are to be deleted.
    let (sound, long): (Vec<_>, Vec<_>) = document
        .objects
        .iter()
        .cloned()
        .partition(|object| check_key(&object.key).is_ok());
    let answers = match sound.is_empty() {
        true => Vec::new(),
        false => {
            call.host
                .delete_many(call.token(), call.bucket(), sound.clone())
                .await?
        }
    };
    let mut xml = Writer::with_capacity(128 * document.objects.len());
    xml.root("DeleteResult");
    for (request, answer) in sound.iter().zip(answers) {
        push_answer(&mut xml, &document, request, answer);
    }
    for request in &long {
        push_answer(&mut xml, &document, request, Err(Error::KeyTooLong));
    }
    xml.close("DeleteResult");
    Ok(Reply::xml(xml.finish()))
}

fn push_answer(
    xml: &mut Writer,
    document: &DeleteDocument,
    request: &DeleteRequest,
    answer: Result<DeleteResult, Error>,
) {
    match answer {
        Ok(_) if document.quiet => {}
        Ok(result) => xml.element("Deleted", |xml| push_deleted(xml, request, &result)),
        Err(error) => {
            let error = S3Error::from(error);
            xml.element("Error", |xml| {
                xml.text("Key", &request.key);
                xml.text_some("VersionId", request.version_id.as_deref());
                xml.text("Code", error.code().name());
                xml.text("Message", error.message());
            });
        }
    }
}

/// A marker that was made is named as such; a version that was removed is named as it was asked for (API Reference,
/// "DeletedObject").
fn push_deleted(xml: &mut Writer, request: &DeleteRequest, result: &DeleteResult) {
    xml.text("Key", &request.key);
    xml.text_some("VersionId", request.version_id.as_deref());
    if result.delete_marker {
        xml.boolean("DeleteMarker", true);
        xml.text_some("DeleteMarkerVersionId", result.version_id.as_deref());
    }
}
