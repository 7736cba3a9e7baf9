//! The object store: catalogue, placement, uploads and everything S3 is made of.
