//! `concierge:mail/outgoing`, answered by the domain crate in this process.

use super::convert::To;
use super::to_the_end;
use crate::joins::Services;
use crate::joins::bindings::mail::outgoing::{Accepted, Error, Message};

pub(in crate::joins) async fn send(
    services: &Services,
    token: String,
    account: String,
    message: Message,
) -> Result<Accepted, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    to_the_end(async move { mail.send(principal, &account, message.to()).await }).await
}
