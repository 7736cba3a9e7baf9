//! What S3's own request headers mean: conditions, ranges, checksums, metadata, tags, sources of copies, and those
//! that ask for what is not there.

pub mod checksum;
pub mod conditions;
pub mod copy_source;
pub mod encoded_word;
pub mod metadata;
pub mod range;
pub mod refused;
pub mod tagging;
