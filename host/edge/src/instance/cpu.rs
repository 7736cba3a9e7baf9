//! The computing time of an instance.
//!
//! Each request grants its instance a budget. While a guest runs, wasmtime calls back once a tick
//! ([`crate::EPOCH_TICK`]); the callback takes what has passed from the budget, stops the guest when
//! nothing is left, and otherwise gives the thread to other tasks before the guest goes on. Time in
//! which the instance waits is not counted: each turn of the instance begins a new slice.

use crate::engine::Ticks;
use crate::limits::EPOCH_TICK;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use wasmtime::{Store, UpdateDeadline};

/// Written and read by one thread; shared because wasmtime's callback must be `Sync`.
#[derive(Debug)]
pub(crate) struct CpuBudget {
    ticks: Ticks,
    per_request: u64,
    left: AtomicU64,
    /// Everything before this tick is accounted for.
    accounted: AtomicU64,
    /// The guest was interrupted in this turn and has more to compute.
    interrupted: AtomicBool,
}

impl CpuBudget {
    pub(crate) fn new(ticks: Ticks, per_request: Duration) -> Arc<Self> {
        let per_request = per_request.as_millis().div_ceil(EPOCH_TICK.as_millis());
        let per_request = u64::try_from(per_request).unwrap_or(u64::MAX).max(1);
        Arc::new(Self {
            accounted: AtomicU64::new(ticks.now()),
            ticks,
            per_request,
            // Instantiation runs the guest too.
            left: AtomicU64::new(per_request),
            interrupted: AtomicBool::new(false),
        })
    }

    /// Has `store` charge this budget.
    pub(crate) fn watch<T>(self: &Arc<Self>, store: &mut Store<T>) {
        let budget = Arc::clone(self);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| Ok(budget.tick()));
    }

    /// A request begins; `in_flight` counts it. What earlier requests left is kept only as far as
    /// the requests in flight could have granted it.
    pub(crate) fn grant(&self, in_flight: usize) {
        let most = self
            .per_request
            .saturating_mul(u64::try_from(in_flight).unwrap_or(u64::MAX));
        let left = self
            .left
            .load(Ordering::Relaxed)
            .saturating_add(self.per_request);
        self.left.store(left.min(most), Ordering::Relaxed);
    }

    /// The instance gets the thread.
    pub(crate) fn begin_turn(&self) {
        self.accounted.store(self.ticks.now(), Ordering::Relaxed);
        self.interrupted.store(false, Ordering::Relaxed);
    }

    /// Whether the turn ended because the guest was interrupted, not because it waits.
    pub(crate) fn was_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    fn tick(&self) -> UpdateDeadline {
        let now = self.ticks.now();
        let used = now.saturating_sub(self.accounted.swap(now, Ordering::Relaxed));
        if used == 0 {
            // The deadline passed while the instance was waiting.
            return UpdateDeadline::Continue(1);
        }
        match self.left.load(Ordering::Relaxed).checked_sub(used) {
            Some(left) => {
                self.left.store(left, Ordering::Relaxed);
                self.interrupted.store(true, Ordering::Relaxed);
                UpdateDeadline::Yield(1)
            }
            None => UpdateDeadline::Interrupt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(ms: u64) -> (Ticks, Arc<CpuBudget>) {
        let ticks = Ticks::default();
        (
            ticks.clone(),
            CpuBudget::new(ticks, Duration::from_millis(ms)),
        )
    }

    #[test]
    fn time_spent_waiting_costs_nothing() {
        let (ticks, budget) = budget(10);
        ticks.advance(100);
        budget.begin_turn();
        assert!(matches!(budget.tick(), UpdateDeadline::Continue(1)));
        assert!(!budget.was_interrupted());
    }

    #[test]
    fn a_guest_that_does_not_stop_is_stopped_after_its_budget() {
        let (ticks, budget) = budget(20);
        budget.begin_turn();
        for _ in 0..2 {
            ticks.advance(1);
            assert!(matches!(budget.tick(), UpdateDeadline::Yield(1)));
            assert!(budget.was_interrupted());
            budget.begin_turn();
        }
        ticks.advance(1);
        assert!(matches!(budget.tick(), UpdateDeadline::Interrupt));
    }

    #[test]
    fn budgets_do_not_pile_up_over_requests() {
        let (ticks, budget) = budget(10);
        for _ in 0..5 {
            budget.grant(1);
        }
        budget.begin_turn();
        ticks.advance(2);
        assert!(matches!(budget.tick(), UpdateDeadline::Interrupt));
    }
}
