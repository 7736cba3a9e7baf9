//! `concierge:objects/multipart`, answered by the domain crate in this process.

use crate::joins::Services;
use crate::joins::bindings::objects::multipart::{
    Body, CompleteRequest, CreateRequest, Error, Part, PartCopyRequest, PartCopyResult, PartPage,
    PutResult, UploadInfo, UploadItem, UploadPage, UploadQuery,
};
use concierge_objects as domain;
use concierge_objects::BodyStream;

pub(in crate::joins) async fn create(
    services: &Services,
    token: String,
    request: CreateRequest,
) -> Result<UploadInfo, Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store
        .create_upload(&principal, request.into())
        .await?
        .into())
}

#[expect(clippy::too_many_arguments, reason = "the contract's, and who asks")]
pub(in crate::joins) async fn put_part(
    services: &Services,
    token: String,
    bucket: String,
    key: String,
    upload_id: String,
    number: u32,
    info: Body,
    body: BodyStream,
) -> Result<Part, Error> {
    let (store, principal) = services.by_principal(&token)?;
    let info = info.into();
    let part = store
        .put_part(&principal, &bucket, &key, &upload_id, number, info, body)
        .await?;
    Ok(part.into())
}

pub(in crate::joins) async fn copy_part(
    services: &Services,
    token: String,
    request: PartCopyRequest,
) -> Result<PartCopyResult, Error> {
    let (store, principal) = services.by_principal(&token)?;
    let copied = store.copy_part(&principal, request.into()).await?;
    Ok(PartCopyResult {
        source_version_id: copied.source_version_id,
        part: copied.part.into(),
    })
}

pub(in crate::joins) async fn list_parts(
    services: &Services,
    token: String,
    bucket: String,
    key: String,
    upload_id: String,
    marker: u32,
    max: u32,
) -> Result<PartPage, Error> {
    let (store, principal) = services.by_principal(&token)?;
    let page = store
        .list_parts(&principal, &bucket, &key, &upload_id, marker, max)
        .await?;
    Ok(PartPage {
        upload: page.upload.into(),
        parts: page.parts.into_iter().map(Into::into).collect(),
        truncated: page.truncated,
    })
}

pub(in crate::joins) async fn list_uploads(
    services: &Services,
    token: String,
    query: UploadQuery,
) -> Result<UploadPage, Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store.list_uploads(&principal, query.into()).await?.into())
}

pub(in crate::joins) async fn complete(
    services: &Services,
    token: String,
    request: CompleteRequest,
) -> Result<PutResult, Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store
        .complete_upload(&principal, request.into())
        .await?
        .into())
}

pub(in crate::joins) async fn abort(
    services: &Services,
    token: String,
    bucket: String,
    key: String,
    upload_id: String,
) -> Result<(), Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store
        .abort_upload(&principal, &bucket, &key, &upload_id)
        .await?)
}

impl From<CreateRequest> for domain::CreateUploadRequest {
    fn from(request: CreateRequest) -> Self {
        Self {
            bucket: request.bucket,
            key: request.key,
            metadata: request.metadata.into(),
            tags: request.tags.into_iter().map(Into::into).collect(),
            storage_class: request.storage_class,
            checksum: request.checksum.map(Into::into),
            checksum_kind: request.checksum_kind.map(Into::into),
        }
    }
}

impl From<domain::UploadInfo> for UploadInfo {
    fn from(upload: domain::UploadInfo) -> Self {
        Self {
            upload_id: upload.upload_id,
            key: upload.key,
            initiated_us: upload.initiated_us,
            storage_class: upload.storage_class,
            checksum: upload
                .checksum
                .map(|(algorithm, kind)| (algorithm.into(), kind.into())),
        }
    }
}

impl From<PartCopyRequest> for domain::PartCopyRequest {
    fn from(request: PartCopyRequest) -> Self {
        Self {
            source_bucket: request.source_bucket,
            source_key: request.source_key,
            source_version_id: request.source_version_id,
            source_conditions: request.source_conditions.into(),
            source_range: request.source_range.map(Into::into),
            bucket: request.bucket,
            key: request.key,
            upload_id: request.upload_id,
            number: request.number,
        }
    }
}

impl From<UploadQuery> for domain::UploadQuery {
    fn from(query: UploadQuery) -> Self {
        Self {
            bucket: query.bucket,
            prefix: query.prefix,
            delimiter: query.delimiter,
            after: query.after,
            after_upload: query.after_upload,
            max: query.max,
        }
    }
}

impl From<domain::UploadPage> for UploadPage {
    fn from(page: domain::UploadPage) -> Self {
        let items = page.items.into_iter().map(|item| match item {
            domain::UploadItem::Upload(upload) => UploadItem::Upload(upload.into()),
            domain::UploadItem::Prefix(prefix) => UploadItem::Prefix(prefix),
        });
        Self {
            items: items.collect(),
            next: page.next,
        }
    }
}

impl From<CompleteRequest> for domain::CompleteRequest {
    fn from(request: CompleteRequest) -> Self {
        let parts = request.parts.into_iter().map(|part| domain::CompletedPart {
            number: part.number,
            etag: part.etag,
            checksum: part
                .checksum
                .map(|(algorithm, value)| (algorithm.into(), value)),
        });
        Self {
            bucket: request.bucket,
            key: request.key,
            upload_id: request.upload_id,
            parts: parts.collect(),
            checksum: request
                .checksum
                .map(|(algorithm, value)| (algorithm.into(), value)),
            checksum_kind: request.checksum_kind.map(Into::into),
            size: request.size,
            conditions: request.conditions.into(),
        }
    }
}
