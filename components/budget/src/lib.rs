//! A bound on what an instance holds in memory for all of its requests together.

use std::cell::Cell;

/// Bytes that may be held at once. One instance has one thread, so that nothing is locked.
#[derive(Debug)]
pub struct Budget {
    left: Cell<usize>,
}

impl Budget {
    /// So many bytes.
    pub const fn new(bytes: usize) -> Self {
        Self {
            left: Cell::new(bytes),
        }
    }

    /// A share of nothing yet.
    pub fn share(&self) -> Share<'_> {
        Share {
            budget: self,
            bytes: 0,
        }
    }
}

/// What one request holds of a budget; given back when it is dropped.
#[derive(Debug)]
pub struct Share<'b> {
    budget: &'b Budget,
    bytes: usize,
}

impl Share<'_> {
    /// Makes the share at least so many bytes; `false` where there are no more, and it stays as it was.
    #[must_use]
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let Some(left) = self.budget.left.get().checked_sub(more) else {
            return false;
        };
        self.budget.left.set(left);
        self.bytes += more;
        true
    }

    /// Makes the share so many bytes, or as many as there are: for what is in memory already.
    pub fn grow_up_to(&mut self, bytes: usize) {
        let left = self.budget.left.get();
        let more = bytes.saturating_sub(self.bytes).min(left);
        self.budget.left.set(left - more);
        self.bytes += more;
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.left.set(self.budget.left.get() + self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_together_and_come_back() {
        let budget = Budget::new(10);
        let mut first = budget.share();
        let mut second = budget.share();
        assert!(first.grow_to(6));
        assert!(first.grow_to(4), "no smaller, and no error");
        assert!(!second.grow_to(5));
        assert!(second.grow_to(4));
        assert!(!first.grow_to(7));
        drop(first);
        assert!(second.grow_to(10));
        drop(second);
        let mut third = budget.share();
        third.grow_up_to(7);
        third.grow_up_to(5);
        assert!(!budget.share().grow_to(4));
        assert!(budget.share().grow_to(3));
        third.grow_up_to(100);
        assert!(!budget.share().grow_to(1));
        drop(third);
        assert!(budget.share().grow_to(10));
        assert!(!budget.share().grow_to(11));
    }
}
