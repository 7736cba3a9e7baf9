//! Listings: range scans that jump over what they roll up.
//!
//! A page reads at most as many rows as it has items, and one more: at a key
//! that is rolled up the scan starts again behind the common prefix, however
//! many keys share it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::range::{KeyRange, successor};
use super::rows::{read_checksum_kind, read_etag, read_key, read_version_id, version_bytes};
use crate::catalogue::{BucketId, VersionId, class_name};
use crate::types::{
    ListEntry, ListItem, ListPage, ListQuery, VersionEntry, VersionItem, VersionPage, VersionQuery,
};

type Read<T> = rusqlite::Result<T>;

/// A page of current objects.
pub(super) fn objects(
    connection: &Connection,
    bucket: BucketId,
    query: &ListQuery,
) -> Read<ListPage> {
    let range = KeyRange::new(&query.prefix, query.delimiter.as_deref());
    let max = query.max as usize;
    let mut page = ListPage::default();
    if max == 0 {
        return Ok(page);
    }
    let mut statement = connection.prepare_cached(
        "SELECT key, size, md5, parts, modified_us, class, sum_algorithm, sum_kind
         FROM current WHERE bucket = ?1 AND key >= ?2 AND key < ?3 ORDER BY key",
    )?;
    let (mut start, end) = (range.start(&query.after), range.end());
    loop {
        let mut rows = statement.query(params![bucket.0.as_bytes(), start, end])?;
        let mut rolled_up = false;
        while let Some(row) = rows.next()? {
            if page.items.len() == max {
                page.next = page.items.last().map(|item| item_name(item).to_owned());
                return Ok(page);
            }
            let key = read_key(row, 0)?;
            if let Some(common) = range.common_prefix(&key) {
                start = successor(common.as_bytes());
                page.items.push(ListItem::Prefix(common.to_owned()));
                rolled_up = true;
                break;
            }
            page.items.push(ListItem::Object(read_entry(row, key)?));
        }
        if !rolled_up {
            return Ok(page);
        }
    }
}

fn item_name(item: &ListItem) -> &str {
    match item {
        ListItem::Object(entry) => &entry.key,
        ListItem::Prefix(prefix) => prefix,
    }
}

/// Columns 1 to 7: size, md5, parts, modified_us, class, checksum's two.
fn read_entry(row: &Row<'_>, key: String) -> Read<ListEntry> {
    let etag = read_etag(row, 2, 3)?.map(|etag| etag.to_string());
    let class: Option<String> = row.get(5)?;
    Ok(ListEntry {
        key,
        size: row.get(1)?,
        etag: etag.unwrap_or_default(),
        modified_us: row.get(4)?,
        storage_class: class_name(class.as_deref()),
        checksum: read_checksum_kind(row, 6)?,
    })
}

/// Both tables in one order. SQLite merges the two scans as they go; nothing
/// is sorted (asserted by a test).
const VERSIONS: &str = "
    SELECT key, size, md5, parts, modified_us, class, sum_algorithm, sum_kind, version, sequence
    FROM current WHERE bucket = ?1 AND key >= ?2 AND key < ?3
    UNION ALL
    SELECT key, size, md5, parts, modified_us, class, sum_algorithm, sum_kind, version, sequence
    FROM former WHERE bucket = ?1 AND key >= ?2 AND key < ?3
    ORDER BY 1, 10 DESC";

/// The versions of one key that are older than one of them. The current
/// version is the newest, so it is not among them.
const OLDER_VERSIONS: &str = "
    SELECT key, size, md5, parts, modified_us, class, sum_algorithm, sum_kind, version, sequence
    FROM former WHERE bucket = ?1 AND key = ?2 AND sequence < ?3 ORDER BY sequence DESC";

struct VersionScan<'q> {
    range: KeyRange<'q>,
    max: usize,
    page: VersionPage,
    /// The key whose newest version was seen.
    seen: Option<String>,
}

/// What to do after a row.
enum Step {
    On,
    Full,
    Skip(Vec<u8>),
}

