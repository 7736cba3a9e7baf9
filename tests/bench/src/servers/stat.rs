//! Processes as the kernel counts them, from /proc/PID/stat (proc_pid_stat(5)).

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// What is looked at of a process.
pub struct Stat {
    /// It ended, and nobody has asked how.
    pub is_ended: bool,
    /// Who started it.
    pub parent: u32,
    pub group: u32,
    /// Processor time of all its threads, ended ones too, in steps of a clock tick (10 ms).
    pub own: Duration,
    /// Processor time of its children that ended and were waited for, and of theirs.
    pub ended_children: Duration,
}

/// Of a process, by its number or as `self`.
pub fn of(process: &str) -> Result<Stat> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The command's name, in parentheses, may hold spaces: what counts follows it.
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    let number = |at: usize| -> Option<u64> { fields.get(at)?.parse().ok() };
    let id = |at: usize| u32::try_from(number(at)?).ok();
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    let time = |at: usize| {
        let ticks = number(at)? + number(at + 1)?;
        Some(Duration::from_secs_f64(ticks as f64 / per_second))
    };
    let stat = || {
        Some(Stat {
            is_ended: matches!(*fields.first()?, "Z" | "X"),
            parent: id(1)?,
            group: id(2)?,
            own: time(11)?,
            ended_children: time(13)?,
        })
    };
    stat().with_context(|| format!("/proc/{process}/stat has another form"))
}

/// Of all processes there are.
pub fn all() -> Result<Vec<Stat>> {
    let names =
        fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let processes = names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    // One that ended meanwhile has no file any more.
    Ok(processes.filter_map(|name| of(&name).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_among_all() {
        let own = of("self").unwrap();
        let parent = own.parent;
        assert!(!own.is_ended);
        let siblings = all()
            .unwrap()
            .into_iter()
            .filter(|stat| stat.parent == parent);
        assert!(siblings.into_iter().any(|stat| stat.group == own.group));
    }
}
