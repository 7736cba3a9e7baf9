//! `Email/copy` (RFC 8621 §4.7).

use serde_json::{Map, Value, json};

use super::made::MadeAnswer;
use super::placement::Placement;
use crate::bindings::concierge::mail::emails::Copied;
use crate::host::{Host, State};
use crate::jmap::context::{Arguments, Context, CreatedIds};
use crate::jmap::error::{Kind, MethodError, SetError};
use crate::jmap::limits::OBJECTS_IN_SET_MAX;
use crate::jmap::set::{if_in_state, objects};
use crate::methods::properties::Properties;

/// The method that destroys the originals.
const EMAIL_SET: &str = "Email/set";

/// What a call asks for.
struct Wanted {
    from: String,
    account: String,
    if_from_in_state: Option<State>,
    if_in_state: Option<State>,
    create: Map<String, Value>,
    destroy_originals: bool,
    /// As the client sent it, for `Email/set`.
    destroy_from_if_in_state: Option<String>,
}

impl Wanted {
    fn take(mut arguments: Arguments) -> Result<Self, MethodError> {
        let from_state: Option<String> = arguments.take("ifFromInState")?;
        let state: Option<String> = arguments.take("ifInState")?;
        let wanted = Self {
            from: arguments.require("fromAccountId")?,
            account: arguments.require("accountId")?,
            if_from_in_state: if_in_state(from_state.as_deref())?,
            if_in_state: if_in_state(state.as_deref())?,
            create: arguments.require("create")?,
            destroy_originals: arguments.take("onSuccessDestroyOriginal")?.unwrap_or(false),
            destroy_from_if_in_state: arguments.take("destroyFromIfInState")?,
        };
        arguments.finish()?;
        if wanted.from == wanted.account {
            let why = "The accounts are the same.";
            return Err(MethodError::invalid_arguments(why));
        }
        if wanted.create.len() > OBJECTS_IN_SET_MAX {
            let why = format!("At most {OBJECTS_IN_SET_MAX} emails at once.");
            return Err(MethodError::new(Kind::RequestTooLarge, why));
        }
        Ok(wanted)
    }
}

/// Runs it.
///
/// # Errors
///
/// Those of RFC 8620 §5.4.
pub async fn run<H: Host>(
    context: &mut Context<'_, H>,
    arguments: Arguments,
) -> Result<Value, MethodError> {
    let wanted = Wanted::take(arguments)?;
    context
        .account(&wanted.from)
        .map_err(|_| Kind::FromAccountNotFound)?;
    context.writable(&wanted.account)?;
    let mut answer = MadeAnswer::default();
    let mut creations = Vec::new();
    let mut emails = Vec::new();
    for (creation, members) in objects("create", wanted.create)? {
        match copied(members, &context.created) {
            Ok(email) => {
                creations.push(creation);
                emails.push(email);
            }
            Err(error) => answer.refused(&creation, &error),
        }
    }
    let originals: Vec<String> = emails.iter().map(|email| email.from_id.clone()).collect();
    let (host, token) = (context.host, context.token);
    let mut edited = host
        .copy_emails(
            token,
            &wanted.from,
            &wanted.account,
            wanted.if_from_in_state,
            wanted.if_in_state,
            emails,
        )
        .await?;
    let items = std::mem::take(&mut edited.items);
    answer.take(&creations, items, context, SetError::from)?;
    if wanted.destroy_originals {
        let is_made = |creation: &String| answer.made().any(|made| made == creation);
        let made = creations.iter().zip(originals);
        let mut ids: Vec<String> = made
            .filter(|(creation, _)| is_made(creation))
            .map(|(_, original)| original)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        destroy(context, &wanted.from, wanted.destroy_from_if_in_state, ids).await;
    }
    let mut members = answer.finish(&wanted.account, &edited);
    members.insert("fromAccountId".to_owned(), wanted.from.into());
    Ok(members.into())
}

fn copied(members: Map<String, Value>, created: &CreatedIds) -> Result<Copied, SetError> {
    let mut properties = Properties::of_new(members);
    let id: String = properties.require("id");
    let from_id = created.resolve(&id).map(str::to_owned);
    if from_id.is_none() {
        properties.fault("id", "Nothing was created under this id.");
    }
    let placement = Placement::take(&mut properties, created);
    properties.finish()?;
    Ok(Copied {
        from_id: from_id.unwrap_or_default(),
        mailboxes: placement.mailboxes,
        keywords: placement.keywords,
        received_us: placement.received_us,
    })
}

/// Destroys originals; its response follows that of the present call (RFC 8620 §5.4).
async fn destroy<H: Host>(
    context: &mut Context<'_, H>,
    account: &str,
    if_in_state: Option<String>,
    ids: Vec<String>,
) {
    if ids.is_empty() {
        return;
    }
    let arguments = [
        ("accountId", json!(account)),
        ("ifInState", json!(if_in_state)),
        ("destroy", json!(ids)),
    ];
    let arguments = arguments.map(|(name, value)| (name.to_owned(), value));
    let outcome = super::set::run(context, Arguments(arguments.into_iter().collect())).await;
    let response = match outcome {
        Ok(answer) => (EMAIL_SET, answer),
        Err(error) => ("error", error.to_json()),
    };
    context.implicit.push(response);
}

#[cfg(test)]
mod tests;
