//! The object store: catalogue, placement, uploads and everything S3 is made of.
#![warn(clippy::indexing_slicing)]

mod error;
mod store;
pub mod types;

pub use error::Error;
pub use store::{NodeId, NodeSpec, ObjectStore, ObjectStoreOptions, ObjectStream, OpenError, Status};
pub use types::*;
