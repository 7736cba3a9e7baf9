//! A compiled component, linked to what it was granted.

use crate::engine::Runtime;
use crate::instance::InstanceState;
use crate::joins::{self, Services};
use crate::manifest::ComponentConfig;
use std::sync::Arc;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker};
use wasmtime_wasi_http::p3::bindings::ServicePre;

/// Why a component could not be taken into service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are not a component that this engine runs.
    #[error(
        "component \"{component}\" is not a WebAssembly component that can be compiled: {reason}"
    )]
    Compile {
        /// The component's name.
        component: String,
        /// What the compiler said.
        reason: String,
    },
    /// It imports an interface of ours that spin.toml does not grant.
    #[error(
        "component \"{component}\" imports {import}, which it is not granted; to grant it, add \"{grant}\" to imports in [component.{component}.tool.concierge]"
    )]
    NotGranted {
        /// The component's name.
        component: String,
        /// The import's full name.
        import: String,
        /// What to add to spin.toml.
        grant: String,
    },
    /// It imports something that this host does not have.
    #[error("component \"{component}\" imports {import}, which this host does not provide")]
    Unknown {
        /// The component's name.
        component: String,
        /// The import's full name.
        import: String,
    },
    /// Its imports or its export have other types than this host's, or it does not export
    /// `wasi:http/handler`.
    #[error("component \"{component}\" does not fit this host: {reason}")]
    Mismatch {
        /// The component's name.
        component: String,
        /// What differs.
        reason: String,
    },
}

/// What wasmtime says over several lines, as one: a line of the log is one event.
pub(crate) fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

/// One version of a component, ready to be instantiated.
pub(crate) struct LoadedComponent {
    pub(crate) name: Arc<str>,
    pub(crate) config: ComponentConfig,
    pub(crate) pre: ServicePre<InstanceState>,
    pub(crate) services: Services,
    pub(crate) runtime: Runtime,
}

impl LoadedComponent {
    /// Compiles (or takes from the cache) and links.
    pub(crate) fn load(
        runtime: &Runtime,
        config: &ComponentConfig,
        services: &Services,
        bytes: &[u8],
    ) -> Result<Self, LoadError> {
        let name = &config.name;
        let component = Component::new(&runtime.engine, bytes).map_err(|e| LoadError::Compile {
            component: name.clone(),
            reason: one_line(&format!("{e:#}")),
        })?;
        check_imports(config, &component, runtime, services)?;
        let mismatch = |e: wasmtime::Error| LoadError::Mismatch {
            component: name.clone(),
            reason: one_line(&format!("{e:#}")),
        };
        let linker = link(runtime, config).map_err(mismatch)?;
        let pre = linker.instantiate_pre(&component).map_err(mismatch)?;
        let pre = ServicePre::new(pre).map_err(mismatch)?;
        Ok(Self {
            name: Arc::from(name.as_str()),
            config: config.clone(),
            pre,
            services: services.clone(),
            runtime: runtime.clone(),
        })
    }
}

/// Everything that a component may be linked to: WASI with an empty context (no files, no sockets,
/// its own environment only), outbound HTTP behind its allow-list, and the interfaces granted.
fn link(
    runtime: &Runtime,
    config: &ComponentConfig,
) -> Result<Linker<InstanceState>, wasmtime::Error> {
    let mut linker = Linker::new(&runtime.engine);
    // The standard library of wasm32-wasip2 speaks WASI 0.2 for clocks, random numbers and
    // standard error.
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    joins::add_to_linker(&mut linker, &config.imports)?;
    Ok(linker)
}

/// Refuses imports in words a person can act on, before linking does it in wasmtime's.
fn check_imports(
    config: &ComponentConfig,
    component: &Component,
    runtime: &Runtime,
    services: &Services,
) -> Result<(), LoadError> {
    for (import, item) in component.component_type().imports(&runtime.engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else {
            continue;
        };
        // An interface that only gives names to types needs no one behind it.
        let calls = instance
            .exports(&runtime.engine)
            .any(|(_, export)| matches!(export.ty, ComponentItem::ComponentFunc(_)));
        let interface = import.split('@').next().unwrap_or(import);
        if !calls || joins::is_free(interface) {
            continue;
        }
        let (component, import) = (config.name.clone(), import.to_owned());
        if !services.provides(interface) {
            return Err(LoadError::Unknown { component, import });
        }
        if !config.imports.iter().any(|granted| granted == interface) {
            return Err(LoadError::NotGranted {
                component,
                import,
                grant: interface.to_owned(),
            });
        }
    }
    Ok(())
}
