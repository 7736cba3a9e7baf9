//! HTTP as S3 uses it: the request taken apart, the target in path or host, dates, and the answer.

pub mod date;
pub mod escape;
pub mod headers;
pub mod query;
pub mod reply;
pub mod request;
pub mod target;
