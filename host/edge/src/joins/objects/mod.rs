//! `concierge:objects`: each function is the method of the same name of the object store.

mod blobs;
mod buckets;
mod convert;
mod error;
mod listing;
mod multipart;
