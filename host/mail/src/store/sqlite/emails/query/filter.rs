//! Filters: compiled from postfix order into a tree, and asked of one email after another.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::super::flags::Flags;
use super::super::rows::{self, Kept};
use super::Item;
use crate::error::Error;
use crate::types::{FILTER_TERMS_MAX, StorageId, Term, TimeUs};

/// Answers about threads that are remembered within a query; a thread of many emails is not asked for each of them.
const THREADS_REMEMBERED: usize = 4096;

/// A filter.
#[derive(Debug, Clone)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    None(Vec<Node>),
    Is(Test),
}

/// One condition.
#[derive(Debug, Clone)]
pub(super) enum Test {
    Before(TimeUs),
    After(TimeUs),
    MinSize(u64),
    MaxSize(u64),
    HasAttachment(bool),
    Matches(Arc<HashSet<StorageId>>),
    HasKeyword(String),
    NotKeyword(String),
    InMailbox(u64),
    InMailboxOtherThan(BTreeSet<u64>),
    Thread(Quantifier, String),
}

/// How many emails of a thread have a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Quantifier {
    All,
    Some,
    None,
}

impl Node {
    /// From postfix order.
    pub(super) fn compile(terms: Vec<Term>) -> Result<Self, Error> {
        if terms.len() > FILTER_TERMS_MAX {
            return Err(Error::InvalidArguments("filter: too many terms".to_owned()));
        }
        let mut stack = Vec::new();
        for term in terms {
            let node = match term {
                Term::All(count) => Self::All(operands(&mut stack, count)?),
                Term::Any(count) => Self::Any(operands(&mut stack, count)?),
                Term::None(count) => Self::None(operands(&mut stack, count)?),
                condition => Self::Is(Test::of(condition)?),
            };
            stack.push(node);
        }
        match stack.len() {
            0 => Ok(Self::All(Vec::new())),
            1 => stack.pop().ok_or_else(incomplete),
            _ => Err(incomplete()),
        }
    }

    /// What must all hold, as flat as it can be.
    pub(super) fn conjunction(self) -> Vec<Self> {
        match self {
            Self::All(nodes) => nodes.into_iter().flat_map(Self::conjunction).collect(),
            other => vec![other],
        }
    }

    /// How dear an answer is, at the worst; cheaper parts are asked first.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Self::All(nodes) | Self::Any(nodes) | Self::None(nodes) => {
                nodes.iter().map(Self::cost).sum::<u32>() + 1
            }
            Self::Is(Test::Thread(..)) => 1_000,
            Self::Is(Test::InMailbox(_) | Test::InMailboxOtherThan(_)) => 20,
            Self::Is(Test::HasKeyword(_) | Test::NotKeyword(_)) => 2,
            Self::Is(_) => 1,
        }
    }

    /// Whether other emails of a thread decide.
    pub(super) fn is_about_threads(&self) -> bool {
        match self {
            Self::All(nodes) | Self::Any(nodes) | Self::None(nodes) => {
                nodes.iter().any(Self::is_about_threads)
            }
            Self::Is(test) => matches!(test, Test::Thread(..)),
        }
    }
}

fn operands(stack: &mut Vec<Node>, count: u32) -> Result<Vec<Node>, Error> {
    let rest = stack.len().checked_sub(count as usize);
    let mut operands = stack.split_off(rest.ok_or_else(incomplete)?);
    operands.sort_by_key(Node::cost);
    Ok(operands)
}

fn incomplete() -> Error {
    Error::InvalidArguments("filter: not in postfix order".to_owned())
}

impl Test {
    fn of(term: Term) -> Result<Self, Error> {
        Ok(match term {
            Term::InMailbox(mailbox) => Self::InMailbox(mailbox.0),
            Term::InMailboxOtherThan(mailboxes) => {
                Self::InMailboxOtherThan(mailboxes.into_iter().map(|mailbox| mailbox.0).collect())
            }
            Term::Before(time_us) => Self::Before(time_us),
            Term::After(time_us) => Self::After(time_us),
            Term::MinSize(size) => Self::MinSize(size),
            Term::MaxSize(size) => Self::MaxSize(size),
            Term::AllInThreadHaveKeyword(keyword) => Self::Thread(Quantifier::All, keyword),
            Term::SomeInThreadHaveKeyword(keyword) => Self::Thread(Quantifier::Some, keyword),
            Term::NoneInThreadHaveKeyword(keyword) => Self::Thread(Quantifier::None, keyword),
            Term::HasKeyword(keyword) => Self::HasKeyword(keyword),
            Term::NotKeyword(keyword) => Self::NotKeyword(keyword),
            Term::HasAttachment(has) => Self::HasAttachment(has),
            Term::Matches(emails) => Self::Matches(emails),
            Term::Text(_)
            | Term::From(_)
            | Term::To(_)
            | Term::Cc(_)
            | Term::Bcc(_)
            | Term::Subject(_)
            | Term::Body(_)
            | Term::AttachmentName(_)
            | Term::Header(_) => {
                return Err(Error::UnsupportedFilter("text without a search".to_owned()));
            }
            Term::All(_) | Term::Any(_) | Term::None(_) => return Err(incomplete()),
        })
    }
}

