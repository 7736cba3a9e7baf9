//! A load generator: connections of HTTP/1.1 on one thread, in a closed loop or at a constant pace.
//!
//! Client and server share the machine's cores, so every cycle spent here is
//! taken from the server. Hence raw sockets behind epoll, requests that are laid
//! out as bytes before they are sent, and a response reader that looks at the
//! status, the length and nothing else.

mod connection;
mod driver;
mod request;
mod response;
mod sample;

pub use driver::{Plan, Stop, Workload, drive};
pub use request::{Body, Keep, Reply, Request};
pub use sample::{Operation, Sample};
