//! Uploads in parts.

use super::{
    ByteRange, Checksum, ChecksumAlgorithm, ChecksumKind, Metadata, Part, ReadConditions, Tag,
    TimeUs, WriteConditions,
};

/// Asks to begin an upload.
#[derive(Debug, Clone, Default)]
pub struct CreateUploadRequest {
    /// Bucket name.
    pub bucket: String,
    /// Key of the object to be.
    pub key: String,
    /// Headers to keep.
    pub metadata: Metadata,
    /// At most 10.
    pub tags: Vec<Tag>,
    /// `None` is `STANDARD`.
    pub storage_class: Option<String>,
    /// `None`: CRC64NVME over the whole object is kept.
    pub checksum: Option<ChecksumAlgorithm>,
    /// `None`: the algorithm's default (CRC64NVME full object, the others
    /// composite).
    pub checksum_kind: Option<ChecksumKind>,
}

/// An upload in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadInfo {
    /// Its id.
    pub upload_id: String,
    /// Key of the object to be.
    pub key: String,
    /// When it was begun.
    pub initiated_us: TimeUs,
    /// Storage class by its S3 name.
    pub storage_class: String,
    /// The checksum the client chose; `None` if it chose none.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
}

/// Asks for a part whose bytes come from an object.
#[derive(Debug, Clone, Default)]
pub struct PartCopyRequest {
    /// Bucket of the source.
    pub source_bucket: String,
    /// Key of the source.
    pub source_key: String,
    /// Version of the source; `None` is the current one.
    pub source_version_id: Option<String>,
    /// Conditions on the source.
    pub source_conditions: ReadConditions,
    /// Bytes of the source; `None` is all.
    pub source_range: Option<ByteRange>,
    /// Bucket of the upload.
    pub bucket: String,
    /// Key of the upload.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// 1 to 10,000.
    pub number: u32,
}

/// A part that was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartCopyResult {
    /// Which version was copied.
    pub source_version_id: Option<String>,
    /// The part.
    pub part: Part,
}

/// A part as the completion names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedPart {
    /// 1 to 10,000.
    pub number: u32,
    /// Entity tag without quotes.
    pub etag: String,
    /// Its checksum, if the client names it.
    pub checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
}

/// Asks to join the parts of an upload.
#[derive(Debug, Clone, Default)]
pub struct CompleteRequest {
    /// Bucket name.
    pub bucket: String,
    /// Key of the upload.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// In ascending order of their numbers.
    pub parts: Vec<CompletedPart>,
    /// Expected checksum of the whole object.
    pub checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
    /// Expected kind of the checksum.
    pub checksum_kind: Option<ChecksumKind>,
    /// Expected size of the whole object (`x-amz-mp-object-size`).
    pub size: Option<u64>,
    /// Decided with the completion.
    pub conditions: WriteConditions,
}

/// A page of an upload's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPage {
    /// The upload.
    pub upload: UploadInfo,
    /// In the order of their numbers.
    pub parts: Vec<Part>,
    /// More follow.
    pub truncated: bool,
}

/// Asks for a page of uploads.
#[derive(Debug, Clone, Default)]
pub struct UploadQuery {
    /// Bucket name.
    pub bucket: String,
    /// Only keys that begin with it.
    pub prefix: String,
    /// Keys that have this after the prefix are rolled up.
    pub delimiter: Option<String>,
    /// Only uploads of keys after this one; with `after_upload`, also those of
    /// this key with a later upload id.
    pub after: String,
    /// See `after`.
    pub after_upload: Option<String>,
    /// 0 to 1,000.
    pub max: u32,
}

/// An upload or a rolled-up prefix, in one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadItem {
    /// An upload in progress.
    Upload(UploadInfo),
    /// A common prefix.
    Prefix(String),
}

/// A page of uploads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadPage {
    /// By key, and those of a key by upload id.
    pub items: Vec<UploadItem>,
    /// More follow: pass these as `after` and `after_upload`.
    pub next: Option<(String, Option<String>)>,
}

/// What a checksum of an upload is: chosen by the client or the default.
impl UploadInfo {
    /// The algorithm and kind that parts and object carry.
    #[must_use]
    pub fn effective_checksum(&self) -> (ChecksumAlgorithm, ChecksumKind) {
        self.checksum
            .unwrap_or((ChecksumAlgorithm::Crc64nvme, ChecksumKind::FullObject))
    }
}

/// The kind of checksum an algorithm has in an upload when none is asked for
/// (S3 User Guide, "Checking object integrity for data uploads").
impl ChecksumAlgorithm {
    /// Full object for CRC64NVME, composite for the others.
    #[must_use]
    pub const fn default_multipart_kind(self) -> ChecksumKind {
        match self {
            Self::Crc64nvme => ChecksumKind::FullObject,
            _ => ChecksumKind::Composite,
        }
    }
}

/// A full-object checksum is what a single body has.
impl Checksum {
    /// A checksum over the bytes themselves.
    #[must_use]
    pub fn full(algorithm: ChecksumAlgorithm, value: Vec<u8>) -> Self {
        Self {
            algorithm,
            kind: ChecksumKind::FullObject,
            value,
        }
    }
}
