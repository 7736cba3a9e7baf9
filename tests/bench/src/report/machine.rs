//! Where it was measured: figures mean nothing without it.

use std::fs;

use serde::Serialize;

/// What is worth knowing of a machine.
#[derive(Serialize)]
pub struct Machine {
    pub cores: usize,
    pub processor: String,
    pub kernel: String,
    /// Seconds since the Unix epoch.
    pub measured_at_s: i64,
}

impl Machine {
    /// This machine, now.
    pub fn this() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or("unknown", |(_, name)| name.trim());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: processor.to_owned(),
            kernel: kernel.trim().to_owned(),
            measured_at_s: jiff::Timestamp::now().as_second(),
        }
    }
}
