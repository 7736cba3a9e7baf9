//! Listing of objects and versions.

use super::{ChecksumAlgorithm, ChecksumKind, TimeUs};

/// Asks for a page of current objects.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Bucket name.
    pub bucket: String,
    /// Only keys that begin with it.
    pub prefix: String,
    /// Keys that have this after the prefix are rolled up.
    pub delimiter: Option<String>,
    /// Only keys after this one.
    pub after: String,
    /// 0 to 1,000.
    pub max: u32,
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// Key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Entity tag without quotes; empty for a delete marker.
    pub etag: String,
    /// When the version was made.
    pub modified_us: TimeUs,
    /// Storage class by its S3 name.
    pub storage_class: String,
    /// What checksum it has.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
}

/// A key or a rolled-up prefix, in one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListItem {
    /// An object.
    Object(ListEntry),
    /// A common prefix.
    Prefix(String),
}

/// A page of current objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// In order.
    pub items: Vec<ListItem>,
    /// More follow: pass this as `after`.
    pub next: Option<String>,
}

/// Asks for a page of versions.
#[derive(Debug, Clone, Default)]
pub struct VersionQuery {
    /// Bucket name.
    pub bucket: String,
    /// Only keys that begin with it.
    pub prefix: String,
    /// Keys that have this after the prefix are rolled up.
    pub delimiter: Option<String>,
    /// Only keys after this one; with `after_version`, also the versions of
    /// this key that are older than that one.
    pub after: String,
    /// See `after`.
    pub after_version: Option<String>,
    /// 0 to 1,000.
    pub max: u32,
}

/// A version in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionEntry {
    /// Key, size and so on; of a delete marker only key and time count.
    pub object: ListEntry,
    /// Version id, or `null`.
    pub version_id: String,
    /// It is the latest of its key.
    pub latest: bool,
    /// It is a delete marker.
    pub delete_marker: bool,
}

/// A version or a rolled-up prefix, in one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionItem {
    /// A version or delete marker.
    Version(VersionEntry),
    /// A common prefix.
    Prefix(String),
}

/// A page of versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionPage {
    /// By key, and those of a key from new to old.
    pub items: Vec<VersionItem>,
    /// More follow: pass these as `after` and `after_version`.
    pub next: Option<(String, Option<String>)>,
}
