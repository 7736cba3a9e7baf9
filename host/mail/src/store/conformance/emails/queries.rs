//! Queries: as a filter over all emails finds them, page by page; and changes of them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use rand::RngExt;

use super::random::Random;
use super::snapshot::all_results;
use super::{Engine, NOW_US, Snapshot};
use crate::error::Error;
use crate::types::{
    Comparator, DataType, EmailId, EmailRow, MailboxId, NewEmail, Property, Query, StateNumber,
    StorageId, Term, Window,
};

/// A query, and what its results were.
pub(super) struct Watched {
    query: Query,
    results: Vec<EmailId>,
}

type Made = BTreeMap<StorageId, NewEmail>;

fn has(email: &EmailRow, keyword: &str) -> bool {
    email.keywords.iter().any(|other| other == keyword)
}

/// The emails of an email's thread.
fn siblings<'s>(seen: &'s Snapshot, email: &EmailRow) -> impl Iterator<Item = &'s EmailRow> {
    let ids = &seen.threads[&email.thread].emails;
    ids.iter().map(|id| &seen.emails[id])
}

fn holds(seen: &Snapshot, filter: &[Term], email: &EmailRow) -> bool {
    let mut stack: Vec<bool> = Vec::new();
    for term in filter {
        let mut operands = |count: u32| {
            let from = stack.len() - count as usize;
            stack.split_off(from)
        };
        let value = match term {
            Term::All(count) => operands(*count).into_iter().all(|value| value),
            Term::Any(count) => operands(*count).into_iter().any(|value| value),
            Term::None(count) => !operands(*count).into_iter().any(|value| value),
            Term::InMailbox(mailbox) => email.mailboxes.contains(mailbox),
            Term::InMailboxOtherThan(others) => email
                .mailboxes
                .iter()
                .any(|mailbox| !others.contains(mailbox)),
            Term::Before(time) => email.received_us < *time,
            Term::After(time) => email.received_us >= *time,
            Term::MinSize(size) => email.size >= *size,
            Term::MaxSize(size) => email.size < *size,
            Term::AllInThreadHaveKeyword(keyword) => {
                siblings(seen, email).all(|email| has(email, keyword))
            }
            Term::SomeInThreadHaveKeyword(keyword) => {
                siblings(seen, email).any(|email| has(email, keyword))
            }
            Term::NoneInThreadHaveKeyword(keyword) => {
                !siblings(seen, email).any(|email| has(email, keyword))
            }
            Term::HasKeyword(keyword) => has(email, keyword),
            Term::NotKeyword(keyword) => !has(email, keyword),
            Term::HasAttachment(wanted) => email.has_attachment == *wanted,
            Term::Matches(found) => found.contains(&email.id.storage),
            other => panic!("{other:?}"),
        };
        stack.push(value);
    }
    stack.pop().unwrap_or(true)
}

fn compare(
    seen: &Snapshot,
    made: &Made,
    level: &Comparator,
    a: &EmailRow,
    b: &EmailRow,
) -> Ordering {
    let keyword = &level.keyword;
    let summary = |email: &EmailRow| &made[&email.id.storage].summary;
    let all = |email| siblings(seen, email).all(|email| has(email, keyword));
    let some = |email| siblings(seen, email).any(|email| has(email, keyword));
    let ordering = match level.property {
        Property::ReceivedAt => a.received_us.cmp(&b.received_us),
        Property::SentAt => summary(a).sent_us.cmp(&summary(b).sent_us),
        Property::Size => a.size.cmp(&b.size),
        Property::From => summary(a).sort_from.cmp(&summary(b).sort_from),
        Property::To => summary(a).sort_to.cmp(&summary(b).sort_to),
        Property::Subject => summary(a).sort_subject.cmp(&summary(b).sort_subject),
        Property::HasKeyword => has(a, keyword).cmp(&has(b, keyword)),
        Property::AllInThreadHaveKeyword => all(a).cmp(&all(b)),
        Property::SomeInThreadHaveKeyword => some(a).cmp(&some(b)),
    };
    match level.ascending {
        true => ordering,
        false => ordering.reverse(),
    }
}

