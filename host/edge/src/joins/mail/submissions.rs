//! `concierge:mail/submissions`, answered by the domain crate in this process.

use super::convert::To;
use super::{answered, to_the_end};
use crate::joins::Services;
use crate::joins::bindings::mail::submissions::{
    Changes, Edit, Error, Filter, Outcomes, Sender, SenderEdit, Submission, Vacation,
};

pub(in crate::joins) async fn senders(
    services: &Services,
    token: String,
    account: String,
) -> Result<(Vec<Sender>, u64), Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.senders(principal, &account).await)
}

pub(in crate::joins) async fn senders_changed(
    services: &Services,
    token: String,
    account: String,
    since: u64,
    max: u32,
) -> Result<Changes, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.senders_changed(principal, &account, since, max).await)
}

pub(in crate::joins) async fn set_senders(
    services: &Services,
    token: String,
    account: String,
    if_in_state: Option<u64>,
    edits: Vec<SenderEdit>,
) -> Result<Outcomes, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    to_the_end(async move {
        let set = mail.set_senders(principal, &account, if_in_state, edits.to());
        set.await
    })
    .await
}

pub(in crate::joins) async fn get(
    services: &Services,
    token: String,
    account: String,
    ids: Vec<String>,
) -> Result<(Vec<Submission>, u64), Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.submissions(principal, &account, ids).await)
}

pub(in crate::joins) async fn changed(
    services: &Services,
    token: String,
    account: String,
    since: u64,
    max: u32,
) -> Result<Changes, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    let changes = mail.submissions_changed(principal, &account, since, max);
    answered(changes.await)
}

pub(in crate::joins) async fn query(
    services: &Services,
    token: String,
    account: String,
    filter: Filter,
) -> Result<(Vec<String>, u64), Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    let found = mail.query_submissions(principal, &account, filter.to());
    answered(found.await)
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
        let set = mail.set_submissions(principal, &account, if_in_state, edits.to());
        set.await
    })
    .await
}

pub(in crate::joins) async fn get_vacation(
    services: &Services,
    token: String,
    account: String,
) -> Result<(Vacation, u64), Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.vacation(principal, &account).await)
}

pub(in crate::joins) async fn set_vacation(
    services: &Services,
    token: String,
    account: String,
    if_in_state: Option<u64>,
    vacation: Vacation,
) -> Result<(u64, u64), Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    to_the_end(async move {
        let set = mail.set_vacation(principal, &account, if_in_state, vacation.to());
        set.await
    })
    .await
}
