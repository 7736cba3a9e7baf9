//! `concierge:objects/blobs`.

use crate::instance::InstanceState;
use crate::joins::bindings::objects::blobs::{
    Attributes, CopyRequest, CopyResult, DeleteRequest, DeleteResult, Error, GetRequest, GetResult,
    Host, HostWithStore, PutRequest, PutResult, Tag,
};
use crate::joins::call::{self, Caller, by_principal, count};
use crate::joins::{Joins, body};
use wasmtime::Result as Answer;
use wasmtime::component::StreamReader;

impl Host for InstanceState {}

impl HostWithStore<InstanceState> for Joins {
    async fn put(
        caller: &Caller,
        token: String,
        request: PutRequest,
        body: StreamReader<u8>,
    ) -> Answer<Result<PutResult, Error>> {
        count("blobs.put");
        let body = body::from_guest(caller, body, call::scope(caller))?;
        let put = by_principal(caller, &token, |store, principal| async move {
            store.put(&principal, request.into(), body).await
        });
        Ok(put.await.map(Into::into))
    }

    async fn get(
        caller: &Caller,
        token: String,
        request: GetRequest,
    ) -> Answer<Result<(GetResult, StreamReader<u8>), Error>> {
        count("blobs.get");
        let got = by_principal(caller, &token, |store, principal| async move {
            store.get(&principal, request.into()).await
        });
        match got.await {
            Ok((result, object)) => {
                let stream = body::to_guest(caller, object, result.length)?;
                Ok(Ok((result.into(), stream)))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    async fn head(
        caller: &Caller,
        token: String,
        request: GetRequest,
    ) -> Answer<Result<GetResult, Error>> {
        count("blobs.head");
        let head = by_principal(caller, &token, |store, principal| async move {
            store.head(&principal, request.into()).await
        });
        Ok(head.await.map(Into::into))
    }

    async fn delete(
        caller: &Caller,
        token: String,
        bucket: String,
        request: DeleteRequest,
    ) -> Answer<Result<DeleteResult, Error>> {
        count("blobs.delete");
        let deleted = by_principal(caller, &token, |store, principal| async move {
            store.delete(&principal, &bucket, request.into()).await
        });
        Ok(deleted.await.map(Into::into))
    }

    #[expect(
        clippy::result_large_err,
        reason = "the contract answers for each object with its own error"
    )]
    async fn delete_many(
        caller: &Caller,
        token: String,
        bucket: String,
        requests: Vec<DeleteRequest>,
    ) -> Answer<Result<Vec<Result<DeleteResult, Error>>, Error>> {
        count("blobs.delete-many");
        let deleted = by_principal(caller, &token, |store, principal| async move {
            let requests = requests.into_iter().map(Into::into).collect();
            store.delete_many(&principal, &bucket, requests).await
        });
        Ok(deleted.await.map(|answers| {
            let answers = answers.into_iter();
            answers.map(|answer| Ok(answer?.into())).collect()
        }))
    }

    async fn copy(
        caller: &Caller,
        token: String,
        request: CopyRequest,
    ) -> Answer<Result<CopyResult, Error>> {
        count("blobs.copy");
        let copied = by_principal(caller, &token, |store, principal| async move {
            store.copy(&principal, request.into()).await
        });
        Ok(copied.await.map(Into::into))
    }

    async fn get_attributes(
        caller: &Caller,
        token: String,
        bucket: String,
        key: String,
        version_id: Option<String>,
        part_marker: u32,
        max_parts: u32,
    ) -> Answer<Result<Attributes, Error>> {
        count("blobs.get-attributes");
        let attributes = by_principal(caller, &token, |store, principal| async move {
            let version = version_id.as_deref();
            store
                .get_attributes(&principal, &bucket, &key, version, part_marker, max_parts)
                .await
        });
        Ok(attributes.await.map(Into::into))
    }

    async fn get_tags(
        caller: &Caller,
        token: String,
        bucket: String,
        key: String,
        version_id: Option<String>,
    ) -> Answer<Result<(Option<String>, Vec<Tag>), Error>> {
        count("blobs.get-tags");
        let tags = by_principal(caller, &token, |store, principal| async move {
            store
                .get_tags(&principal, &bucket, &key, version_id.as_deref())
                .await
        });
        let tags = tags.await;
        Ok(tags.map(|(version, tags)| (version, tags.into_iter().map(Into::into).collect())))
    }

    async fn set_tags(
        caller: &Caller,
        token: String,
        bucket: String,
        key: String,
        version_id: Option<String>,
        tags: Vec<Tag>,
    ) -> Answer<Result<Option<String>, Error>> {
        count("blobs.set-tags");
        let set = by_principal(caller, &token, |store, principal| async move {
            let tags = tags.into_iter().map(Into::into).collect();
            store
                .set_tags(&principal, &bucket, &key, version_id.as_deref(), tags)
                .await
        });
        Ok(set.await)
    }
}
