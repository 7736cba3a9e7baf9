//! AUTH (RFC 4954).

use super::super::command::Mechanism;
use super::super::handler::{Credentials, Service};
use super::super::options::SASL_LINE_MAX_BYTES;
use super::super::sasl;
use super::super::wire::{Ended, Line};
use super::{Session, ask, sequence};
use crate::reply::{EnhancedCode, Reply};

impl Session {
    /// Whether passwords are taken here and now.
    pub(super) fn may_authenticate(&self) -> Result<(), Reply> {
        if self.connection.service == Service::Exchange {
            let why = "nobody signs in here; there are ports for submission";
            return Err(Reply::new(502, EnhancedCode(5, 5, 1), why));
        }
        let is_here = self.connection.peer.ip().to_canonical().is_loopback();
        let is_secret = self.connection.tls.is_some();
        if is_secret || (is_here && self.shared.options.plain_on_loopback) {
            return Ok(());
        }
        // RFC 4954 §4.
        let why = "STARTTLS comes first";
        Err(Reply::new(538, EnhancedCode(5, 7, 11), why))
    }

    pub(super) async fn auth(
        &mut self,
        mechanism: Mechanism,
        initial: Option<String>,
    ) -> Result<Reply, Ended> {
        if let Err(reply) = self.may_authenticate() {
            return Ok(reply);
        }
        if !self.connection.is_extended {
            return Ok(sequence("EHLO comes first"));
        }
        if self.connection.authenticated.is_some() {
            return Ok(sequence("you are signed in"));
        }
        if self.transaction.is_some() {
            return Ok(sequence("not in the middle of a message"));
        }
        let credentials = match mechanism {
            Mechanism::Plain => self.plain(initial).await?,
            Mechanism::Login => self.login(initial).await?,
        };
        match credentials {
            Ok(credentials) => Ok(self.sign_in(credentials).await),
            Err(reply) => Ok(reply),
        }
    }

    async fn plain(
        &mut self,
        initial: Option<String>,
    ) -> Result<Result<Credentials, Reply>, Ended> {
        let response = match initial {
            Some(response) => Ok(response),
            None => self.response("").await?,
        };
        Ok(response.and_then(|response| sasl::plain(&response)))
    }

    async fn login(
        &mut self,
        initial: Option<String>,
    ) -> Result<Result<Credentials, Reply>, Ended> {
        let user = match initial {
            Some(user) => Ok(user),
            None => self.response(sasl::LOGIN_USER).await?,
        };
        let user = match user.and_then(|user| sasl::text(&user)) {
            Ok(user) => user,
            Err(reply) => return Ok(Err(reply)),
        };
        let password = self.response(sasl::LOGIN_PASSWORD).await?;
        let password = password.and_then(|password| sasl::text(&password));
        Ok(password.map(|password| Credentials { user, password }))
    }

    /// What the client says to a challenge; 501 where it gives up (RFC 4954 §4).
    async fn response(&mut self, challenge: &str) -> Result<Result<String, Reply>, Ended> {
        let limit = self.limits().idle_timeout;
        self.reply(&Reply::plain(334, challenge));
        let line = self.wire()?.line(SASL_LINE_MAX_BYTES, limit).await?;
        Ok(match line {
            Line::Whole(line) if line == b"*" => {
                let why = "given up, as you wish";
                Err(Reply::new(501, EnhancedCode(5, 7, 0), why))
            }
            Line::Whole(line) => Ok(String::from_utf8_lossy(&line).into_owned()),
            Line::TooLong => {
                let why = "a response that is too long";
                Err(Reply::new(500, EnhancedCode(5, 5, 6), why))
            }
            Line::BareLineFeed => {
                let why = "a line that ends without CR";
                Err(Reply::new(500, EnhancedCode(5, 5, 2), why))
            }
        })
    }

    async fn sign_in(&mut self, credentials: Credentials) -> Reply {
        let limits = *self.limits();
        let handler = &self.shared.handler;
        let asked = handler.authenticate(&self.connection, credentials);
        let answer = ask(limits.handler_timeout, asked).await;
        let outcome = if answer.is_ok() { "right" } else { "refused" };
        metrics::counter!("concierge_smtp_authentications_total", "outcome" => outcome)
            .increment(1);
        match answer {
            Ok(authenticated) => {
                self.connection.authenticated = Some(authenticated);
                Reply::new(235, EnhancedCode(2, 7, 0), "welcome")
            }
            Err(reply) => {
                self.wrong_passwords += 1;
                if self.wrong_passwords < limits.authentications_max {
                    return reply;
                }
                self.reply(&reply);
                let why = "too many wrong passwords";
                Reply::new(421, EnhancedCode(4, 7, 0), why)
            }
        }
    }
}
