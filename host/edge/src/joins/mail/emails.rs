//! `concierge:mail/emails`, answered by the domain crate in this process.

use super::convert::To;
use super::{answered, to_the_end};
use crate::joins::Services;
use crate::joins::bindings::mail::emails::{
    Changes, Copied, Detail, Edit, Edited, Email, Error, Refusal, Thread,
};

pub(in crate::joins) async fn get(
    services: &Services,
    token: String,
    account: String,
    ids: Vec<String>,
    detail: Detail,
) -> Result<(Vec<Email>, u64), Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.emails(principal, &account, ids, detail.to()).await)
}

pub(in crate::joins) async fn parse(
    services: &Services,
    token: String,
    account: String,
    blobs: Vec<String>,
    detail: Detail,
) -> Result<Vec<Result<Email, Refusal>>, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(
        mail.parse_emails(principal, &account, blobs, detail.to())
            .await,
    )
}

pub(in crate::joins) async fn changed(
    services: &Services,
    token: String,
    account: String,
    since: u64,
    max: u32,
) -> Result<Changes, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.emails_changed(principal, &account, since, max).await)
}

pub(in crate::joins) async fn set(
    services: &Services,
    token: String,
    account: String,
    if_in_state: Option<u64>,
    edits: Vec<Edit>,
) -> Result<Edited, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    to_the_end(async move {
        let set = mail.set_emails(principal, &account, if_in_state, edits.to());
        set.await
    })
    .await
}

pub(in crate::joins) async fn copy(
    services: &Services,
    token: String,
    from_account: String,
    account: String,
    if_from_in_state: Option<u64>,
    if_in_state: Option<u64>,
    emails: Vec<Copied>,
) -> Result<Edited, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    to_the_end(async move {
        let copy = mail.copy_emails(
            principal,
            &from_account,
            &account,
            if_from_in_state,
            if_in_state,
            emails.to(),
        );
        copy.await
    })
    .await
}

pub(in crate::joins) async fn threads(
    services: &Services,
    token: String,
    account: String,
    ids: Vec<String>,
) -> Result<(Vec<Thread>, u64), Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.threads(principal, &account, ids).await)
}

pub(in crate::joins) async fn threads_changed(
    services: &Services,
    token: String,
    account: String,
    since: u64,
    max: u32,
) -> Result<Changes, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.threads_changed(principal, &account, since, max).await)
}
