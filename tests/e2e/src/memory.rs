//! Memory of a process, from /proc (proc_pid_status(5)).

use anyhow::Context;

/// Watches how much a process grows at most from some moment on.
#[derive(Debug)]
pub struct Growth {
    process: u32,
    before_bytes: u64,
}

impl Growth {
    /// Begins to watch now. The kernel counts the peak anew from here on
    /// (proc_pid_clear_refs(5), the value 5).
    pub fn of(process: u32) -> anyhow::Result<Self> {
        std::fs::write(format!("/proc/{process}/clear_refs"), "5")
            .context("resetting the peak of the memory")?;
        Ok(Self {
            process,
            before_bytes: field(process, "VmRSS:")?,
        })
    }

    /// The most that was resident since then, over what was before, in bytes.
    pub fn peak_bytes(&self) -> anyhow::Result<u64> {
        Ok(field(self.process, "VmHWM:")?.saturating_sub(self.before_bytes))
    }
}

fn field(process: u32, name: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let kib: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .with_context(|| format!("/proc/{process}/status has no {name}"))?
        .parse()?;
    Ok(kib * 1024)
}
