//! `concierge:mail/search`, answered by the domain crate in this process.

use super::answered;
use super::convert::To;
use crate::joins::Services;
use crate::joins::bindings::mail::search::{
    Error, Page, Query, QueryChanges, Snippet, Term, Window,
};

pub(in crate::joins) async fn emails(
    services: &Services,
    token: String,
    account: String,
    query: Query,
    window: Window,
) -> Result<Page, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(
        mail.search_emails(principal, &account, query.to(), window.to())
            .await,
    )
}

#[allow(clippy::too_many_arguments, reason = "the contract's, and who answers")]
pub(in crate::joins) async fn email_changes(
    services: &Services,
    token: String,
    account: String,
    query: Query,
    since: u64,
    max: Option<u32>,
    up_to: Option<String>,
    calculate_total: bool,
) -> Result<QueryChanges, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    let query = query.to();
    let changes = mail.search_changes(
        principal,
        &account,
        query,
        since,
        max,
        up_to,
        calculate_total,
    );
    answered(changes.await)
}

pub(in crate::joins) async fn snippets(
    services: &Services,
    token: String,
    account: String,
    filter: Vec<Term>,
    emails: Vec<String>,
) -> Result<Vec<Snippet>, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(
        mail.search_snippets(principal, &account, filter.to(), emails)
            .await,
    )
}
