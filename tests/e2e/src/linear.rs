//! Is a history of concurrent calls linearizable? That is: can each call be given one moment between its beginning and
//! its end, such that all of them, done one after the other in the order of these moments, give what they gave?
//!
//! The method is that of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993) with Lowe's memory of what was
//! tried ("Testing for linearizability", 2017), as porcupine has it: search depth first for an order, and never go on
//! twice from the same set of done calls and the same state. A call that may be next and would change nothing is done at
//! once: wherever else it could stand, here it stands as well.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;

/// What is called, and what each call may do to it.
pub trait Model {
    /// What there is between two calls.
    type State: Clone + Eq + Hash;
    /// A call with what it gave.
    type Call;

    /// Before the first call.
    fn initial(&self) -> Self::State;

    /// The states in which `call` may leave `state`: none if it could not have given what it gave; several where it is not
    /// known what it did.
    fn step(&self, state: &Self::State, call: &Self::Call) -> Vec<Self::State>;
}

/// A call of a history. Times are of any clock that is the same for all calls.
#[derive(Debug, Clone)]
pub struct Timed<C> {
    /// When it began.
    pub began: u64,
    /// When its answer came; `None`: none came, so that it may have been done at any time since, or never.
    pub ended: Option<u64>,
    /// What it was.
    pub call: C,
}

/// Which calls are done: all before `first`, `first` itself not, and of those after it the ones whose bit is set. It is
/// as long as calls overlap, not as the history.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Done {
    first: usize,
    beyond: VecDeque<bool>,
}

impl Done {
    fn has(&self, index: usize) -> bool {
        match index.checked_sub(self.first) {
            None => true,
            Some(0) => false,
            Some(beyond) => self.beyond.get(beyond - 1).copied().unwrap_or(false),
        }
    }

    fn and(&self, index: usize) -> Self {
        let mut more = self.clone();
        if index == more.first {
            more.first += 1;
            while more.beyond.pop_front() == Some(true) {
                more.first += 1;
            }
        } else {
            let beyond = index - more.first;
            more.beyond.resize(more.beyond.len().max(beyond), false);
            more.beyond[beyond - 1] = true;
        }
        more
    }
}

/// Whether a history is linearizable.
pub fn is_linearizable<M: Model>(model: &M, history: Vec<Timed<M::Call>>) -> bool {
    let mut calls = history;
    calls.sort_by_key(|call| call.began);
    let mut seen = HashSet::new();
    let mut open = vec![(Done::default(), model.initial())];
    while let Some((done, state)) = open.pop() {
        // A call can be the next only if none that is not done yet had ended before it began.
        let mut first_end = u64::MAX;
        let mut all_answered_are_done = true;
        let mut next = Vec::new();
        for (index, call) in calls.iter().enumerate().skip(done.first) {
            if call.began > first_end {
                break;
            }
            if !done.has(index) {
                all_answered_are_done &= call.ended.is_none();
                first_end = first_end.min(call.ended.unwrap_or(u64::MAX));
                next.push(index);
            }
        }
        if all_answered_are_done {
            return true;
        }
        next.retain(|&index| calls[index].began <= first_end);
        let steps = |index: usize| model.step(&state, &calls[index].call);
        if let Some(&index) = next.iter().find(|&&index| steps(index) == [state.clone()]) {
            open.push((done.and(index), state));
            continue;
        }
        // The last is tried first; what began first is the likeliest.
        for &index in next.iter().rev() {
            for after in steps(index) {
                let node = (done.and(index), after);
                if seen.insert(node.clone()) {
                    open.push(node);
                }
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A register that is written and read.
    struct Register;

    enum Access {
        Write(u32),
        Read(u32),
    }

    impl Model for Register {
        type State = u32;
        type Call = Access;

        fn initial(&self) -> u32 {
            0
        }

        fn step(&self, state: &u32, call: &Access) -> Vec<u32> {
            match call {
                Access::Write(value) => vec![*value],
                Access::Read(value) if value == state => vec![*state],
                Access::Read(_) => Vec::new(),
            }
        }
    }

    fn at(began: u64, ended: u64, call: Access) -> Timed<Access> {
        let ended = (ended > 0).then_some(ended);
        Timed { began, ended, call }
    }

    #[test]
    fn calls_at_the_same_time_may_be_in_any_order() {
        let history = vec![
            at(1, 10, Access::Write(1)),
            at(2, 3, Access::Read(0)),
            at(4, 5, Access::Read(1)),
        ];
        assert!(is_linearizable(&Register, history));
    }

    #[test]
    fn what_was_read_cannot_be_unread() {
        let history = vec![
            at(1, 10, Access::Write(1)),
            at(2, 3, Access::Read(1)),
            at(4, 5, Access::Read(0)),
        ];
        assert!(!is_linearizable(&Register, history));
    }

    #[test]
    fn what_had_no_answer_may_have_been_done_or_not() {
        for read in [0, 1] {
            let history = vec![at(1, 0, Access::Write(1)), at(5, 6, Access::Read(read))];
            assert!(is_linearizable(&Register, history), "{read}");
        }
        let history = vec![
            at(1, 0, Access::Write(1)),
            at(5, 6, Access::Read(1)),
            at(7, 8, Access::Read(0)),
        ];
        assert!(!is_linearizable(&Register, history));
        let too_early = vec![at(1, 2, Access::Read(1)), at(3, 0, Access::Write(1))];
        assert!(!is_linearizable(&Register, too_early));
    }

    #[test]
    fn long_histories_of_many_callers_end() {
        let calls = (0..5_000_u64).map(|i| at(i, i + 60, Access::Read(0)));
        assert!(is_linearizable(&Register, calls.collect()));
    }
}
