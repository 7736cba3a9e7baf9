//! `concierge:objects/listing`.

use crate::instance::InstanceState;
use crate::joins::Joins;
use crate::joins::bindings::objects::listing::{
    Entry, Error, Host, HostWithStore, Item, Page, Query, VersionEntry, VersionItem, VersionPage,
    VersionQuery,
};
use crate::joins::call::{Caller, by_principal, count};
use concierge_objects as domain;
use wasmtime::Result as Answer;

impl Host for InstanceState {}

impl HostWithStore<InstanceState> for Joins {
    async fn objects(caller: &Caller, token: String, query: Query) -> Answer<Result<Page, Error>> {
        count("listing.objects");
        let page = by_principal(caller, &token, |store, principal| async move {
            store.list_objects(&principal, query.into()).await
        });
        Ok(page.await.map(Into::into))
    }

    async fn versions(
        caller: &Caller,
        token: String,
        query: VersionQuery,
    ) -> Answer<Result<VersionPage, Error>> {
        count("listing.versions");
        let page = by_principal(caller, &token, |store, principal| async move {
            store.list_versions(&principal, query.into()).await
        });
        Ok(page.await.map(Into::into))
    }
}

impl From<Query> for domain::ListQuery {
    fn from(query: Query) -> Self {
        Self {
            bucket: query.bucket,
            prefix: query.prefix,
            delimiter: query.delimiter,
            after: query.after,
            max: query.max,
        }
    }
}

impl From<VersionQuery> for domain::VersionQuery {
    fn from(query: VersionQuery) -> Self {
        Self {
            bucket: query.bucket,
            prefix: query.prefix,
            delimiter: query.delimiter,
            after: query.after,
            after_version: query.after_version,
            max: query.max,
        }
    }
}

impl From<domain::ListEntry> for Entry {
    fn from(entry: domain::ListEntry) -> Self {
        Self {
            key: entry.key,
            size: entry.size,
            etag: entry.etag,
            modified_us: entry.modified_us,
            storage_class: entry.storage_class,
            checksum: entry
                .checksum
                .map(|(algorithm, kind)| (algorithm.into(), kind.into())),
        }
    }
}

impl From<domain::ListPage> for Page {
    fn from(page: domain::ListPage) -> Self {
        let items = page.items.into_iter().map(|item| match item {
            domain::ListItem::Object(entry) => Item::Object(entry.into()),
            domain::ListItem::Prefix(prefix) => Item::Prefix(prefix),
        });
        Self {
            items: items.collect(),
            next: page.next,
        }
    }
}

impl From<domain::VersionPage> for VersionPage {
    fn from(page: domain::VersionPage) -> Self {
        let items = page.items.into_iter().map(|item| match item {
            domain::VersionItem::Version(version) => VersionItem::Version(VersionEntry {
                object: version.object.into(),
                version_id: version.version_id,
                latest: version.latest,
                delete_marker: version.delete_marker,
            }),
            domain::VersionItem::Prefix(prefix) => VersionItem::Prefix(prefix),
        });
        Self {
            items: items.collect(),
            next: page.next,
        }
    }
}
