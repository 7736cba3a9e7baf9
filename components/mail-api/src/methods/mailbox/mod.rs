//! `Mailbox/…` (RFC 8621 §2).

mod object;
mod order;
mod plan;
mod query;
mod set;

use serde_json::{Value, json};

use crate::host::Host;
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::MethodError;
use crate::jmap::get::{self, ChangesArguments, GetArguments};

/// The methods of mailboxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Mailboxes by id, or all.
    Get,
    /// What changed.
    Changes,
    /// Mailboxes that match.
    Query,
    /// How the results of a query changed.
    QueryChanges,
    /// Makes, changes and destroys.
    Set,
}

impl Method {
    /// The method of a name.
    pub fn named(verb: &str) -> Option<Self> {
        match verb {
            "get" => Some(Self::Get),
            "changes" => Some(Self::Changes),
            "query" => Some(Self::Query),
            "queryChanges" => Some(Self::QueryChanges),
            "set" => Some(Self::Set),
            _ => None,
        }
    }
}

/// Runs a method.
///
/// # Errors
///
/// Where it is not run at all.
pub async fn run<H: Host>(
    method: Method,
    context: &mut Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    match method {
        Method::Get => get(context, arguments).await,
        Method::Changes => changes(context, arguments).await,
        Method::Query => query::query(context, arguments).await,
        Method::QueryChanges => query::query_changes(context, arguments).await,
        Method::Set => set::set(context, arguments).await,
    }
}

async fn get<H: Host>(
    context: &Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let arguments: GetArguments = arguments.parse()?;
    let account = context.account(&arguments.account_id)?;
    let selected = arguments.selected(&object::PROPERTIES)?;
    let ids = arguments.distinct_ids()?;
    let (mailboxes, state) = context.host.mailboxes(context.token, &account.id).await?;
    let objects = mailboxes
        .iter()
        .filter(|one| ids.as_ref().is_none_or(|ids| ids.contains(&one.id)))
        .map(|one| selected.of(object::json(one, account.read_only)))
        .collect();
    Ok(get::answer(&account.id, state, ids.as_deref(), objects))
}

async fn changes<H: Host>(
    context: &Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = arguments.parse()?;
    let account = context.account(&arguments.account_id)?;
    let (since, max) = (arguments.since()?, arguments.max()?);
    let changes = context
        .host
        .mailboxes_changed(context.token, &account.id, since, max)
        .await?;
    let mut answer = get::changes_answer(&account.id, &changes);
    if let Some(members) = answer.as_object_mut() {
        // RFC 8621 §2.2: `null` where others may have changed, too.
        let updated = changes.only_counts.then(|| json!(object::COUNTS));
        members.insert("updatedProperties".to_owned(), updated.into());
    }
    Ok(answer)
}
