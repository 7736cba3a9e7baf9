//! Where the program under test is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, bail};

static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();

/// The path of the program: `$CONCIERGE_BIN`, else `concierge` in the profile's
/// folder of the target directory that the running test lies in, which cargo
/// brings up to date first. Looked up once a process.
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
    // target/PROFILE/deps/test-HASH, or target/PROFILE/compose
    let this = std::env::current_exe()?;
    let profile = this
        .parent()
        .map(|folder| match folder.ends_with("deps") {
            true => folder.parent().unwrap_or(folder),
            false => folder,
        })
        .context("this program is not in a target directory")?;
    build(profile)?;
    Ok(profile.join("concierge"))
}

/// Asks for the program as `cargo test --workspace` does: for the tests of its
/// commands, with the features of the whole workspace. Asked for by its package
/// alone, it would be built from dependencies with other features, all of them
/// once more; asked for like this, nothing is left to do after that command.
fn build(profile: &Path) -> anyhow::Result<()> {
    let target = profile
        .parent()
        .context("the profile's folder has no parent")?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["test", "--quiet", "--workspace", "--no-run"])
        .args(["--test", "commands", "--target-dir"])
        .arg(target);
    // What cargo tells a running test of its own package makes some build scripts run again.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name.as_ref());
        }
    }
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") => {}
        Some(name) => {
            cargo.args(["--profile", name]);
        }
        None => bail!("the profile's folder has no name"),
    }
    let status = cargo.status().context("cargo does not start")?;
    if !status.success() {
        bail!("the program does not build");
    }
    Ok(())
}
