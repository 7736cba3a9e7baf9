//! `concierge:objects/buckets`, answered by the domain crate in this process.

use crate::joins::Services;
use crate::joins::bindings::objects::buckets::{
    BucketInfo, BucketPage, CorsRule, Error, Tag, Versioning,
};
use concierge_objects as domain;

pub(in crate::joins) async fn create(
    services: &Services,
    token: String,
    name: String,
    region: String,
) -> Result<(), Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store.create_bucket(&principal, &name, &region).await?)
}

pub(in crate::joins) async fn get(
    services: &Services,
    token: String,
    name: String,
) -> Result<BucketInfo, Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store.get_bucket(&principal, &name).await?.into())
}

pub(in crate::joins) async fn delete(
    services: &Services,
    token: String,
    name: String,
) -> Result<(), Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store.delete_bucket(&principal, &name).await?)
}

pub(in crate::joins) async fn list(
    services: &Services,
    token: String,
    prefix: String,
    after: String,
    max: u32,
) -> Result<BucketPage, Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store
        .list_buckets(&principal, &prefix, &after, max)
        .await?
        .into())
}

pub(in crate::joins) async fn set_versioning(
    services: &Services,
    token: String,
    name: String,
    state: Versioning,
) -> Result<(), Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store
        .set_versioning(&principal, &name, state.into())
        .await?)
}

pub(in crate::joins) async fn get_tags(
    services: &Services,
    token: String,
    name: String,
) -> Result<Vec<Tag>, Error> {
    let (store, principal) = services.by_principal(&token)?;
    let tags = store.get_bucket_tags(&principal, &name).await?;
    Ok(tags.into_iter().map(Into::into).collect())
}

pub(in crate::joins) async fn set_tags(
    services: &Services,
    token: String,
    name: String,
    tags: Vec<Tag>,
) -> Result<(), Error> {
    let (store, principal) = services.by_principal(&token)?;
    let tags = tags.into_iter().map(Into::into).collect();
    Ok(store.set_bucket_tags(&principal, &name, tags).await?)
}

pub(in crate::joins) async fn get_cors(
    services: &Services,
    token: String,
    name: String,
) -> Result<Vec<CorsRule>, Error> {
    let (store, principal) = services.by_principal(&token)?;
    let rules = store.get_cors(&principal, &name).await?;
    Ok(rules.into_iter().map(Into::into).collect())
}

pub(in crate::joins) async fn set_cors(
    services: &Services,
    token: String,
    name: String,
    rules: Vec<CorsRule>,
) -> Result<(), Error> {
    let (store, principal) = services.by_principal(&token)?;
    let rules = rules.into_iter().map(Into::into).collect();
    Ok(store.set_cors(&principal, &name, rules).await?)
}

pub(in crate::joins) async fn match_cors(
    services: &Services,
    name: String,
    origin: String,
    method: String,
    headers: Vec<String>,
) -> Result<Option<CorsRule>, Error> {
    let store = services.store()?;
    let rule = store.match_cors(&name, &origin, &method, &headers).await?;
    Ok(rule.map(Into::into))
}

impl From<domain::Versioning> for Versioning {
    fn from(state: domain::Versioning) -> Self {
        match state {
            domain::Versioning::Unversioned => Self::Unversioned,
            domain::Versioning::Enabled => Self::Enabled,
            domain::Versioning::Suspended => Self::Suspended,
        }
    }
}

impl From<Versioning> for domain::Versioning {
    fn from(state: Versioning) -> Self {
        match state {
            Versioning::Unversioned => Self::Unversioned,
            Versioning::Enabled => Self::Enabled,
            Versioning::Suspended => Self::Suspended,
        }
    }
}

impl From<domain::BucketInfo> for BucketInfo {
    fn from(info: domain::BucketInfo) -> Self {
        Self {
            name: info.name,
            owner_id: info.owner_id,
            owner_name: info.owner_name,
            created_us: info.created_us,
            versioning: info.versioning.into(),
            region: info.region,
        }
    }
}

impl From<domain::BucketPage> for BucketPage {
    fn from(page: domain::BucketPage) -> Self {
        Self {
            buckets: page.buckets.into_iter().map(Into::into).collect(),
            next: page.next,
        }
    }
}

impl From<domain::CorsRule> for CorsRule {
    fn from(rule: domain::CorsRule) -> Self {
        Self {
            id: rule.id,
            allowed_origins: rule.allowed_origins,
            allowed_methods: rule.allowed_methods,
            allowed_headers: rule.allowed_headers,
            expose_headers: rule.expose_headers,
            max_age_s: rule.max_age_s,
        }
    }
}

impl From<CorsRule> for domain::CorsRule {
    fn from(rule: CorsRule) -> Self {
        Self {
            id: rule.id,
            allowed_origins: rule.allowed_origins,
            allowed_methods: rule.allowed_methods,
            allowed_headers: rule.allowed_headers,
            expose_headers: rule.expose_headers,
            max_age_s: rule.max_age_s,
        }
    }
}
