//! The components of `tests/guest`, built once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const TARGET: &str = "wasm32-wasip2";

/// Behaves and misbehaves.
pub fn plain() -> &'static [u8] {
    &built()[0]
}

/// Calls what the host joins to its domain crates.
pub fn objects() -> &'static [u8] {
    &built()[1]
}

/// Where they are built: not the directory of the cargo that runs the tests, which holds its lock.
pub fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("guest")
}

fn built() -> &'static [Vec<u8>; 2] {
    static BUILT: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    BUILT.get_or_init(|| {
        build();
        ["edge_test_guest", "edge_test_objects"].map(|name| {
            let file = target_dir().join(TARGET).join("release").join(name);
            std::fs::read(file.with_extension("wasm")).unwrap()
        })
    })
}

fn build() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guest"))
        .args([
            "build",
            "--workspace",
            "--release",
            "--locked",
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(target_dir());
    // The flags of the build of the tests are not for wasm.
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
    ] {
        cargo.env_remove(name);
    }
    let output = cargo.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
