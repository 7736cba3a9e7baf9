//! Options of all benchmarks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::rounds::Rounds;

/// How much to measure, on what, and where.
#[derive(clap::Args)]
pub struct Options {
    /// The binary to measure; without it, `cargo build --release -p concierge` makes one.
    #[arg(long, global = true, value_name = "PATH")]
    pub bin: Option<PathBuf>,
    /// Directory that takes the temporary data, on the disk to be measured.
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Seconds that each server is loaded in each round.
    #[arg(long, global = true, default_value_t = 3.0, value_parser = positive)]
    seconds: f64,
    /// Rounds of each case.
    #[arg(long, global = true, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Seconds that each server is loaded before the first round.
    #[arg(long, global = true, default_value_t = 1.0, value_parser = positive)]
    warm_up: f64,
    /// Seed of everything random.
    #[arg(long, global = true, default_value_t = 1)]
    pub seed: u64,
    /// A short run that shows whether everything works; its figures mean little.
    #[arg(long, global = true)]
    pub quick: bool,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// Each server's time in each round of a quick run.
const QUICK_SLICE: Duration = Duration::from_millis(300);
/// And before the first.
const QUICK_WARM_UP: Duration = Duration::from_millis(100);

impl Options {
    /// The rounds of a case with so many connections.
    pub fn rounds(&self, connections: usize) -> Rounds {
        if self.quick {
            return Rounds {
                rounds: 1,
                slice: QUICK_SLICE,
                warm_up: QUICK_WARM_UP,
                connections,
            };
        }
        Rounds {
            rounds: usize::from(self.rounds),
            slice: Duration::from_secs_f64(self.seconds),
            warm_up: Duration::from_secs_f64(self.warm_up),
            connections,
        }
    }

    /// `full`, or `quick` in a quick run.
    pub fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// A directory of its own, removed at the end.
    pub fn temporary(&self) -> Result<TempDir> {
        temporary_in(&self.dir)
    }
}

fn temporary_in(dir: &Path) -> Result<TempDir> {
    let dir = dir
        .canonicalize()
        .with_context(|| format!("no directory {}", dir.display()))?;
    tempfile::Builder::new()
        .prefix("concierge-bench-")
        .tempdir_in(&dir)
        .with_context(|| format!("cannot write to {}", dir.display()))
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value < 3600.0 => Ok(value),
        _ => Err("a number of seconds between 0 and 3600".into()),
    }
}

/// `4KiB`, `1MiB`, `5GiB` or a number of bytes.
pub fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
        .unwrap_or((text, 1));
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "a size such as 4KiB, 1MiB or 5GiB".into())
}

/// A size as [`size`] reads it.
pub fn size_name(bytes: u64) -> String {
    match bytes {
        0 => "0".into(),
        _ if bytes.is_multiple_of(1 << 30) => format!("{}GiB", bytes >> 30),
        _ if bytes.is_multiple_of(1 << 20) => format!("{}MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{}KiB", bytes >> 10),
        _ => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_named() {
        for bytes in [1, 4096, 1 << 20, 5 << 30, 1_000_000] {
            assert_eq!(size(&size_name(bytes)), Ok(bytes));
        }
        assert!(size("4KB").is_err());
    }
}
