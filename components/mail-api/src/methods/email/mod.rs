//! `Email/…` (RFC 8621 §4), a module a method. What they have in common: [`all`] lists where no ids are named;
//! [`properties`] reads what is wanted of emails, [`object`] and [`parts`] tell it, as long as there is [`room`].

pub mod all;
pub mod changes;
mod get;
pub mod object;
mod parse;
pub mod parts;
pub mod properties;
pub mod room;

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
}

impl Method {
    /// The method of a name.
    pub fn named(verb: &str) -> Option<Self> {
        match verb {
            "get" => Some(Self::Get),
            "parse" => Some(Self::Parse),
            "changes" => Some(Self::Changes),
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
    }
}
