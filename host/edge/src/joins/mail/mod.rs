//! `concierge:mail`: each function is a method of the mail service.

pub(super) mod accounts;
mod convert;
pub(super) mod emails;
pub(super) mod events;
pub(super) mod mailboxes;
pub(super) mod messages;
pub(super) mod outgoing;
pub(super) mod search;
pub(super) mod submissions;

use super::Services;
use super::bindings::mail::accounts::Error;
use concierge_identity::AccountId;
use concierge_mail::Mail;
use convert::To;
use std::sync::Arc;

impl Services {
    /// Mail in this process, and whom `token` proves.
    fn mail_by_principal(&self, token: &str) -> Result<(Arc<Mail>, AccountId), Error> {
        let (Some(identity), Some(mail)) = (&self.identity, &self.mail) else {
            // A component that imports the interface is not loaded where there is nothing behind it.
            return Err(Error::Internal);
        };
        let principal = identity.principal(token).map_err(|error| {
            tracing::debug!("a token was refused: {error}");
            Error::InvalidToken
        })?;
        if !self.admits(principal.account) {
            return Err(Error::Forbidden(
                "calls for this account are not answered here".to_owned(),
            ));
        }
        Ok((Arc::clone(mail), principal.account))
    }
}

/// What the domain answers, as the contract has it.
fn answered<T: To<U>, U>(answer: Result<T, concierge_mail::Error>) -> Result<U, Error> {
    answer.map(To::to).map_err(To::to)
}

/// Does what changes something. Once begun it runs to its end, also when who asked goes away meanwhile: a change that
/// is made of several steps is not cut between them.
async fn to_the_end<T: To<U> + Send + 'static, U>(
    work: impl Future<Output = Result<T, concierge_mail::Error>> + Send + 'static,
) -> Result<U, Error> {
    let done = tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!("a change of mail did not run to its end: {error}");
        Err(concierge_mail::Error::Internal)
    });
    answered(done)
}
