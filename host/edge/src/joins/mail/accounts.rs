//! `concierge:mail/accounts`, answered by the domain crate in this process.

use super::answered;
use crate::joins::Services;
use crate::joins::bindings::mail::accounts::{Account, DataType, Error, Quota};

pub(in crate::joins) async fn list(
    services: &Services,
    token: String,
) -> Result<Vec<Account>, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.accounts(principal).await)
}

pub(in crate::joins) async fn states(
    services: &Services,
    token: String,
    account: String,
) -> Result<Vec<(DataType, u64)>, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.states(principal, &account).await)
}

pub(in crate::joins) async fn quotas(
    services: &Services,
    token: String,
    account: String,
) -> Result<Vec<Quota>, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.quotas(principal, &account).await)
}
