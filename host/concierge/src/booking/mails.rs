//! Bookings' mails on their way into mail's outgoing queue.

use std::pin::Pin;
use std::sync::Arc;

use concierge_booking::MailOutbox;
use concierge_booking::store::QueuedMail;
use concierge_mail::types::calls::outgoing::{Attachment, Category, Content, Letter, Message};
use concierge_mail::{Error, Mail};

/// Hands bookings' mails to the outgoing queue.
pub struct Mails {
    /// The mail service.
    pub mail: Arc<Mail>,
    /// The address that they leave from; answers go to the hotel's own.
    pub from: String,
}

impl Mails {
    async fn hand_over(&self, queued: &QueuedMail) -> Result<(), String> {
        let mail = &queued.mail;
        // Never as the hotel's own address: its staff write it, and nothing proves that it is theirs.
        let account = self.mail.store().account_of_address(&self.from).await;
        let account = account.map_err(|error| error.to_string())?;
        let account = account.ok_or_else(|| format!("nobody has {}", self.from))?;
        let message = Message {
            from: self.from.clone(),
            from_name: Some(mail.from_name.clone()),
            to: vec![mail.to.clone()],
            reply_to: Some(mail.from.clone()).filter(|from| !from.is_empty()),
            category: Category::Transactional,
            content: Content::Letter(Letter {
                subject: mail.subject.clone(),
                text: mail.text.clone(),
                html: None,
                attachments: invitation(&mail.calendar).into_iter().collect(),
            }),
            idempotency_key: mail.id.to_string(),
        };
        let id = account.to_string();
        match self.mail.send(account, &id, message).await {
            Ok(_) => Ok(()),
            // It would be no better tomorrow, and those behind it wait.
            Err(error @ (Error::InvalidArguments(_) | Error::TooLarge(_))) => {
                tracing::error!(hotel = %queued.hotel, mail = %mail.id, %error, "a mail cannot be sent");
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

fn invitation(calendar: &str) -> Option<Attachment> {
    (!calendar.is_empty()).then(|| Attachment {
        name: "invite.ics".to_owned(),
        content_type: "text/calendar; charset=utf-8".to_owned(),
        bytes: calendar.as_bytes().to_vec(),
    })
}

impl MailOutbox for Mails {
    fn send<'a>(
        &'a self,
        mail: &'a QueuedMail,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(self.hand_over(mail))
    }
}
