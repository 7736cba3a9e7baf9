//! The object store: catalogue, placement, uploads and everything S3 is made of.
//!
//! [`ObjectStore`] has one method for each function of the WIT package
//! `concierge:objects`. Behind it:
//! - [`catalogue`]: what buckets, objects, versions and uploads there are; one
//!   trait of whole operations, and SQLite behind it.
//! - `ingest`: the way of a body: framing, digests, and onto the nodes.
//! - [`placement`]: where blobs are, a pure function of a versioned map.
//! - `data`: blobs on the storage nodes: majorities, failover, what is in use.
//! - `background`: garbage, orphans, missing and bad copies, moving.
//! - `authorize`: may this principal do this to that; nowhere else.
//!
//! Invariant: nothing is visible before its bytes are durable on a majority of
//! its nodes, and nothing is acknowledged before the catalogue has synced.
#![warn(clippy::indexing_slicing)]

mod authorize;
mod background;
pub mod catalogue;
mod data;
mod error;
mod ingest;
pub mod placement;
mod store;
pub mod types;
mod validate;

pub use background::ProgressCounts;
pub use error::Error;
pub use ingest::chunked;
pub use store::{
    BUCKETS_PER_ACCOUNT_MAX, NodeId, NodeReport, NodeSpec, ObjectStore, ObjectStoreOptions,
    ObjectStream, OpenError, Status,
};
pub use types::*;
