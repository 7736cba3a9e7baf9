//! What the build script put into the program.

/// The default manifest.
pub const MANIFEST: &str = include_str!(concat!(env!("OUT_DIR"), "/spin.toml"));

/// The components that are built in, by name.
pub const COMPONENTS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/components.rs"));

/// The bytes of a component that is built in.
pub fn component(name: &str) -> Option<&'static [u8]> {
    COMPONENTS
        .iter()
        .find(|(built_in, _)| *built_in == name)
        .map(|&(_, bytes)| bytes)
}
