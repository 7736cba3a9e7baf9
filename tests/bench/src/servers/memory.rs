//! Resident memory, from /proc (proc_pid_status(5)).

use std::fs;

use anyhow::{Context as _, Result};

/// A process's memory at one moment.
#[derive(Clone, Copy)]
pub struct Memory {
    /// Bytes resident, mapped files included.
    pub resident: u64,
    /// The most that was ever resident, since the process began or since
    /// [`forget_peak`].
    pub peak: u64,
    /// Bytes resident that belong to no file.
    pub anonymous: u64,
}

/// What a process has resident.
pub fn of_process(pid: u32) -> Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Result<u64> {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.trim().strip_suffix(" kB"))
            .and_then(|number| number.trim().parse::<u64>().ok())
            .map(|kib| kib * 1024)
            .with_context(|| format!("/proc/{pid}/status has no {name}"))
    };
    Ok(Memory {
        resident: field("VmRSS:")?,
        peak: field("VmHWM:")?,
        anonymous: field("RssAnon:")?,
    })
}

/// Lets the kernel measure a process's peak anew from now on (proc_pid_clear_refs,
/// the value 5).
pub fn forget_peak(pid: u32) -> Result<()> {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").context("cannot reset the peak of the memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_outlives_its_memory_until_it_is_forgotten() {
        let pid = std::process::id();
        let before = of_process(pid).unwrap();
        drop(std::hint::black_box(vec![1_u8; 64 << 20]));
        let after = of_process(pid).unwrap();
        assert!(after.peak >= before.resident + (32 << 20));
        forget_peak(pid).unwrap();
        assert!(of_process(pid).unwrap().peak < after.peak);
    }
}
