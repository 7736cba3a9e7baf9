//! What is sent, and what is expected back.

use std::sync::Arc;

/// A request body: a pattern repeated up to a length, so that a body of any size
/// costs the memory of its pattern only.
#[derive(Clone)]
pub struct Body {
    pattern: Arc<[u8]>,
    length: u64,
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self {
            pattern: Arc::from([]),
            length: 0,
        }
    }

    /// `pattern` repeated up to `length` bytes. An empty pattern gives no body.
    pub fn repeat(pattern: Arc<[u8]>, length: u64) -> Self {
        let length = if pattern.is_empty() { 0 } else { length };
        Self { pattern, length }
    }

    /// Bytes in the body.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// The longest run of bytes that lies in one piece after the first `sent`.
    pub fn rest(&self, sent: u64) -> &[u8] {
        let left = self.length.saturating_sub(sent);
        if left == 0 {
            return &[];
        }
        let from = (sent % self.pattern.len() as u64) as usize;
        let run = ((self.pattern.len() - from) as u64).min(left) as usize;
        &self.pattern[from..from + run]
    }

    /// Gives each piece of the body in order.
    pub fn for_each(&self, mut piece: impl FnMut(&[u8])) {
        let mut sent = 0;
        while sent < self.length {
            let run = self.rest(sent);
            sent += run.len() as u64;
            piece(run);
        }
    }

    /// Whether `bytes` are this body.
    pub fn equals(&self, bytes: &[u8]) -> bool {
        if bytes.len() as u64 != self.length {
            return false;
        }
        let mut at = 0;
        let mut equal = true;
        self.for_each(|piece| {
            equal &= bytes.get(at..at + piece.len()) == Some(piece);
            at += piece.len();
        });
        equal
    }
}

/// How much of a response's body is kept for the workload to look at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Count the bytes only.
    Nothing,
    /// Keep all of it.
    Everything,
}

/// One request as bytes, and what is expected of the answer. A connection owns
/// one and lays the next request into it, so that no memory is asked for in the
/// loop.
pub struct Request {
    /// Request line and headers up to and with the empty line.
    pub head: Vec<u8>,
    /// What follows the head.
    pub body: Body,
    /// Index into [`super::Workload::operations`].
    pub operation: usize,
    /// Any other status is an error.
    pub expect_status: u16,
    /// Any other length of the answer's body is an error, where given.
    pub expect_length: Option<u64>,
    /// The answer has no body whatever its headers say (HEAD).
    pub head_only: bool,
    /// What is kept of the answer's body.
    pub keep: Keep,
}

impl Request {
    /// An empty request to lay the first one into.
    pub fn new() -> Self {
        Self {
            head: Vec::with_capacity(1024),
            body: Body::empty(),
            operation: 0,
            expect_status: 200,
            expect_length: None,
            head_only: false,
            keep: Keep::Nothing,
        }
    }

    /// Forgets the last request: no head, no body, `200` of any length expected.
    pub fn reset(&mut self, operation: usize) {
        self.head.clear();
        self.body = Body::empty();
        self.operation = operation;
        self.expect_status = 200;
        self.expect_length = None;
        self.head_only = false;
        self.keep = Keep::Nothing;
    }
}

/// An answer as the workload sees it.
pub struct Reply<'a> {
    /// The body, where the request asked to keep it.
    pub kept: &'a [u8],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_repeats_its_pattern_up_to_its_length() {
        let body = Body::repeat(Arc::from(*b"abc"), 8);
        let mut all = Vec::new();
        body.for_each(|piece| all.extend_from_slice(piece));
        assert_eq!(all, b"abcabcab");
        assert_eq!(body.rest(7), b"b");
        assert_eq!(body.rest(8), b"");
        assert!(body.equals(b"abcabcab"));
        assert!(!body.equals(b"abcabcaa"));
        assert!(!body.equals(b"abcabca"));
    }
}
