//! Composes a component with the bridge as `spin up` does for `[component.X.dependencies]`.
//!
//! Spin (4.1, `crates/compose`) registers each dependency in a composition graph under its package's name,
//! instantiates it once an entry, and satisfies every import of that package by the export of the same
//! name. An entry that names one interface is registered under the package's name too, so that a
//! second entry of the same package is refused: hence one entry a package in `spin.toml`.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use wac_graph::types::{Package, SubtypeChecker};
use wac_graph::{CompositionGraph, EncodeOptions};

use crate::program;

/// The packages that `spin.toml` has an entry for.
const PACKAGES: [&str; 4] = [
    "concierge:booking",
    "concierge:identity",
    "concierge:mail",
    "concierge:objects",
];
/// What is left to the runtime: WASI, and Spin's variables.
const LEFT: [&str; 2] = ["wasi:", "spin:variables/"];

/// A component that the build of the program left in the target directory.
pub fn built(name: &str) -> anyhow::Result<PathBuf> {
    let program = program::path()?;
    // target/PROFILE/concierge; the components of all profiles lie beside PROFILE.
    let target = program
        .ancestors()
        .nth(2)
        .context("the program is not in a target directory")?;
    let file = target
        .join("components/wasm32-wasip2/release")
        .join(name.replace('-', "_"))
        .with_extension("wasm");
    ensure!(file.is_file(), "{} is not there", file.display());
    Ok(file)
}

/// Composes two components of the build; gives the bytes of the composed one.
pub fn with_bridge(name: &str) -> anyhow::Result<Vec<u8>> {
    compose(&built(name)?, &built("bridge")?)
}

/// Composes `component` with `bridge`, and sees that nothing but [`LEFT`] is left to import.
pub fn compose(component: &Path, bridge: &Path) -> anyhow::Result<Vec<u8>> {
    let read = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
    let mut graph = CompositionGraph::new();
    let socket = Package::from_bytes("component", None, read(component)?, graph.types_mut())?;
    let world = socket.ty();
    let socket = graph.register_package(socket)?;
    let socket = graph.instantiate(socket);
    let imports = graph.types()[world].imports.clone();
    let imported = |package: &&str| {
        let prefix = format!("{package}/");
        imports.keys().any(|name| name.starts_with(&prefix))
    };
    for package in PACKAGES.iter().copied().filter(imported) {
        let plug = Package::from_bytes(package, None, read(bridge)?, graph.types_mut())?;
        let exports = graph.types()[plug.ty()].exports.clone();
        let plug = graph.register_package(plug)?;
        let plug = graph.instantiate(plug);
        for (name, import) in &imports {
            if !name.starts_with(&format!("{package}/")) {
                continue;
            }
            let export = exports
                .get(name)
                .with_context(|| format!("the bridge does not export {name}"))?;
            SubtypeChecker::new(&mut Default::default())
                .is_subtype(*export, graph.types(), *import, graph.types())
                .with_context(|| format!("the bridge's {name} does not fit"))?;
            let export = graph.alias_instance_export(plug, name)?;
            graph.set_instantiation_argument(socket, name, export)?;
        }
    }
    for name in graph.types()[world].exports.clone().keys() {
        let export = graph.alias_instance_export(socket, name)?;
        graph.export(export, name)?;
    }
    let composed = graph.encode(EncodeOptions::default())?;
    let left = imports_of(&composed)?;
    if let Some(strange) = left
        .iter()
        .find(|import| !LEFT.iter().any(|prefix| import.starts_with(prefix)))
    {
        anyhow::bail!("{strange} is left to import, of {left:?}");
    }
    Ok(composed)
}

/// What a component imports.
pub fn imports_of(component: &[u8]) -> anyhow::Result<Vec<String>> {
    let mut graph = CompositionGraph::new();
    let package = Package::from_bytes("composed", None, component.to_vec(), graph.types_mut())?;
    let imports = &graph.types()[package.ty()].imports;
    Ok(imports.keys().cloned().collect())
}
