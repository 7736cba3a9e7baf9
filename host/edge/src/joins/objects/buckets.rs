//! `concierge:objects/buckets`.

use crate::instance::InstanceState;
use crate::joins::Joins;
use crate::joins::bindings::objects::buckets::{
    BucketInfo, BucketPage, CorsRule, Error, Host, HostWithStore, Tag, Versioning,
};
use crate::joins::call::{Caller, anonymous, by_principal, count};
use concierge_objects as domain;
use wasmtime::Result as Answer;

impl Host for InstanceState {}

impl HostWithStore<InstanceState> for Joins {
    async fn create(
        caller: &Caller,
        token: String,
        name: String,
        region: String,
    ) -> Answer<Result<(), Error>> {
        count("buckets.create");
        let created = by_principal(caller, &token, |store, principal| async move {
            store.create_bucket(&principal, &name, &region).await
        });
        Ok(created.await)
    }

    async fn get(
        caller: &Caller,
        token: String,
        name: String,
    ) -> Answer<Result<BucketInfo, Error>> {
        count("buckets.get");
        let info = by_principal(caller, &token, |store, principal| async move {
            store.get_bucket(&principal, &name).await
        });
        Ok(info.await.map(Into::into))
    }

    async fn delete(caller: &Caller, token: String, name: String) -> Answer<Result<(), Error>> {
        count("buckets.delete");
        let deleted = by_principal(caller, &token, |store, principal| async move {
            store.delete_bucket(&principal, &name).await
        });
        Ok(deleted.await)
    }

    async fn list(
        caller: &Caller,
        token: String,
        prefix: String,
        after: String,
        max: u32,
    ) -> Answer<Result<BucketPage, Error>> {
        count("buckets.list");
        let page = by_principal(caller, &token, |store, principal| async move {
            store.list_buckets(&principal, &prefix, &after, max).await
        });
        Ok(page.await.map(Into::into))
    }

    async fn set_versioning(
        caller: &Caller,
        token: String,
        name: String,
        state: Versioning,
    ) -> Answer<Result<(), Error>> {
        count("buckets.set-versioning");
        let set = by_principal(caller, &token, |store, principal| async move {
            store.set_versioning(&principal, &name, state.into()).await
        });
        Ok(set.await)
    }

    async fn get_tags(
        caller: &Caller,
        token: String,
        name: String,
    ) -> Answer<Result<Vec<Tag>, Error>> {
        count("buckets.get-tags");
        let tags = by_principal(caller, &token, |store, principal| async move {
            store.get_bucket_tags(&principal, &name).await
        });
        let tags = tags.await;
        Ok(tags.map(|tags| tags.into_iter().map(Into::into).collect()))
    }

    async fn set_tags(
        caller: &Caller,
        token: String,
        name: String,
        tags: Vec<Tag>,
    ) -> Answer<Result<(), Error>> {
        count("buckets.set-tags");
        let set = by_principal(caller, &token, |store, principal| async move {
            let tags = tags.into_iter().map(Into::into).collect();
            store.set_bucket_tags(&principal, &name, tags).await
        });
        Ok(set.await)
    }

    async fn get_cors(
        caller: &Caller,
        token: String,
        name: String,
    ) -> Answer<Result<Vec<CorsRule>, Error>> {
        count("buckets.get-cors");
        let rules = by_principal(caller, &token, |store, principal| async move {
            store.get_cors(&principal, &name).await
        });
        let rules = rules.await;
        Ok(rules.map(|rules| rules.into_iter().map(Into::into).collect()))
    }

    async fn set_cors(
        caller: &Caller,
        token: String,
        name: String,
        rules: Vec<CorsRule>,
    ) -> Answer<Result<(), Error>> {
        count("buckets.set-cors");
        let set = by_principal(caller, &token, |store, principal| async move {
            let rules = rules.into_iter().map(Into::into).collect();
            store.set_cors(&principal, &name, rules).await
        });
        Ok(set.await)
    }

    async fn match_cors(
        caller: &Caller,
        name: String,
        origin: String,
        method: String,
        headers: Vec<String>,
    ) -> Answer<Result<Option<CorsRule>, Error>> {
        count("buckets.match-cors");
        let rule = anonymous(caller, |store| async move {
            store.match_cors(&name, &origin, &method, &headers).await
        });
        Ok(rule.await.map(|rule| rule.map(Into::into)))
    }
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
