//! Runs WebAssembly components (WASI 0.3) behind HTTP.
//!
//! [`App`] is what `spin.toml` says. [`Edge`] compiles its components, keeps a pool of instances of
//! each on every core, enforces their limits, and joins the interfaces that they import to the
//! domain crates. It holds no rule of any domain.
//!
//! How a request goes: an accept loop of one core's single-threaded runtime takes the connection
//! ([`server`]); the route table of the listener names the component; the core's pool for that
//! component hands the request to an instance ([`instance`]); the guest's imports are answered on the
//! same thread ([`joins`]); the response's body streams back without entering wasm where the host
//! made it. Nothing of this crosses threads.
#![warn(clippy::indexing_slicing)]

mod component;
mod edge;
mod engine;
mod instance;
mod joins;
mod limits;
mod manifest;
mod metric;
mod outbound;
mod reload;
mod routes;
mod server;

pub use component::LoadError;
pub use edge::{DEFAULT_WRITE_TIMEOUT, Edge, EdgeError, EdgeOptions};
pub use engine::EngineOptions;
pub use joins::{INTERFACES, Services};
pub use limits::{ComponentLimits, EPOCH_TICK};
pub use manifest::{App, ComponentConfig, DEFAULT_LISTENER, ManifestError};
pub use outbound::{AllowedHostError, AllowedHosts};
pub use routes::{Captures, RouteError, RoutePattern, RouteTable};
pub use server::tls::{Certificate, TlsError, TlsFiles};
