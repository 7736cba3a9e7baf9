//! What sessions of SMTP ask: other servers the steps, our users what they may.

use concierge_smtp::server::{
    Answer, Authenticated, Connection, Credentials, Envelope, Handler, Incoming, Service,
};
use concierge_smtp::{EnhancedCode, Recipient, Reply, Sender};

use crate::steps::{Step, Verdict, refused};
use crate::{IncomingMail, Shared};

/// Not now, and the log has more.
pub(crate) fn fault(what: &str, error: &dyn std::fmt::Display) -> Reply {
    tracing::error!(%error, "{what}");
    Reply::new(
        451,
        EnhancedCode(4, 3, 0),
        "not now; a fault of this server",
    )
}

impl Shared {
    /// Asks the steps in their order.
    pub(crate) async fn steps<'a>(
        &'a self,
        ask: impl Fn(&'a dyn Step) -> Verdict<'a>,
    ) -> Result<(), Reply> {
        for step in &self.steps {
            let asked = ask(&**step).await;
            asked.map_err(|reply| refused(step.name(), reply))?;
        }
        Ok(())
    }
}

impl Handler for IncomingMail {
    fn connect<'a>(&'a self, connection: &'a Connection) -> Answer<'a, Result<(), Reply>> {
        // Who signs in is counted by account; blocked addresses are blocked everywhere.
        Box::pin(self.shared.steps(move |step| step.connect(connection)))
    }

    fn authenticate<'a>(
        &'a self,
        connection: &'a Connection,
        credentials: Credentials,
    ) -> Answer<'a, Result<Authenticated, Reply>> {
        Box::pin(self.shared.sign_in(connection, credentials))
    }

    fn sender<'a>(
        &'a self,
        connection: &'a Connection,
        sender: &'a Sender,
    ) -> Answer<'a, Result<(), Reply>> {
        match connection.service {
            Service::Exchange => Box::pin(
                self.shared
                    .steps(move |step| step.sender(connection, sender)),
            ),
            Service::Submission | Service::Submissions => {
                Box::pin(self.shared.submission_sender(connection, sender))
            }
        }
    }

    fn recipient<'a>(
        &'a self,
        connection: &'a Connection,
        sender: &'a Sender,
        recipient: &'a Recipient,
    ) -> Answer<'a, Result<(), Reply>> {
        match connection.service {
            Service::Exchange => Box::pin(
                self.shared
                    .steps(move |step| step.recipient(connection, sender, recipient)),
            ),
            Service::Submission | Service::Submissions => {
                Box::pin(self.shared.submission_recipient(connection, recipient))
            }
        }
    }

    fn message<'a>(
        &'a self,
        connection: &'a Connection,
        envelope: Envelope,
    ) -> Answer<'a, Result<Box<dyn Incoming>, Reply>> {
        Box::pin(self.take_message(connection, envelope))
    }

    fn disconnect(&self, _: &Connection) {}
}
