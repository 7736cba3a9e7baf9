//! Runs WebAssembly components behind HTTP: spin.toml, instance pools, limits, joins.
