//! `Email/…` (RFC 8621 §4), a module a method. What they have in common: [`all`] lists where no ids are named;
//! [`properties`] reads what is wanted of emails, [`object`] and [`parts`] tell it, as long as there is [`room`].

pub mod all;
pub mod changes;
mod copy;
mod draft;
pub mod filter;
mod get;
mod import;
pub mod keyword;
mod made;
pub mod object;
mod parse;
pub mod parts;
mod patch;
mod placement;
pub mod properties;
mod query;
pub mod room;
mod set;
#[cfg(test)]
pub mod tests;

use serde_json::Value;

use crate::host::Host;
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::MethodError;

/// The methods of emails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Emails by id.
    Get,
    /// What blobs say that are messages.
    Parse,
    /// What changed of them.
    Changes,
    /// Makes, changes and destroys.
    Set,
    /// From another account.
    Copy,
    /// Messages that are there as blobs.
    Import,
    /// Those that match.
    Query,
    /// How the results of a query changed.
    QueryChanges,
}

impl Method {
    /// The method of a name.
    pub fn named(verb: &str) -> Option<Self> {
        match verb {
            "get" => Some(Self::Get),
            "parse" => Some(Self::Parse),
            "changes" => Some(Self::Changes),
            "set" => Some(Self::Set),
            "copy" => Some(Self::Copy),
            "import" => Some(Self::Import),
            "query" => Some(Self::Query),
            "queryChanges" => Some(Self::QueryChanges),
            _ => None,
        }
    }
}

/// Runs a method.
///
/// # Errors
///
/// Where it is not run at all; what happens to single emails is in its answer.
pub async fn run<H: Host>(
    method: Method,
    context: &mut Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    match method {
        Method::Get => get::run(context, arguments).await,
        Method::Parse => parse::run(context, arguments).await,
        Method::Changes => changes::run(context, arguments).await,
        Method::Set => set::run(context, arguments).await,
        Method::Copy => copy::run(context, arguments).await,
        Method::Import => import::run(context, arguments).await,
        Method::Query => query::query(context, arguments).await,
        Method::QueryChanges => query::query_changes(context, arguments).await,
    }
}
