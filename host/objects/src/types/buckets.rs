//! Buckets and their settings.

use serde::{Deserialize, Serialize};

use super::TimeUs;

/// State of a bucket's versioning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Versioning {
    /// Never enabled.
    #[default]
    Unversioned,
    /// Each write makes a version.
    Enabled,
    /// Writes replace the null version; older versions stay.
    Suspended,
}

/// What is known of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketInfo {
    /// Its name.
    pub name: String,
    /// Account id of the owner.
    pub owner_id: String,
    /// Name of the owner.
    pub owner_name: String,
    /// When it was created.
    pub created_us: TimeUs,
    /// State of versioning.
    pub versioning: Versioning,
    /// The region it was created in.
    pub region: String,
}

/// A rule of a CORS configuration (S3 API Reference, "CORSRule").
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorsRule {
    /// At most 255 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `*` stands for any run of characters, at most once.
    pub allowed_origins: Vec<String>,
    /// GET, PUT, POST, DELETE, HEAD.
    pub allowed_methods: Vec<String>,
    /// Lower or mixed case; `*` at most once each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_headers: Vec<String>,
    /// Headers a script may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<String>,
    /// How long a browser may keep the answer, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_s: Option<u32>,
}

/// A page of buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketPage {
    /// In the order of their names.
    pub buckets: Vec<BucketInfo>,
    /// Pass it as `after` for the next page.
    pub next: Option<String>,
}
