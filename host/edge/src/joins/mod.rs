//! Joins the interfaces that components import to the domain crates.
//!
//! Each interface of `wit/` has a module that turns its calls into calls of a domain crate: the
//! token into a principal, records into the domain's types, streams into bodies. No rule of a domain
//! is here. A call never traps: whatever a guest passes, it gets an answer of the contract.

mod bindings;
mod body;
mod call;
mod identity;
mod objects;
mod variables;

pub(crate) use body::{HostRead, WholeBody};

use crate::instance::InstanceState;
use concierge_identity::Identity;
use concierge_objects::ObjectStore;
use std::sync::Arc;
use wasmtime::component::{HasData, Linker};

/// The domain crates behind the imports. A domain that is not there is not provided: a component
/// that imports it does not start.
#[derive(Clone, Default)]
pub struct Services {
    /// Verifies signatures and opens tokens: behind `concierge:identity`, and behind every call
    /// that takes a token.
    pub identity: Option<Arc<Identity>>,
    /// Behind `concierge:objects`.
    pub objects: Option<Arc<ObjectStore>>,
}

/// The interfaces that `imports` in `spin.toml` can grant, as `package/interface`.
pub(crate) const INTERFACES: [&str; 5] = [
    SIGV4,
    "concierge:objects/blobs",
    "concierge:objects/buckets",
    "concierge:objects/listing",
    "concierge:objects/multipart",
];

const SIGV4: &str = "concierge:identity/sigv4";

/// What every component has without being granted it, beside `wasi:`.
const FREE: &str = "spin:variables/variables";

/// The implementor of the generated traits.
pub(crate) struct Joins;

impl HasData for Joins {
    type Data<'a> = &'a mut InstanceState;
}

impl Services {
    /// Whether this host has an interface (`package/interface`).
    pub(crate) fn provides(&self, interface: &str) -> bool {
        let objects = self.identity.is_some() && self.objects.is_some();
        match interface {
            SIGV4 => self.identity.is_some(),
            _ => objects && INTERFACES.contains(&interface),
        }
    }
}

/// Whether an interface (`package/interface`) needs no grant.
pub(crate) fn is_free(interface: &str) -> bool {
    interface.starts_with("wasi:") || interface == FREE
}

/// Adds the granted interfaces, and those that need no grant.
pub(crate) fn add_to_linker(
    linker: &mut Linker<InstanceState>,
    granted: &[String],
) -> wasmtime::Result<()> {
    use bindings::objects::{blobs, buckets, listing, multipart};
    bindings::variables::add_to_linker::<_, Joins>(linker, |state| state)?;
    for interface in granted {
        match interface.as_str() {
            SIGV4 => bindings::sigv4::add_to_linker::<_, Joins>(linker, |state| state)?,
            "concierge:objects/blobs" => blobs::add_to_linker::<_, Joins>(linker, |state| state)?,
            "concierge:objects/buckets" => {
                buckets::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:objects/listing" => {
                listing::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            "concierge:objects/multipart" => {
                multipart::add_to_linker::<_, Joins>(linker, |state| state)?
            }
            _ => {}
        }
    }
    Ok(())
}
