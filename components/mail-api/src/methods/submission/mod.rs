//! `EmailSubmission/…` (RFC 8621 §7).

mod envelope;
mod follow_up;
mod hold;
mod object;
mod query;
mod set;

use serde_json::Value;

use crate::bindings::concierge::mail::accounts::{DataType, Error};
use crate::bindings::concierge::mail::submissions::{Filter, Submission};
use crate::host::{Host, State};
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::get::{self, ChangesArguments, GetArguments};
use crate::jmap::limits::OBJECTS_IN_GET_MAX;

/// The methods of submissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Submissions by id, or all.
    Get,
    /// What changed.
    Changes,
    /// Submissions that match.
    Query,
    /// How the results of a query changed.
    QueryChanges,
    /// Submits, takes back and forgets.
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
    let account = &context.account(&arguments.account_id)?.id;
    let selected = arguments.selected(&object::PROPERTIES)?;
    let ids = arguments.distinct_ids()?;
    let (submissions, state) = match &ids {
        Some(ids) => by_ids(context, account, ids).await?,
        None => all(context, account).await?,
    };
    let objects = submissions
        .iter()
        .map(|one| selected.of(object::json(one)))
        .collect();
    Ok(get::answer(account, state, ids.as_deref(), objects))
}

async fn changes<H: Host>(
    context: &Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = arguments.parse()?;
    let account = &context.account(&arguments.account_id)?.id;
    let (since, max) = (arguments.since()?, arguments.max()?);
    let changes = context
        .host
        .submissions_changed(context.token, account, since, max)
        .await?;
    Ok(get::changes_answer(account, &changes))
}

/// Submissions by id, at most [`OBJECTS_IN_GET_MAX`], and their state. To the host no ids are all submissions, so that
/// it is not asked for none.
async fn by_ids<H: Host>(
    context: &Context<'_, H>,
    account: &str,
    ids: &[String],
) -> Result<(Vec<Submission>, State), Error> {
    let Context { host, token, .. } = context;
    if !ids.is_empty() {
        return host.submissions(token, account, ids.to_vec()).await;
    }
    let states = host.states(token, account).await?;
    let state = states
        .iter()
        .find(|(data_type, _)| *data_type == DataType::EmailSubmission);
    let (_, state) = state.ok_or(Error::Internal)?;
    Ok((Vec::new(), *state))
}

/// All submissions that are kept.
///
/// # Errors
///
/// `requestTooLarge` where there are more than one call gives (RFC 8620 §5.1).
async fn all<H: Host>(
    context: &Context<'_, H>,
    account: &str,
) -> Result<(Vec<Submission>, State), MethodError> {
    let Context { host, token, .. } = context;
    let (submissions, state) = host.submissions(token, account, Vec::new()).await?;
    // The host cuts without a word.
    if submissions.len() >= OBJECTS_IN_GET_MAX {
        let (ids, _) = host.query_submissions(token, account, EVERY).await?;
        if ids.len() > OBJECTS_IN_GET_MAX {
            let why = format!("There are more than {OBJECTS_IN_GET_MAX}: name ids.");
            return Err(MethodError::new(Kind::RequestTooLarge, why));
        }
    }
    Ok((submissions, state))
}

/// No condition.
const EVERY: Filter = Filter {
    senders: None,
    emails: None,
    threads: None,
    undo_status: None,
    before_us: None,
    after_us: None,
};
