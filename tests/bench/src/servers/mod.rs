//! The servers that are measured, each in a process of its own, and what the
//! kernel says of them.

pub mod bare_files;
pub mod bare_hello;
pub mod concierge;
pub mod cpu;
pub mod disk;
pub mod memory;
pub mod per_core;
pub mod postfix;
pub mod process;
pub mod smtp_sink;
pub mod spin;
pub mod stat;
