//! The end of a node, as its background threads hear of it.

use std::{
    ops::ControlFlow,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

#[derive(Debug, Default)]
struct Signals {
    ended: bool,
    /// There is something to do before the pause is over.
    woken: bool,
}

/// Lets threads pause without missing the end of the node.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    signals: Mutex<Signals>,
    changed: Condvar,
}

impl Ending {
    fn signals(&self) -> MutexGuard<'_, Signals> {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all pauses, now and later.
    pub fn end(&self) {
        self.signals().ended = true;
        self.changed.notify_all();
    }

    /// Ends the upkeep's pause early.
    pub fn wake(&self) {
        self.signals().woken = true;
        self.changed.notify_all();
    }

    /// Pauses for a time; `Break` when the node ends.
    pub fn pause(&self, time: Duration) -> ControlFlow<()> {
        self.wait(time, |signals| !signals.ended)
    }

    /// Pauses for a time or until there is work; `Break` when the node ends.
    pub fn pause_until_woken(&self, time: Duration) -> ControlFlow<()> {
        let flow = self.wait(time, |signals| !signals.ended && !signals.woken);
        self.signals().woken = false;
        flow
    }

    fn wait(&self, time: Duration, go_on: impl Fn(&Signals) -> bool) -> ControlFlow<()> {
        let waited = self
            .changed
            .wait_timeout_while(self.signals(), time, |signals| go_on(signals));
        let (signals, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if signals.ended {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Holds work back to so many bytes a second.
pub(crate) struct Pace<'a> {
    ending: &'a Ending,
    bytes_per_second: Option<u64>,
    began: Instant,
    spent_bytes: u64,
}

impl<'a> Pace<'a> {
    /// At most so many bytes a second, until the node ends.
    pub fn slow(ending: &'a Ending, bytes_per_second: u64) -> Self {
        Self {
            ending,
            bytes_per_second: Some(bytes_per_second.max(1)),
            began: Instant::now(),
            spent_bytes: 0,
        }
    }

    /// As fast as it goes, until the node ends.
    pub fn fast(ending: &'a Ending) -> Self {
        Self {
            bytes_per_second: None,
            ..Self::slow(ending, 1)
        }
    }

    /// Waits until the bytes that were just handled were due; `Break` when the node ends.
    pub fn spend(&mut self, bytes: u64) -> ControlFlow<()> {
        self.spent_bytes = self.spent_bytes.saturating_add(bytes);
        let due = self.bytes_per_second.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(self.spent_bytes as f64 / rate as f64)
        });
        self.ending.pause(due.saturating_sub(self.began.elapsed()))
    }
}
