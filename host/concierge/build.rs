//! Builds the components and puts them, with the default manifest, where
//! `src/serve/embedded.rs` includes them.
//!
//! The components are built in release whatever the host is built in: they are
//! compiled once more by the host, and nobody debugs them through it. They have
//! a target directory of their own inside the host's, because the host's is
//! locked by the cargo that waits for this script.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a build script reports by panicking"
)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The components that are embedded: packages in `components/`.
const COMPONENTS: &[&str] = &["booking", "mail-api", "object-router", "hello-objects"];
/// Components that are built beside them for `spin up`, and for tests that compose them as Spin does.
const BUILT: &[&str] = &["bridge"];
/// The default manifest, at the root of the repository.
const MANIFEST: &str = "spin.toml";
/// What components are compiled to.
const TARGET: &str = "wasm32-wasip2";
/// Where they are built, inside the host's target directory.
const TARGET_DIRECTORY: &str = "components";

/// Variables of cargo that say where things are or how the network is used.
/// All other `CARGO_…` variables describe the build of the host (its target,
/// its flags, its profile, its job server) and would leak into theirs.
const KEPT: &[&str] = &[
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
];
/// Variables without the prefix that would leak in the same way.
const CLEARED: &[&str] = &[
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC",
    "RUSTDOC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_LINKER",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "TARGET",
    "HOST",
    "PROFILE",
    "OPT_LEVEL",
    "DEBUG",
    "NUM_JOBS",
    "OUT_DIR",
    "MAKEFLAGS",
    "MFLAGS",
];

fn main() {
    let root = Path::new(&variable("CARGO_MANIFEST_DIR")).join("../..");
    let root = root
        .canonicalize()
        .expect("the crate lies in host/ of the repository");
    for watched in [
        "components",
        "wit",
        "wit-http",
        "Cargo.toml",
        "Cargo.lock",
        "rust-toolchain.toml",
        MANIFEST,
    ] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    println!("cargo::rerun-if-changed=build.rs");

    let out = PathBuf::from(variable("OUT_DIR"));
    let target = target_directory(&out);
    require_target();
    build(&root, &target);

    let mut list = String::from("&[\n");
    for name in COMPONENTS {
        let built = target
            .join(TARGET)
            .join("release")
            .join(name.replace('-', "_"))
            .with_extension("wasm");
        let embedded = out.join(name).with_extension("wasm");
        copy(&built, &embedded);
        writeln!(list, "    ({name:?}, include_bytes!({embedded:?})),")
            .expect("a String takes all");
    }
    list.push(']');
    write_if_changed(&out.join("components.rs"), list.as_bytes());
    copy(&root.join(MANIFEST), &out.join(MANIFEST));
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}

/// `OUT_DIR` is `<target>/[<triple>/]<profile>/build/<package>/out`. Beside the
/// profiles lies the components' directory, once for all of them.
fn target_directory(out: &Path) -> PathBuf {
    let profiles = out
        .ancestors()
        .nth(4)
        .expect("OUT_DIR lies four deep in the target directory");
    profiles.join(TARGET_DIRECTORY)
}

/// Says what to do if the target is not installed: the compiler's own message
/// ("can't find crate for `core`") does not.
fn require_target() {
    let output = Command::new(variable("RUSTC"))
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .expect("the compiler runs");
    let directory = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && Path::new(directory.trim()).is_dir(),
        "the components need the Rust target {TARGET}, which is not installed; run:\n\n    rustup target add {TARGET}\n"
    );
}

fn build(root: &Path, target: &Path) {
    let mut cargo = Command::new(variable("CARGO"));
    cargo
        .current_dir(root)
        .args(["build", "--release", "--target", TARGET])
        .arg("--target-dir")
        .arg(target);
    // More than nine tenths of a small component would be line tables, which the host does
    // not read: a trap is reported by the names of functions, which stay.
    cargo.args(["--config", "profile.release.strip=\"debuginfo\""]);
    for name in COMPONENTS.iter().chain(BUILT) {
        cargo.args(["--package", name]);
    }
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let ours = name.starts_with("CARGO") && !KEPT.iter().any(|kept| name.starts_with(kept));
        if ours || CLEARED.contains(&name.as_ref()) {
            cargo.env_remove(name.as_ref());
        }
    }
    let status = cargo.status().expect("cargo runs");
    assert!(
        status.success(),
        "the components do not build: {status}; `cargo build --target {TARGET} -p NAME` shows why"
    );
}

fn copy(from: &Path, to: &Path) {
    let bytes = fs::read(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    write_if_changed(to, &bytes);
}

/// Leaves an equal file alone, so that nothing is compiled again for it.
fn write_if_changed(path: &Path, bytes: &[u8]) {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return;
    }
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
