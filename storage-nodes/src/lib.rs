//! The data node: volume files, checksums, scrub and compaction, as a library and a server.
