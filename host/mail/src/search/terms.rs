//! Conditions about texts: looked up in the index, and found again in what was found.

use std::collections::HashSet;
use std::sync::Arc;

use concierge_identity::AccountId;
use concierge_mail_message::UNSEARCHED_FIELDS;
use concierge_mail_search as index;
use concierge_mail_search::{Index, Scope};

use super::shelf::Failure;
use crate::error::Error;
use crate::types::{HeaderMatch, StorageId, Term};

/// The fields with a text of their own in the index, in lower case.
const FIELDS: [(&str, Scope); 5] = [
    ("from", Scope::From),
    ("to", Scope::To),
    ("cc", Scope::Cc),
    ("bcc", Scope::Bcc),
    ("subject", Scope::Subject),
];

/// What is looked for in the index.
enum Wanted {
    /// In texts.
    Text(index::Term),
    /// In the header.
    Field(index::FieldTerm),
}

/// An account as the index knows it.
pub(super) fn account_key(account: AccountId) -> index::AccountId {
    index::AccountId(account.0.as_u128())
}

/// What a condition looks for in the index; `None`: nothing, the store decides on it.
fn wanted(term: &Term) -> Result<Option<Wanted>, Error> {
    let (scope, text) = match term {
        Term::Text(text) => (Scope::Text, text),
        Term::From(text) => (Scope::From, text),
        Term::To(text) => (Scope::To, text),
        Term::Cc(text) => (Scope::Cc, text),
        Term::Bcc(text) => (Scope::Bcc, text),
        Term::Subject(text) => (Scope::Subject, text),
        Term::Body(text) => (Scope::Body, text),
        Term::AttachmentName(text) => (Scope::AttachmentName, text),
        Term::Header(header) => return field(header).map(Some),
        _ => return Ok(None),
    };
    let text = text.clone();
    Ok(Some(Wanted::Text(index::Term { scope, text })))
}

/// A field of the header, with or without a text in it (RFC 8621 §4.4.1). Signatures are there, and what is in them is
/// not in the index.
fn field(header: &HeaderMatch) -> Result<Wanted, Error> {
    let is = |name: &&str| name.eq_ignore_ascii_case(&header.name);
    let scope = FIELDS.iter().find(|(name, _)| is(name));
    match (scope, &header.value) {
        (Some((_, scope)), Some(text)) if !text.trim().is_empty() => {
            let (scope, text) = (*scope, text.clone());
            Ok(Wanted::Text(index::Term { scope, text }))
        }
        (_, Some(_)) if UNSEARCHED_FIELDS.iter().any(is) => {
            let why = format!("header {}: what is in it is not searched", header.name);
            Err(Error::UnsupportedFilter(why))
        }
        (_, text) => Ok(Wanted::Field(index::FieldTerm {
            name: header.name.clone(),
            text: text.clone(),
        })),
    }
}

/// Whether the index has to be asked.
pub(super) fn has_texts(filter: &[Term]) -> Result<bool, Error> {
    let mut any = false;
    for term in filter {
        any |= wanted(term)?.is_some();
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
    let resolve = |term| match wanted(&term).map_err(Failure::Caller)? {
        None => Ok(term),
        Some(wanted) => {
            let found = match wanted {
                Wanted::Text(term) => index.find(account, &term)?,
                Wanted::Field(term) => index.find_field(account, &term)?,
            };
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
            condition => match wanted(condition)? {
                Some(Wanted::Text(term)) => vec![term],
                // Snippets are of the subject and the body.
                Some(Wanted::Field(_)) | None => Vec::new(),
            },
        };
        results.push(shown);
    }
    Ok(results.into_iter().flatten().collect())
}
