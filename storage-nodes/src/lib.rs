//! The data node: volume files, checksums, scrub and compaction, as a library and a server.
//!
//! A [`Node`] keeps immutable *records* in a directory: bytes under a [`RecordKey`], written once, read by range,
//! deleted. Small ones share volume files and syncs; large ones stream into regions reserved for them. What was
//! acknowledged is durable. The format of the files is told in [`format`].
//!
//! Map
//! - [`format`]: the bytes of a volume; [`scan`] walks them; `recover` opens a directory after a crash.
//! - [`files`]: the small trait under everything, on real files; [`faults`] is the engine that loses and tears.
//! - `packed` and `extents`: the two threads that write; `writer` and `read`: the async sides of them.
//! - `index`: where each record is; `volume` and `space`: what lives in each file and what room is left.
//! - `upkeep` seals and compacts volumes and makes the `checkpoint`s of the index; `scrub` verifies all the time.
//! - [`NodeClient`]: the same methods on a node in this process and on one across the network.
//!
//! Invariant: nothing is visible before it is durable, and no byte is given before its block was verified.
//! Invariant: no lock is held across an await, and no file is waited for on an async thread.

#![warn(clippy::indexing_slicing)]

mod checkpoint;
mod checksum;
mod client;
mod counters;
mod ending;
mod error;
mod extents;
pub mod faults;
mod fields;
pub mod files;
pub mod format;
mod index;
mod key;
mod node;
mod options;
mod packed;
mod read;
mod recover;
mod remote;
pub mod server {
    //! Serving a node to other processes.
    pub use crate::remote::{ServeError, serve};
}
pub mod scan;
mod scrub;
mod shared;
mod space;
mod status;
mod upkeep;
mod volume;
mod writer;

pub use client::{NodeClient, RecordStream, RecordWriter};
pub use counters::CounterValues;
pub use error::{NodeError, OpenError};
pub use key::{Lease, ObjectId, ParseKeyError, RecordInfo, RecordKey};
pub use node::{LIST_LIMIT, Node};
pub use options::{NodeOptions, PACKED_LIMIT_BYTES};
pub use recover::{DamagedStretch, RecoveryReport};
pub use remote::{RemoteNode, RemoteNodeError};
pub use scan::scan_bytes;
pub use scrub::VolumeFault;
pub use status::{NodeStatus, ScrubStatus, Verified};
