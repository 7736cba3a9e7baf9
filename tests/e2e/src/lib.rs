//! The harness of the end-to-end tests.
//!
//! It starts the real program in a temporary data directory with port 0 on
//! every listener, waits for its `ready` line, and ends it whatever happens:
//! [`Server`] and [`NodeServer`] kill their process when they are dropped. When
//! a test fails, the end of the program's log is printed.
//!
//! The program is `$CONCIERGE_BIN`, else the one in cargo's target directory
//! beside the running test, brought up to date first (see [`program`]).
//!
//! Requests that no well-behaved client would send go through [`raw`], signed
//! by [`sigv4`] or not.

pub mod away;
pub mod booking;
pub mod chunked;
pub mod compose;
pub mod disk;
pub mod linear;
pub mod memory;
pub mod process;
pub mod program;
pub mod proxy;
pub mod raw;
pub mod seed;
pub mod server;
pub mod sigv4;

pub use raw::{Request, Response};
pub use server::{NodeServer, Server, ServerOptions};
