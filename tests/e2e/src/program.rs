//! Where the program under test is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

use anyhow::{Context, bail};

static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();

/// The path of the program: `$CONCIERGE_BIN`, else `concierge` in the profile's
/// folder of the target directory that the running test lies in. A binary that
/// is missing, or older than a source that cargo's dependency file names, is
/// built first. Looked up once a process.
pub fn path() -> anyhow::Result<PathBuf> {
    let found = FOUND.get_or_init(|| locate().map_err(|error| format!("{error:#}")));
    found.clone().map_err(anyhow::Error::msg)
}

fn locate() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("CONCIERGE_BIN") {
        let named = PathBuf::from(named);
        if !named.is_file() {
            bail!("CONCIERGE_BIN={} is not a file", named.display());
        }
        return Ok(named);
    }
    // target/PROFILE/deps/test-HASH
    let test = std::env::current_exe()?;
    let profile = test
        .parent()
        .and_then(Path::parent)
        .context("the test is not in a target directory")?;
    let program = profile.join("concierge");
    if !is_current(&program) {
        build(profile)?;
    }
    Ok(program)
}

/// Whether the binary is there and no source of it is newer. The dependency
/// file that cargo writes beside a binary lists those of all path crates.
fn is_current(program: &Path) -> bool {
    let Some(built) = modified(program) else {
        return false;
    };
    let Ok(sources) = std::fs::read_to_string(program.with_extension("d")) else {
        return false;
    };
    let Some((_, sources)) = sources.split_once(": ") else {
        return false;
    };
    sources
        .split_whitespace()
        .all(|source| modified(Path::new(source)).is_some_and(|time| time <= built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
}

fn build(profile: &Path) -> anyhow::Result<()> {
    let target = profile
        .parent()
        .context("the profile's folder has no parent")?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "-p", "concierge"]);
    cargo.env("CARGO_TARGET_DIR", target);
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") => {}
        Some(name) => {
            cargo.args(["--profile", name]);
        }
        None => bail!("the profile's folder has no name"),
    }
    let status = cargo.status().context("cargo does not start")?;
    if !status.success() {
        bail!("cargo build -p concierge failed");
    }
    Ok(())
}
