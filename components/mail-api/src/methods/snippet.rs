//! `SearchSnippet/get` (RFC 8621 §5.1).

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::bindings::concierge::mail::search::Snippet;
use crate::host::Host;
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::MethodError;
use crate::jmap::get::distinct;
use crate::methods::email::filter;

/// The methods of search snippets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Where the words of a filter are in emails.
    Get,
}

impl Method {
    /// The method of a name.
    pub fn named(verb: &str) -> Option<Self> {
        match verb {
            "get" => Some(Self::Get),
            _ => None,
        }
    }
}

/// Runs a method.
///
/// # Errors
///
/// `unsupportedFilter`, `requestTooLarge`, and those of every method.
pub async fn run<H: Host>(
    method: Method,
    context: &Context<'_, H>,
    mut arguments: Arguments,
) -> Result<Value, MethodError> {
    let Method::Get = method;
    let account: String = arguments.require("accountId")?;
    let filter = filter::parse(arguments.take("filter")?)?;
    let ids: Vec<String> = arguments.require("emailIds")?;
    arguments.finish()?;
    let account = context.account(&account)?.id.as_str();
    let ids = distinct(&ids)?;
    let host = context.host;
    let found = host
        .snippets(context.token, account, filter, ids.clone())
        .await?;
    let mut by_id: HashMap<String, Snippet> = found
        .into_iter()
        .map(|snippet| (snippet.email_id.clone(), snippet))
        .collect();
    let mut list = Vec::with_capacity(ids.len());
    let mut not_found = Vec::new();
    for id in ids {
        match by_id.remove(&id) {
            Some(snippet) => list.push(object(&snippet)),
            None => not_found.push(id),
        }
    }
    Ok(json!({
        "accountId": account,
        "list": list,
        "notFound": if not_found.is_empty() { Value::Null } else { json!(not_found) },
    }))
}

fn object(snippet: &Snippet) -> Value {
    json!({
        "emailId": snippet.email_id,
        "subject": snippet.subject,
        "preview": snippet.preview,
    })
}
