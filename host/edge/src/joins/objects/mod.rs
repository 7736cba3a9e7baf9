//! `concierge:objects`: each function is the method of the same name of the object store.

pub(super) mod blobs;
pub(super) mod buckets;
mod convert;
mod error;
pub(super) mod listing;
pub(super) mod multipart;
