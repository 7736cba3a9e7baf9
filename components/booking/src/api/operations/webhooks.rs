//! Where changes of a hotel's reservations are told.

use http::header::LOCATION;
use http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};

use crate::api::call::{Call, Outcome};
use crate::api::checks::Checks;
use crate::api::problem::Code;
use crate::api::{PREFIX, json_reply};
use crate::bindings::concierge::booking::administration::Webhook as Contract;
use crate::host::Host;
use crate::reply;

/// Characters of an address.
const URL_CHARS_MAX: usize = 2_048;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    url: String,
}

#[derive(Serialize)]
struct Webhook {
    id: String,
    url: String,
    /// Only in the answer that makes it.
    #[serde(skip_serializing_if = "String::is_empty")]
    secret: String,
    last_failure: Option<String>,
}

impl From<Contract> for Webhook {
    fn from(webhook: Contract) -> Self {
        Self {
            id: webhook.id,
            url: webhook.url,
            secret: webhook.secret,
            last_failure: Some(webhook.last_failure).filter(|failure| !failure.is_empty()),
        }
    }
}

#[derive(Serialize)]
struct Webhooks {
    webhooks: Vec<Webhook>,
}

/// Makes a webhook. Whether its address may be called is for the host to say, which calls it.
pub async fn create<H: Host>(mut call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let hotel = call.hotel()?;
    let caller = call.account().await?;
    let Wanted { url } = call.json().await?;
    let mut checks = Checks::default();
    checks.needed("url", &url, URL_CHARS_MAX);
    if !is_web_address(&url) {
        checks.refuse(Code::Malformed, "url", "It is an http or https address.");
    }
    checks.finish()?;
    let made = call.host.create_webhook(caller, hotel.clone(), url).await?;
    let location = format!("{PREFIX}/hotels/{hotel}/webhooks/{}", made.id);
    let mut answer = json_reply(StatusCode::CREATED, &Webhook::from(made))?;
    reply::set_text(&mut answer, LOCATION, &location);
    Ok(answer)
}

fn is_web_address(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    })
}

/// The hotel's webhooks.
pub async fn list<H: Host>(call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let hotel = call.hotel()?;
    let caller = call.account().await?;
    let webhooks = call.host.list_webhooks(caller, hotel).await?;
    let webhooks = webhooks.into_iter().map(Into::into).collect();
    json_reply(StatusCode::OK, &Webhooks { webhooks })
}

/// Removes one.
pub async fn delete<H: Host>(call: Call<'_, H>) -> Outcome {
    call.no_query()?;
    let (hotel, id) = (call.hotel()?, call.id("webhook")?);
    let caller = call.account().await?;
    call.host.delete_webhook(caller, hotel, id).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
