//! `concierge:mail/events`, answered by the domain crate in this process.

use super::convert::To;
use super::{answered, to_the_end};
use crate::joins::Services;
use crate::joins::bindings::mail::events::{Error, Opened, Push, PushPatch, Subscription};
use crate::joins::body::{ENDLESS, Output};

pub(in crate::joins) async fn listen(
    services: &Services,
    token: String,
    subscription: Subscription,
) -> Result<(Opened, Output), Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    let events = mail.listen(principal, subscription.to()).await;
    let opened = Opened { length: ENDLESS };
    Ok((opened, Output::Mail(events.map_err(To::to)?)))
}

pub(in crate::joins) async fn pushes(
    services: &Services,
    token: String,
) -> Result<Vec<Push>, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.pushes(principal).await)
}

pub(in crate::joins) async fn create_push(
    services: &Services,
    token: String,
    push: Push,
) -> Result<Push, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    to_the_end(async move { mail.create_push(principal, push.to()).await }).await
}

pub(in crate::joins) async fn update_push(
    services: &Services,
    token: String,
    patch: PushPatch,
) -> Result<Push, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    to_the_end(async move { mail.update_push(principal, patch.to()).await }).await
}

pub(in crate::joins) async fn delete_push(
    services: &Services,
    token: String,
    id: String,
) -> Result<(), Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    to_the_end(async move { mail.delete_push(principal, &id).await }).await
}