/// A page of versions.
pub(super) fn versions(
    connection: &Connection,
    bucket: BucketId,
    query: &VersionQuery,
    after_version: Option<VersionId>,
) -> Read<VersionPage> {
    let range = KeyRange::new(&query.prefix, query.delimiter.as_deref());
    let mut start = range.start(&query.after);
    let mut scan = VersionScan {
        range,
        max: query.max as usize,
        page: VersionPage::default(),
        seen: None,
    };
    if scan.max == 0 {
        return Ok(scan.page);
    }
    let rolled_up = scan.range.common_prefix(&query.after).is_some();
    if let Some(id) = after_version.filter(|_| !rolled_up) {
        match sequence_of(connection, bucket, &query.after, id)? {
            Some(sequence) => {
                scan.seen = Some(query.after.clone());
                if scan.rest_of_key(connection, bucket, &query.after, sequence)? {
                    return Ok(scan.page);
                }
            }
            // The version is gone, as when a client deletes each page before it
            // asks for the next: what is left of the key comes whole, since a
            // version given twice is better than one never given.
            None => start = query.after.as_bytes().to_vec(),
        }
    }
    scan.keys(connection, bucket, start)?;
    Ok(scan.page)
}

fn sequence_of(
    connection: &Connection,
    bucket: BucketId,
    key: &str,
    id: VersionId,
) -> Read<Option<u64>> {
    connection
        .prepare_cached(
            "SELECT sequence FROM current WHERE bucket = ?1 AND key = ?2 AND version = ?3
             UNION ALL
             SELECT sequence FROM former WHERE bucket = ?1 AND key = ?2 AND version = ?3",
        )?
        .query_row(
            params![bucket.0.as_bytes(), key.as_bytes(), version_bytes(&id)],
            |row| row.get(0),
        )
        .optional()
}

impl VersionScan<'_> {
    /// The older versions of a key; true when the page is full.
    fn rest_of_key(
        &mut self,
        connection: &Connection,
        bucket: BucketId,
        key: &str,
        sequence: u64,
    ) -> Read<bool> {
        let mut statement = connection.prepare_cached(OLDER_VERSIONS)?;
        let mut rows = statement.query(params![bucket.0.as_bytes(), key.as_bytes(), sequence])?;
        while let Some(row) = rows.next()? {
            if matches!(self.take(row)?, Step::Full) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn keys(&mut self, connection: &Connection, bucket: BucketId, mut start: Vec<u8>) -> Read<()> {
        let mut statement = connection.prepare_cached(VERSIONS)?;
        let end = self.range.end();
        loop {
            let mut rows = statement.query(params![bucket.0.as_bytes(), start, end])?;
            let mut skip = None;
            while let Some(row) = rows.next()? {
                match self.take(row)? {
                    Step::On => {}
                    Step::Full => return Ok(()),
                    Step::Skip(to) => {
                        skip = Some(to);
                        break;
                    }
                }
            }
            match skip {
                Some(to) => start = to,
                None => return Ok(()),
            }
        }
    }

    fn take(&mut self, row: &Row<'_>) -> Read<Step> {
        if self.page.items.len() == self.max {
            self.page.next = self.page.items.last().map(version_marker);
            return Ok(Step::Full);
        }
        let key = read_key(row, 0)?;
        if let Some(common) = self.range.common_prefix(&key) {
            let behind = successor(common.as_bytes());
            self.page.items.push(VersionItem::Prefix(common.to_owned()));
            return Ok(Step::Skip(behind));
        }
        let latest = self.seen.as_ref() != Some(&key);
        if latest {
            self.seen = Some(key.clone());
        }
        let object = read_entry(row, key)?;
        self.page.items.push(VersionItem::Version(VersionEntry {
            version_id: read_version_id(row, 8)?.to_string(),
            latest,
            delete_marker: object.etag.is_empty(),
            object,
        }));
        Ok(Step::On)
    }
}

fn version_marker(item: &VersionItem) -> (String, Option<String>) {
    match item {
        VersionItem::Version(version) => {
            (version.object.key.clone(), Some(version.version_id.clone()))
        }
        VersionItem::Prefix(prefix) => (prefix.clone(), None),
    }
}

/// Whether a bucket has a version of any kind.
pub(super) fn has_versions(connection: &Connection, bucket: BucketId) -> Read<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM current WHERE bucket = ?1)
                 OR EXISTS (SELECT 1 FROM former WHERE bucket = ?1)",
        )?
        .query_row([bucket.0.as_bytes()], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use concierge_sqlite::migrate;

    use super::super::schema::Kind;
    use super::*;

    #[test]
    fn neither_listing_sorts() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &Kind::Shard.migrations()).unwrap();
        for sql in [VERSIONS, OLDER_VERSIONS] {
            let plan: Vec<String> = connection
                .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                .unwrap()
                .query_map(params![&[0_u8; 16], b"a", b"b"], |row| row.get(3))
                .unwrap()
                .collect::<Read<_>>()
                .unwrap();
            assert!(
                !plan.iter().any(|step| step.contains("TEMP B-TREE")),
                "{plan:#?}"
            );
        }
    }
}
