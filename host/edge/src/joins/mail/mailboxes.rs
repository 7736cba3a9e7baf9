//! `concierge:mail/mailboxes`, answered by the domain crate in this process.

use super::convert::To;
use super::{answered, to_the_end};
use crate::joins::Services;
use crate::joins::bindings::mail::mailboxes::{Changes, Edit, Error, Mailbox, Outcomes};

pub(in crate::joins) async fn list(
    services: &Services,
    token: String,
    account: String,
) -> Result<(Vec<Mailbox>, u64), Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.mailboxes(principal, &account).await)
}

pub(in crate::joins) async fn changed(
    services: &Services,
    token: String,
    account: String,
    since: u64,
    max: u32,
) -> Result<Changes, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(
        mail.mailboxes_changed(principal, &account, since, max)
            .await,
    )
}

pub(in crate::joins) async fn set(
    services: &Services,
    token: String,
    account: String,
    if_in_state: Option<u64>,
    edits: Vec<Edit>,
) -> Result<Outcomes, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    to_the_end(async move {
        let set = mail.set_mailboxes(principal, &account, if_in_state, edits.to());
        set.await
    })
    .await
}
