//! `concierge:objects/blobs`, answered by the domain crate in this process.

use crate::joins::Services;
use crate::joins::bindings::objects::blobs::{
    Attributes, CopyRequest, CopyResult, DeleteRequest, DeleteResult, Error, GetRequest, GetResult,
    PutRequest, PutResult, Tag,
};
use crate::joins::body::Output;
use concierge_objects::BodyStream;

pub(in crate::joins) async fn put(
    services: &Services,
    token: String,
    request: PutRequest,
    body: BodyStream,
) -> Result<PutResult, Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store.put(&principal, request.into(), body).await?.into())
}

pub(in crate::joins) async fn get(
    services: &Services,
    token: String,
    request: GetRequest,
) -> Result<(GetResult, Output), Error> {
    let (store, principal) = services.by_principal(&token)?;
    let (result, object) = store.get(&principal, request.into()).await?;
    Ok((result.into(), Output::Store(object)))
}

pub(in crate::joins) async fn head(
    services: &Services,
    token: String,
    request: GetRequest,
) -> Result<GetResult, Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store.head(&principal, request.into()).await?.into())
}

pub(in crate::joins) async fn delete(
    services: &Services,
    token: String,
    bucket: String,
    request: DeleteRequest,
) -> Result<DeleteResult, Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store
        .delete(&principal, &bucket, request.into())
        .await?
        .into())
}

pub(in crate::joins) async fn delete_many(
    services: &Services,
    token: String,
    bucket: String,
    requests: Vec<DeleteRequest>,
) -> Result<Vec<Result<DeleteResult, Error>>, Error> {
    let (store, principal) = services.by_principal(&token)?;
    let requests = requests.into_iter().map(Into::into).collect();
    let answers = store.delete_many(&principal, &bucket, requests).await?;
    let answers = answers.into_iter();
    Ok(answers.map(|answer| Ok(answer?.into())).collect())
}

pub(in crate::joins) async fn copy(
    services: &Services,
    token: String,
    request: CopyRequest,
) -> Result<CopyResult, Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store.copy(&principal, request.into()).await?.into())
}

pub(in crate::joins) async fn get_attributes(
    services: &Services,
    token: String,
    bucket: String,
    key: String,
    version_id: Option<String>,
    part_marker: u32,
    max_parts: u32,
) -> Result<Attributes, Error> {
    let (store, principal) = services.by_principal(&token)?;
    let version = version_id.as_deref();
    let attributes = store
        .get_attributes(&principal, &bucket, &key, version, part_marker, max_parts)
        .await?;
    Ok(attributes.into())
}

pub(in crate::joins) async fn get_tags(
    services: &Services,
    token: String,
    bucket: String,
    key: String,
    version_id: Option<String>,
) -> Result<(Option<String>, Vec<Tag>), Error> {
    let (store, principal) = services.by_principal(&token)?;
    let (version, tags) = store
        .get_tags(&principal, &bucket, &key, version_id.as_deref())
        .await?;
    Ok((version, tags.into_iter().map(Into::into).collect()))
}

pub(in crate::joins) async fn set_tags(
    services: &Services,
    token: String,
    bucket: String,
    key: String,
    version_id: Option<String>,
    tags: Vec<Tag>,
) -> Result<Option<String>, Error> {
    let (store, principal) = services.by_principal(&token)?;
    let tags = tags.into_iter().map(Into::into).collect();
    Ok(store
        .set_tags(&principal, &bucket, &key, version_id.as_deref(), tags)
        .await?)
}
