//! SQLite files with one writing thread each, which commits in groups, and a pool of readers.
//!
//! What is written in a file is the domain's affair; how it becomes durable is here. Operations that wait for a file
//! are written in one transaction, each in a savepoint of its own, and answered after one fsync for all of them. Reads
//! run on connections of their own (WAL), beside the writer.
//!
//! Invariant: nothing is answered before it is durable, and nothing is written after a COMMIT whose outcome is not
//! known.

mod connection;
mod files;
mod schema;
mod writer;

pub use connection::{Readers, in_snapshot};
pub use files::{LockError, lock_directory};
pub use schema::{SchemaError, migrate};
pub use writer::{
    DomainError, Failure, GROUP_LIMIT, MetricNames, WriteTx, Writer, WriterOptions, WriterStatus,
};
