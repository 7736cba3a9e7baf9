//! How a query is answered: by a range of one list, or by what the search index has found.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::rows;
use super::filter::{Node, Test};
use crate::error::Error;
use crate::types::{Comparator, Property, SORT_LEVELS_MAX, StorageId, Term, TimeUs};

/// No time is later: what an `INTEGER` of SQLite holds.
const END_US: TimeUs = i64::MAX as TimeUs;

/// A filter, taken apart.
#[derive(Debug)]
pub(super) struct Plan {
    /// The list that all results are in.
    pub(super) list: u64,
    /// Received then or later.
    pub(super) from_us: TimeUs,
    /// Received before.
    pub(super) until_us: TimeUs,
    /// What else must hold.
    pub(super) rest: Vec<Node>,
    /// Of the rest the smallest set that all results are in.
    pub(super) set: Option<Arc<HashSet<StorageId>>>,
}

impl Plan {
    pub(super) fn of(filter: Vec<Term>) -> Result<Self, Error> {
        let mut plan = Self {
            list: rows::ALL,
            from_us: 0,
            until_us: END_US,
            rest: Vec::new(),
            set: None,
        };
        for node in Node::compile(filter)?.conjunction() {
            plan.require(node);
        }
        plan.rest.sort_by_key(Node::cost);
        Ok(plan)
    }

    fn require(&mut self, node: Node) {
        match &node {
            Node::Is(Test::InMailbox(mailbox))
                if self.list == rows::ALL && *mailbox != rows::ALL =>
            {
                self.list = *mailbox;
                return;
            }
            Node::Is(Test::Before(time_us)) => {
                self.until_us = self.until_us.min(*time_us);
                return;
            }
            Node::Is(Test::After(time_us)) => {
                self.from_us = self.from_us.max((*time_us).min(END_US));
                return;
            }
            Node::Is(Test::Matches(emails))
                if self.set.as_ref().is_none_or(|set| emails.len() < set.len()) =>
            {
                self.set = Some(Arc::clone(emails));
            }
            _ => (),
        }
        self.rest.push(node);
    }

    /// Whether all of its list matches.
    pub(super) fn is_whole_list(&self) -> bool {
        self.rest.is_empty() && self.from_us == 0 && self.until_us == END_US
    }

    /// Whether the mailbox of the list and the times hold, which `rest` does not ask.
    pub(super) fn in_range(&self, received_us: TimeUs) -> bool {
        (self.from_us..self.until_us).contains(&received_us)
    }

    pub(super) fn is_about_threads(&self) -> bool {
        self.rest.iter().any(Node::is_about_threads)
    }
}

/// The order of results.
#[derive(Debug)]
pub(super) enum Order {
    /// By the time of receipt alone, as lists have it; of one time by the number.
    Time {
        /// Else newest first.
        ascending: bool,
    },
    /// By other things; what is equal in all of them, newest first.
    Levels(Vec<Comparator>),
}

impl Order {
    pub(super) fn of(sort: Vec<Comparator>) -> Result<Self, Error> {
        if sort.len() > SORT_LEVELS_MAX {
            return Err(Error::UnsupportedSort("so many levels".to_owned()));
        }
        match sort.as_slice() {
            [] => Ok(Self::Time { ascending: false }),
            [only] if only.property == Property::ReceivedAt => Ok(Self::Time {
                ascending: only.ascending,
            }),
            _ => Ok(Self::Levels(sort)),
        }
    }

    pub(super) fn is_about_threads(&self) -> bool {
        let about_threads = |level: &Comparator| {
            matches!(
                level.property,
                Property::AllInThreadHaveKeyword | Property::SomeInThreadHaveKeyword
            )
        };
        match self {
            Self::Time { .. } => false,
            Self::Levels(levels) => levels.iter().any(about_threads),
        }
    }
}
