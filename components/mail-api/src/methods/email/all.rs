//! All emails or threads of an account, where a `/get` names none (RFC 8620 §5.1): they are given as long as they are
//! no more than one `/get` gives.

use std::collections::BTreeSet;

use crate::bindings::concierge::mail::accounts::DataType;
use crate::bindings::concierge::mail::emails::{Detail, Texts};
use crate::bindings::concierge::mail::search::{Query, Window};
use crate::host::{Host, State};
use crate::jmap::context::Context;
use crate::jmap::error::{Kind, MethodError};
use crate::jmap::limits::{OBJECTS_IN_GET_MAX, QUERY_LIMIT_MAX};

const _: () = assert!(
    OBJECTS_IN_GET_MAX < QUERY_LIMIT_MAX as usize,
    "one query shows that there are too many"
);

/// What is kept beside an email, and nothing of the message.
pub const NO_DETAIL: Detail = Detail {
    all_headers: false,
    structure: false,
    part_headers: false,
    texts: Texts {
        text_body: false,
        html_body: false,
        all: false,
    },
    max_text_bytes: 0,
};

/// All of them, and a state from before they were listed: what changed in between is told again by `/changes`, and not
/// lost.
pub struct All {
    /// At most [`OBJECTS_IN_GET_MAX`].
    pub ids: Vec<String>,
    /// Of the data type.
    pub state: State,
}

/// All emails of an account.
///
/// # Errors
///
/// `requestTooLarge` where there are more than a `/get` gives, and those of the host.
pub async fn emails<H: Host>(context: &Context<'_, H>, account: &str) -> Result<All, MethodError> {
    let state = state(context, account, DataType::Email).await?;
    let ids = listed(context, account, false).await?;
    Ok(All { ids, state })
}

/// All threads of an account.
///
/// # Errors
///
/// `requestTooLarge` where there are more than a `/get` gives, and those of the host.
pub async fn threads<H: Host>(context: &Context<'_, H>, account: &str) -> Result<All, MethodError> {
    let state = state(context, account, DataType::Thread).await?;
    let firsts = listed(context, account, true).await?;
    let host = context.host;
    let (emails, _) = host
        .emails(context.token, account, firsts, NO_DETAIL)
        .await?;
    let ids: BTreeSet<String> = emails.into_iter().map(|email| email.thread_id).collect();
    Ok(All {
        ids: ids.into_iter().collect(),
        state,
    })
}

async fn state<H: Host>(
    context: &Context<'_, H>,
    account: &str,
    wanted: DataType,
) -> Result<State, MethodError> {
    let states = context.host.states(context.token, account).await?;
    let found = states.into_iter().find(|(one, _)| *one == wanted);
    found.map_or_else(|| Err(Kind::ServerFail.into()), |(_, state)| Ok(state))
}

async fn listed<H: Host>(
    context: &Context<'_, H>,
    account: &str,
    collapse_threads: bool,
) -> Result<Vec<String>, MethodError> {
    let query = Query {
        filter: Vec::new(),
        sort: Vec::new(),
        collapse_threads,
    };
    let window = Window {
        position: 0,
        anchor: None,
        anchor_offset: 0,
        limit: u32::try_from(OBJECTS_IN_GET_MAX + 1).unwrap_or(QUERY_LIMIT_MAX),
        calculate_total: false,
    };
    let host = context.host;
    let page = host
        .query_emails(context.token, account, query, window)
        .await?;
    if page.ids.len() > OBJECTS_IN_GET_MAX {
        let why = format!("There are more than {OBJECTS_IN_GET_MAX}: name the ids.");
        return Err(MethodError::new(Kind::RequestTooLarge, why));
    }
    Ok(page.ids)
}
