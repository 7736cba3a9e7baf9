//! `concierge:objects/listing`, answered by the domain crate in this process.

use crate::joins::Services;
use crate::joins::bindings::objects::listing::{
    Entry, Error, Item, Page, Query, VersionEntry, VersionItem, VersionPage, VersionQuery,
};
use concierge_objects as domain;

pub(in crate::joins) async fn objects(
    services: &Services,
    token: String,
    query: Query,
) -> Result<Page, Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store.list_objects(&principal, query.into()).await?.into())
}

pub(in crate::joins) async fn versions(
    services: &Services,
    token: String,
    query: VersionQuery,
) -> Result<VersionPage, Error> {
    let (store, principal) = services.by_principal(&token)?;
    Ok(store.list_versions(&principal, query.into()).await?.into())
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