/// Asks conditions of emails. Reads the email's row only where what its list has does not tell.
pub(super) struct Asker<'c> {
    connection: &'c Connection,
    account: u64,
    read: Option<Kept>,
    threads: HashMap<(Quantifier, String, u64), bool>,
}

impl<'c> Asker<'c> {
    pub(super) fn new(connection: &'c Connection, account: u64) -> Self {
        Self {
            connection,
            account,
            read: None,
            threads: HashMap::new(),
        }
    }

    pub(super) fn holds(&mut self, node: &Node, item: &Item) -> rusqlite::Result<bool> {
        match node {
            Node::All(nodes) => self.all(nodes, item),
            Node::Any(nodes) => self.any(nodes, item),
            Node::None(nodes) => self.any(nodes, item).map(|any| !any),
            Node::Is(test) => self.is(test, item),
        }
    }

    pub(super) fn all(&mut self, nodes: &[Node], item: &Item) -> rusqlite::Result<bool> {
        for node in nodes {
            if !self.holds(node, item)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn any(&mut self, nodes: &[Node], item: &Item) -> rusqlite::Result<bool> {
        for node in nodes {
            if self.holds(node, item)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is(&mut self, test: &Test, item: &Item) -> rusqlite::Result<bool> {
        Ok(match test {
            Test::Before(time_us) => item.received_us < *time_us,
            Test::After(time_us) => item.received_us >= *time_us,
            Test::MinSize(size) => item.size >= *size,
            Test::MaxSize(size) => item.size < *size,
            Test::HasAttachment(has) => item.flags.has_attachment() == *has,
            Test::Matches(emails) => emails.contains(&StorageId(item.storage)),
            Test::HasKeyword(keyword) => self.has_keyword(item, keyword)?,
            Test::NotKeyword(keyword) => !self.has_keyword(item, keyword)?,
            Test::InMailbox(mailbox) => self
                .email(item.storage)?
                .is_some_and(|email| email.mailboxes.contains(mailbox)),
            Test::InMailboxOtherThan(known) => self
                .email(item.storage)?
                .is_some_and(|email| !email.mailboxes.is_subset(known)),
            Test::Thread(quantifier, keyword) => {
                self.thread_has(item.thread, *quantifier, keyword)?
            }
        })
    }

    pub(super) fn has_keyword(&mut self, item: &Item, keyword: &str) -> rusqlite::Result<bool> {
        match item.flags.has(keyword) {
            Some(has) => Ok(has),
            None => Ok(self
                .email(item.storage)?
                .is_some_and(|email| email.keywords.contains(keyword))),
        }
    }

    fn email(&mut self, storage: u64) -> rusqlite::Result<Option<&Kept>> {
        if self
            .read
            .as_ref()
            .is_none_or(|read| read.storage != storage)
        {
            self.read = rows::find(self.connection, self.account, storage)?;
        }
        Ok(self.read.as_ref())
    }

    /// Whether so many emails of a thread have a keyword.
    pub(super) fn thread_has(
        &mut self,
        thread: u64,
        quantifier: Quantifier,
        keyword: &str,
    ) -> rusqlite::Result<bool> {
        let asked = (quantifier, keyword.to_owned(), thread);
        if let Some(answer) = self.threads.get(&asked) {
            return Ok(*answer);
        }
        let (mut some, mut all) = (false, true);
        let connection = self.connection;
        let mut select = connection
            .prepare_cached("SELECT storage, flags FROM listed WHERE account = ?1 AND list = ?2")?;
        let mut emails = select.query(params![self.account, thread])?;
        while let Some(row) = emails.next()? {
            let storage: u64 = row.get(0)?;
            let has = match Flags(row.get(1)?).has(keyword) {
                Some(has) => has,
                None => self
                    .email(storage)?
                    .is_some_and(|email| email.keywords.contains(keyword)),
            };
            some |= has;
            all &= has;
        }
        let answer = match quantifier {
            Quantifier::All => all,
            Quantifier::Some => some,
            Quantifier::None => !some,
        };
        if self.threads.len() >= THREADS_REMEMBERED {
            self.threads.clear();
        }
        self.threads.insert(asked, answer);
        Ok(answer)
    }
}
