//! Joins the interfaces that components import to the domain crates.

use crate::edge::EdgeOptions;
use crate::instance::InstanceState;
use wasmtime::component::Linker;

/// The domain crates behind the imports.
#[derive(Clone, Default)]
pub(crate) struct Services {}

impl Services {
    pub(crate) fn new(_options: &EdgeOptions) -> Self {
        Self {}
    }
}

/// Whether this host has an interface (`package/interface`).
pub(crate) fn provides(_interface: &str) -> bool {
    false
}

/// Adds the granted interfaces.
pub(crate) fn add_to_linker(
    _linker: &mut Linker<InstanceState>,
    _granted: &[String],
) -> wasmtime::Result<()> {
    Ok(())
}
