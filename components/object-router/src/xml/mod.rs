//! XML in and out.
//!
//! Why not `s3s` (its `dto` and `xml` modules): its current release (0.17) asks for Rust 1.96, beyond the toolchain of
//! this workspace; the last that builds here (0.14.1) brings 300 crates (hyper, tokio, tower and nom among them) for
//! two modules, took 2 min 51 s to compile, and reading one `Delete` and writing one `ListObjectsV2Output` alone made a
//! component of 262 KB. Its documents hold their bodies and dates in its own types, which would be converted a second time
//! for every entry of a listing. So quick-xml reads, into a small tree with fixed limits, and a writer of a page writes.

mod documents;
mod reader;
mod writer;

pub use documents::{
    DeleteDocument, Grant, MAX_DELETES, MAX_PARTS, VersioningError, parse_access_control,
    parse_complete_multipart, parse_cors, parse_create_bucket, parse_delete, parse_tagging,
    parse_versioning,
};
pub use reader::{Element, Malformed, parse_document};
pub use writer::{NAMESPACE, Writer};
