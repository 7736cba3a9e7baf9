//! Conditions about texts: looked up in the index, and found again in what was found.

use std::collections::HashSet;
use std::sync::Arc;

use concierge_identity::AccountId;
use concierge_mail_search as index;
use concierge_mail_search::{Index, Scope};

use super::shelf::Failure;
use crate::error::Error;
use crate::types::{HeaderMatch, StorageId, Term};

/// The fields whose contents are in the index, in lower case.
const FIELDS: [(&str, Scope); 5] = [
    ("from", Scope::From),
    ("to", Scope::To),
    ("cc", Scope::Cc),
    ("bcc", Scope::Bcc),
    ("subject", Scope::Subject),
];

/// An account as the index knows it.
pub(super) fn account_key(account: AccountId) -> index::AccountId {
    index::AccountId(account.0.as_u128())
}

/// What a condition looks for in the index; `None`: nothing, the store decides on it.
fn text(term: &Term) -> Result<Option<index::Term>, Error> {
    let (scope, text) = match term {
        Term::Text(text) => (Scope::Text, text),
        Term::From(text) => (Scope::From, text),
        Term::To(text) => (Scope::To, text),
        Term::Cc(text) => (Scope::Cc, text),
        Term::Bcc(text) => (Scope::Bcc, text),
        Term::Subject(text) => (Scope::Subject, text),
        Term::Body(text) => (Scope::Body, text),
        Term::AttachmentName(text) => (Scope::AttachmentName, text),
        Term::Header(header) => field(header)?,
        _ => return Ok(None),
    };
    let text = text.clone();
    Ok(Some(index::Term { scope, text }))
}

/// A field of the header with a value (RFC 8621 §4.4.1). That a field is there, or what is in others, the index does not
/// know.
fn field(header: &HeaderMatch) -> Result<(Scope, &String), Error> {
    let name = header.name.to_ascii_lowercase();
    let scope = FIELDS.iter().find(|(field, _)| *field == name);
    match (scope, &header.value) {
        (Some((_, scope)), Some(value)) => Ok((*scope, value)),
        _ => Err(Error::UnsupportedFilter(format!("header {}", header.name))),
    }
}

/// Whether the index has to be asked.
pub(super) fn has_texts(filter: &[Term]) -> Result<bool, Error> {
    let mut any = false;
    for term in filter {
        any |= text(term)?.is_some();
    }
    Ok(any)
}

/// The filter with what was found in the place of its texts.
pub(super) fn resolve(
    index: &Index,
    account: AccountId,
    filter: Vec<Term>,
) -> Result<Vec<Term>, Failure> {
    let account = account_key(account);
    let resolve = |term| match text(&term).map_err(Failure::Caller)? {
        None => Ok(term),
        Some(wanted) => {
            let found = index.find(account, &wanted)?;
            let found: HashSet<_> = found.into_iter().map(|found| StorageId(found.0)).collect();
            Ok(Term::Matches(Arc::new(found)))
        }
    };
    filter.into_iter().map(resolve).collect()
}

/// The texts that an email of the results may be found by: all but those that it must not have.
pub(super) fn shown(filter: &[Term]) -> Result<Vec<index::Term>, Error> {
    let mut results: Vec<Vec<index::Term>> = Vec::new();
    for term in filter {
        let shown = match term {
            Term::All(count) | Term::Any(count) | Term::None(count) => {
                let count = usize::try_from(*count).unwrap_or(usize::MAX);
                let start = results.len().checked_sub(count);
                let start = start.ok_or_else(|| {
                    Error::InvalidArguments("filter: an operator without its terms".to_owned())
                })?;
                let of_operator = results.drain(start..).flatten().collect();
                match term {
                    Term::None(_) => Vec::new(),
                    _ => of_operator,
                }
            }
            condition => text(condition)?.into_iter().collect(),
        };
        results.push(shown);
    }
    Ok(results.into_iter().flatten().collect())
}
