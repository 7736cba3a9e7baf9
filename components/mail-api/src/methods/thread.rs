//! `Thread/get` (RFC 8621 §3.1) and `Thread/changes` (§3.2).

use serde_json::{Value, json};

use crate::bindings::concierge::mail::emails::Thread;
use crate::host::Host;
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::MethodError;
use crate::jmap::get::{self, ChangesArguments, GetArguments};
use crate::methods::email;

/// The properties of a thread (RFC 8621 §3).
const PROPERTIES: [&str; 2] = ["id", "emailIds"];

/// The methods of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Threads by id.
    Get,
    /// What changed of them.
    Changes,
}

impl Method {
    /// The method of a name.
    pub fn named(verb: &str) -> Option<Self> {
        match verb {
            "get" => Some(Self::Get),
            "changes" => Some(Self::Changes),
            _ => None,
        }
    }
}

/// Runs a method.
///
/// # Errors
///
/// Those of RFC 8620 §5.1 and §5.2.
pub async fn run<H: Host>(
    method: Method,
    context: &mut Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    match method {
        Method::Get => get(context, arguments.parse()?).await,
        Method::Changes => changes(context, arguments.parse()?).await,
    }
}

async fn get<H: Host>(
    context: &Context<'_, H>,
    arguments: GetArguments,
) -> Result<Value, MethodError> {
    let account = context.account(&arguments.account_id)?.id.as_str();
    let selected = arguments.selected(&PROPERTIES)?;
    let ids = arguments.distinct_ids()?;
    let (asked, state) = match &ids {
        Some(ids) => (ids.clone(), None),
        None => {
            let all = email::all::threads(context, account).await?;
            (all.ids, Some(all.state))
        }
    };
    let (threads, present) = context.host.threads(context.token, account, asked).await?;
    let objects = threads.iter().map(|thread| selected.of(object(thread)));
    let state = state.unwrap_or(present);
    Ok(get::answer(
        account,
        state,
        ids.as_deref(),
        objects.collect(),
    ))
}

fn object(thread: &Thread) -> Value {
    json!({ "id": thread.id, "emailIds": thread.emails })
}

async fn changes<H: Host>(
    context: &Context<'_, H>,
    arguments: ChangesArguments,
) -> Result<Value, MethodError> {
    let account = context.account(&arguments.account_id)?.id.as_str();
    let (since, max) = (arguments.since()?, arguments.max()?);
    let changes = context
        .host
        .threads_changed(context.token, account, since, max)
        .await?;
    Ok(get::changes_answer(account, &changes))
}
