//! Processor time, from /proc (proc_pid_stat(5), proc_pid_schedstat).

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

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
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The command's name, in parentheses, may hold spaces: what counts follows it.
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: Vec<u64> = fields
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    let [user, system] = ticks[..] else {
        anyhow::bail!("/proc/{pid}/stat has another form");
    };
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    Ok(Duration::from_secs_f64((user + system) as f64 / per_second))
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
