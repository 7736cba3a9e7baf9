//! `Email/changes` (RFC 8621 §4.3).

use serde_json::Value;

use crate::host::Host;
use crate::jmap::context::{Arguments, Context};
use crate::jmap::error::MethodError;
use crate::jmap::get::{self, ChangesArguments};

/// Runs it.
///
/// # Errors
///
/// Those of RFC 8620 §5.2.
pub async fn run<H: Host>(
    context: &Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let arguments: ChangesArguments = arguments.parse()?;
    let account = context.account(&arguments.account_id)?.id.as_str();
    let (since, max) = (arguments.since()?, arguments.max()?);
    let changes = context
        .host
        .emails_changed(context.token, account, since, max)
        .await?;
    Ok(get::changes_answer(account, &changes))
}
