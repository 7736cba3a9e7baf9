//! Processor time, from /proc (proc_pid_stat(5), proc_pid_schedstat).

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::stat;

/// Processor time of the calling thread.
pub fn this_thread() -> Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let ns = text
        .split_ascii_whitespace()
        .next()
        .and_then(|field| field.parse().ok())
        .context("/proc/thread-self/schedstat has another form")?;
    Ok(Duration::from_nanos(ns))
}

/// Processor time of a process and all its threads, ended ones too, in steps of
/// a clock tick (10 ms).
pub fn of_process(pid: u32) -> Result<Duration> {
    Ok(stat::of(&pid.to_string())?.own)
}

/// The same of a process and all its children, those too that ended.
pub fn of_family(pid: u32) -> Result<Duration> {
    let parent = stat::of(&pid.to_string())?;
    let children = stat::all()?.into_iter().filter(|child| child.parent == pid);
    Ok(parent.own + parent.ended_children + children.map(|child| child.own).sum::<Duration>())
}

/// The same of this process's children that ended and were waited for.
pub fn of_ended_children() -> Result<Duration> {
    Ok(stat::of("self")?.ended_children)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_processor_time() {
        let (thread, process) = (
            this_thread().unwrap(),
            of_process(std::process::id()).unwrap(),
        );
        let mut sum = 0_u64;
        while this_thread().unwrap() < thread + Duration::from_millis(50) {
            sum = std::hint::black_box(sum).wrapping_mul(31).wrapping_add(1);
        }
        assert!(of_process(std::process::id()).unwrap() > process);
    }
}