/// The results, by the definition.
fn expected(seen: &Snapshot, made: &Made, query: &Query) -> Vec<EmailId> {
    let matching = seen.emails.values();
    let mut found: Vec<_> = matching
        .filter(|email| holds(seen, &query.filter, email))
        .collect();
    let oldest_first = matches!(query.sort.as_slice(),
        [only] if only.property == Property::ReceivedAt && only.ascending);
    found.sort_by(|a, b| {
        let levels = query.sort.iter();
        let by_levels = levels
            .map(|level| compare(seen, made, level, a, b))
            .find(|ordering| *ordering != Ordering::Equal);
        let of_time = (a.received_us, a.id.storage).cmp(&(b.received_us, b.id.storage));
        let last = if oldest_first {
            of_time
        } else {
            of_time.reverse()
        };
        by_levels.unwrap_or(last)
    });
    let mut threads = BTreeSet::new();
    if query.collapse_threads {
        found.retain(|email| threads.insert(email.thread));
    }
    found.iter().map(|email| email.id).collect()
}

impl<S: Engine> Random<'_, S> {
    fn condition(&mut self, mailboxes: &[MailboxId]) -> Term {
        let keyword = ["$seen", "$flagged", "work", "never"][self.below(4)].to_owned();
        let mailbox = self.pick(mailboxes).unwrap();
        let time = NOW_US + self.rng.random_range(0..20);
        let size = self.rng.random_range(0..22);
        match self.below(14) {
            0 | 1 => Term::InMailbox(mailbox),
            2 => Term::InMailboxOtherThan(vec![mailbox]),
            3 => Term::Before(time),
            4 => Term::After(time),
            5 => Term::MinSize(size),
            6 => Term::MaxSize(size),
            7 => Term::AllInThreadHaveKeyword(keyword),
            8 => Term::SomeInThreadHaveKeyword(keyword),
            9 => Term::NoneInThreadHaveKeyword(keyword),
            10 => Term::HasKeyword(keyword),
            11 => Term::NotKeyword(keyword),
            12 => Term::HasAttachment(size % 2 == 0),
            _ => {
                let made: Vec<_> = self.made.keys().copied().collect();
                let share = self.below(3) + 1;
                let found = made.into_iter().filter(|_| self.below(4) < share);
                Term::Matches(Arc::new(found.collect::<HashSet<_>>()))
            }
        }
    }

    async fn some_query(&mut self) -> Query {
        let mailboxes: Vec<_> = self
            .mailboxes()
            .await
            .iter()
            .map(|mailbox| mailbox.id)
            .collect();
        let mut filter = Vec::new();
        let count = self.below(4);
        for _ in 0..count {
            filter.push(self.condition(&mailboxes));
        }
        match (count, self.below(4)) {
            (0, _) => (),
            (_, 0) => filter.push(Term::None(count as u32)),
            (_, 1) => filter.push(Term::Any(count as u32)),
            _ => filter.push(Term::All(count as u32)),
        }
        if count > 0 && self.below(3) == 0 {
            filter.push(self.condition(&mailboxes));
            filter.push(Term::All(2));
        }
        Query {
            filter,
            sort: self.some_sort(),
            collapse_threads: self.below(2) == 0,
        }
    }

    fn some_sort(&mut self) -> Vec<Comparator> {
        const ALL: [Property; 9] = [
            Property::ReceivedAt,
            Property::SentAt,
            Property::Size,
            Property::From,
            Property::To,
            Property::Subject,
            Property::HasKeyword,
            Property::AllInThreadHaveKeyword,
            Property::SomeInThreadHaveKeyword,
        ];
        let levels = self.below(3);
        let level = |_| Comparator {
            property: self.pick(&ALL).unwrap(),
            keyword: ["$seen", "work"][self.below(2)].to_owned(),
            ascending: self.below(2) == 0,
        };
        (0..levels).map(level).collect()
    }

    /// Queries to be watched from the start to the end.
    pub(super) async fn queries(&mut self) -> Vec<Query> {
        let mut queries = vec![Query::default()];
        for mailbox in self.mailboxes().await {
            for collapse_threads in [false, true] {
                queries.push(Query {
                    filter: vec![Term::InMailbox(mailbox.id)],
                    sort: Vec::new(),
                    collapse_threads,
                });
            }
        }
        for _ in 0..20 {
            queries.push(self.some_query().await);
        }
        queries
    }

    pub(super) async fn results(&self, queries: &[Query]) -> Vec<Watched> {
        let mut watched = Vec::new();
        for query in queries {
            watched.push(Watched {
                query: query.clone(),
                results: all_results(&self.house, query).await,
            });
        }
        watched
    }

    /// Random queries give what a filter over all emails gives, whichever window is asked for.
    pub(super) async fn check_queries(&mut self, seen: &Snapshot) {
        for _ in 0..25 {
            let query = self.some_query().await;
            let expected = expected(seen, &self.made, &query);
            assert_eq!(
                all_results(&self.house, &query).await,
                expected,
                "{query:?}"
            );
            for _ in 0..4 {
                self.check_window(seen, &query, &expected).await;
            }
        }
    }

    async fn check_window(&mut self, seen: &Snapshot, query: &Query, all: &[EmailId]) {
        let ids: Vec<_> = seen.emails.keys().copied().collect();
        let window = Window {
            position: self.rng.random_range(-30..30),
            anchor: match self.below(2) {
                0 => self.pick(&ids),
                _ => None,
            },
            anchor_offset: self.rng.random_range(-5..5),
            limit: self.rng.random_range(0..8),
            calculate_total: self.below(2) == 0,
        };
        let start = match window.anchor {
            Some(anchor) => all
                .iter()
                .position(|id| *id == anchor)
                .map(|index| (index as i64 + window.anchor_offset).max(0)),
            None if window.position < 0 => Some((all.len() as i64 + window.position).max(0)),
            None => Some(window.position),
        };
        let page = self
            .house
            .store
            .query(self.house.account, query.clone(), window.clone());
        let page = page.await;
        let Some(start) = start else {
            assert_eq!(page, Err(Error::AnchorNotFound));
            return;
        };
        let page = page.unwrap();
        let expected: Vec<_> = all
            .iter()
            .skip(start as usize)
            .take(window.limit as usize)
            .copied()
            .collect();
        assert_eq!(page.ids, expected, "{query:?} {window:?}");
        assert_eq!(page.position, start as u64);
        let total = window.calculate_total.then_some(all.len() as u64);
        assert_eq!(page.total, total, "{query:?} {window:?}");
        assert_eq!(page.query_state, seen.states[&DataType::Email]);
    }

    /// The changes of a query, applied to its earlier results, give the present ones.
    pub(super) async fn replay_query(
        &self,
        watched: &Watched,
        states: &BTreeMap<DataType, StateNumber>,
        truth: &Snapshot,
    ) {
        let expected = expected(truth, &self.made, &watched.query);
        let since = states[&DataType::Email];
        let (store, account) = (self.house.store, self.house.account);
        let changes = async |max| {
            let query = watched.query.clone();
            store.query_changes(account, query, since, max, true).await
        };
        let told = changes(None).await.unwrap();
        let mut results = watched.results.clone();
        let removed: BTreeSet<_> = told.removed.iter().collect();
        results.retain(|id| !removed.contains(id));
        for added in &told.added {
            assert!(added.index as usize <= results.len(), "{:?}", watched.query);
            results.insert(added.index as usize, added.id);
        }
        assert_eq!(results, expected, "{:?}", watched.query);
        assert_eq!(told.total, Some(expected.len() as u64));
        assert_eq!(told.new_query_state, truth.states[&DataType::Email]);
        let count = (told.removed.len() + told.added.len()) as u32;
        assert_eq!(changes(Some(count)).await, Ok(told));
        if count > 0 {
            let fewer = changes(Some(count - 1)).await;
            assert_eq!(fewer, Err(Error::TooManyChanges));
        }
    }
}
