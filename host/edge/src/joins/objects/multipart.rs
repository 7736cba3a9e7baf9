//! `concierge:objects/multipart`.

use crate::instance::InstanceState;
use crate::joins::bindings::objects::multipart::{
    Body, CompleteRequest, CreateRequest, Error, Host, HostWithStore, Part, PartCopyRequest,
    PartCopyResult, PartPage, PutResult, UploadInfo, UploadItem, UploadPage, UploadQuery,
};
use crate::joins::call::{self, Caller, by_principal, count};
use crate::joins::{Joins, body};
use concierge_objects as domain;
use wasmtime::Result as Answer;
use wasmtime::component::StreamReader;

impl Host for InstanceState {}

impl HostWithStore<InstanceState> for Joins {
    async fn create(
        caller: &Caller,
        token: String,
        request: CreateRequest,
    ) -> Answer<Result<UploadInfo, Error>> {
        count("multipart.create");
        let created = by_principal(caller, &token, |store, principal| async move {
            store.create_upload(&principal, request.into()).await
        });
        Ok(created.await.map(Into::into))
    }

    async fn put_part(
        caller: &Caller,
        token: String,
        bucket: String,
        key: String,
        upload_id: String,
        number: u32,
        info: Body,
        body: StreamReader<u8>,
    ) -> Answer<Result<Part, Error>> {
        count("multipart.put-part");
        let body = body::from_guest(caller, body, call::scope(caller))?;
        let put = by_principal(caller, &token, |store, principal| async move {
            let info = info.into();
            store
                .put_part(&principal, &bucket, &key, &upload_id, number, info, body)
                .await
        });
        Ok(put.await.map(Into::into))
    }

    async fn copy_part(
        caller: &Caller,
        token: String,
        request: PartCopyRequest,
    ) -> Answer<Result<PartCopyResult, Error>> {
        count("multipart.copy-part");
        let copied = by_principal(caller, &token, |store, principal| async move {
            store.copy_part(&principal, request.into()).await
        });
        Ok(copied.await.map(|copied| PartCopyResult {
            source_version_id: copied.source_version_id,
            part: copied.part.into(),
        }))
    }

    async fn list_parts(
        caller: &Caller,
        token: String,
        bucket: String,
        key: String,
        upload_id: String,
        marker: u32,
        max: u32,
    ) -> Answer<Result<PartPage, Error>> {
        count("multipart.list-parts");
        let page = by_principal(caller, &token, |store, principal| async move {
            store
                .list_parts(&principal, &bucket, &key, &upload_id, marker, max)
                .await
        });
        Ok(page.await.map(|page| PartPage {
            upload: page.upload.into(),
            parts: page.parts.into_iter().map(Into::into).collect(),
            truncated: page.truncated,
        }))
    }

    async fn list_uploads(
        caller: &Caller,
        token: String,
        query: UploadQuery,
    ) -> Answer<Result<UploadPage, Error>> {
        count("multipart.list-uploads");
        let page = by_principal(caller, &token, |store, principal| async move {
            store.list_uploads(&principal, query.into()).await
        });
        Ok(page.await.map(Into::into))
    }

    async fn complete(
        caller: &Caller,
        token: String,
        request: CompleteRequest,
    ) -> Answer<Result<PutResult, Error>> {
        count("multipart.complete");
        let completed = by_principal(caller, &token, |store, principal| async move {
            store.complete_upload(&principal, request.into()).await
        });
        Ok(completed.await.map(Into::into))
    }

    async fn abort(
        caller: &Caller,
        token: String,
        bucket: String,
        key: String,
        upload_id: String,
    ) -> Answer<Result<(), Error>> {
        count("multipart.abort");
        let aborted = by_principal(caller, &token, |store, principal| async move {
            store
                .abort_upload(&principal, &bucket, &key, &upload_id)
                .await
        });
        Ok(aborted.await)
    }
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
