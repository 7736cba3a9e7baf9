//! The answer of someone who is away (RFC 8621 §8, RFC 3834).
//!
//! It goes to the sender of the envelope, from nobody, so that no answer is answered; never to lists, to what was sent
//! by programs, or for mail that does not name the account; and to each sender once in
//! [`crate::store::VACATION_PERIOD_US`].

use concierge_identity::AccountId;
use concierge_mail_message::Message;

use super::contents::Loaded;
use super::deliver::DeliveryRequest;
use super::drafts::{Fault, item};
use super::letters::{encoded, field, letter};
use super::{Mail, addresses, views};
use crate::error::Error;
use crate::store::NewSubmission;
use crate::types::calls::outgoing::Category;
use crate::types::{Envelope, Path, StateNumber, SubmissionId, TimeUs, Vacation};

/// Longest subject of the message that is answered, characters.
const SUBJECT_MAX_CHARS: usize = 200;
/// Fields of mailing lists (RFC 2369, RFC 2919) and of programs, which are not answered (RFC 3834 §2).
const UNANSWERED_FIELDS: [&str; 6] = [
    "List-Id",
    "List-Post",
    "List-Help",
    "List-Unsubscribe",
    "List-Subscribe",
    "X-Auto-Response-Suppress",
];
/// Values of Precedence that are not answered.
const UNANSWERED_PRECEDENCES: [&str; 3] = ["bulk", "list", "junk"];
/// Local parts that programs send from (RFC 3834 §2).
const PROGRAMS: [&str; 6] = [
    "mailer-daemon",
    "postmaster",
    "listserv",
    "majordomo",
    "noreply",
    "no-reply",
];

impl Mail {
    /// The answer of someone who is away, and its state.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`]; what the store says.
    pub async fn vacation(
        &self,
        principal: AccountId,
        account: &str,
    ) -> Result<(Vacation, StateNumber), Error> {
        let account = self.read(principal, account).await?;
        self.store.vacation(account).await
    }

    /// Sets it; the old and the new state.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::AccountReadOnly`], [`Error::StateMismatch`]; what the store says.
    pub async fn set_vacation(
        &self,
        principal: AccountId,
        account: &str,
        if_in_state: Option<StateNumber>,
        vacation: Vacation,
    ) -> Result<(StateNumber, StateNumber), Error> {
        let account = self.write(principal, account).await?;
        self.store
            .set_vacation(account, if_in_state, vacation)
            .await
    }

    /// Answers a message that was delivered, if it is to be. That it could not be is no fault of the delivery.
    pub(super) async fn answer(&self, account: AccountId, request: DeliveryRequest) {
        match item(self.try_answer(account, request).await) {
            Ok(Ok(())) => {}
            Ok(Err(refusal)) => tracing::warn!(?refusal, "an answer of who is away"),
            Err(error) => tracing::warn!(%error, "an answer of who is away"),
        }
    }

    async fn try_answer(&self, account: AccountId, request: DeliveryRequest) -> Result<(), Fault> {
        let now_us = self.now_us();
        let (vacation, _) = self.store.vacation(account).await?;
        if !is_on(&vacation, now_us) || !is_person(&request.mail_from) {
            return Ok(());
        }
        let own = self.addresses(account, account).await?;
        if addresses::may_write_as(&own, &request.mail_from) {
            return Ok(());
        }
        let loaded = self.contents.loaded(request.bytes.clone()).await?;
        let Some(asked) = asked(loaded, own).await? else {
            return Ok(());
        };
        let sender = request.mail_from.to_lowercase();
        if !self.store.answer_vacation(account, sender, now_us).await? {
            return Ok(());
        }
        let headers = headers(&request, &asked, &vacation);
        let text = vacation.text.unwrap_or_default();
        let (draft, attached) = letter(headers, text, vacation.html, Vec::new());
        let spooled = self.assembled(account, &draft, &attached).await?;
        let blob = spooled.hash;
        self.contents.keep(account, spooled).await?;
        let submission = NewSubmission {
            id: SubmissionId::generate(),
            account,
            email: None,
            blob,
            envelope: Envelope {
                mail_from: path(String::new()),
                rcpt_to: vec![path(request.mail_from)],
            },
            send_at_us: now_us,
            category: super::outgoing::number(Category::Notification),
            idempotency_key: None,
            now_us,
        };
        self.store.submit(submission).await??;
        self.bells.queue.notify_one();
        Ok(())
    }
}

pub(super) fn path(email: String) -> Path {
    Path {
        email,
        parameters: Vec::new(),
    }
}

fn is_on(vacation: &Vacation, now_us: TimeUs) -> bool {
    vacation.enabled
        && vacation.from_us.is_none_or(|from_us| from_us <= now_us)
        && vacation.to_us.is_none_or(|to_us| now_us < to_us)
}

/// Whether a person may be behind an address of an envelope.
fn is_person(address: &str) -> bool {
    let Some((local, _)) = addresses::parts(address) else {
        return false;
    };
    let local = local.to_ascii_lowercase();
    let is_list =
        local.starts_with("owner-") || local.ends_with("-request") || local.ends_with("-owner");
    !is_list && !PROGRAMS.contains(&local.as_str())
}

/// What an answer needs of the message.
struct Asked {
    subject: String,
    message_id: Option<String>,
    references: Vec<String>,
}

async fn asked(loaded: Loaded, own: Vec<String>) -> Result<Option<Asked>, Error> {
    views::with_message(loaded, move |message, _| {
        let is_named = ["To", "Cc", "Bcc"]
            .into_iter()
            .flat_map(|name| message.addresses(name))
            .any(|named| addresses::may_write_as(&own, &named.address));
        (is_named && is_answered(message)).then(|| {
            let keys = message.thread_keys();
            Asked {
                subject: message.subject().chars().take(SUBJECT_MAX_CHARS).collect(),
                message_id: keys.message_id,
                references: keys.references,
            }
        })
    })
    .await
}

fn is_answered(message: &Message<'_>) -> bool {
    let word = |name: &str| {
        let value = message.header(name).map(concierge_mail_message::text)?;
        let word = value.split([';', ' ']).next().unwrap_or_default();
        Some(word.to_ascii_lowercase())
    };
    let is_automatic = word("Auto-Submitted").is_some_and(|word| word != "no");
    let precedence = word("Precedence").unwrap_or_default();
    let is_bulk = UNANSWERED_PRECEDENCES.contains(&precedence.as_str());
    let mut fields = UNANSWERED_FIELDS.iter();
    !is_automatic && !is_bulk && !fields.any(|name| message.header(name).is_some())
}

fn headers(
    request: &DeliveryRequest,
    asked: &Asked,
    vacation: &Vacation,
) -> Vec<concierge_mail_message::Field> {
    let subject = match &vacation.subject {
        Some(subject) => encoded(subject),
        // RFC 3834 §3.1.5.
        None => encoded(&format!("Auto: {}", asked.subject)),
    };
    let mut headers = vec![
        field("From", request.recipient.as_str()),
        field("To", request.mail_from.as_str()),
        field("Subject", subject),
        field("Auto-Submitted", "auto-replied"),
    ];
    if let Some(id) = asked.message_id.as_ref().filter(|id| is_ascii_id(id)) {
        let ids = asked.references.iter().rev().take(20).rev();
        let ids = ids.filter(|id| is_ascii_id(id)).chain([id]);
        let ids: Vec<_> = ids.map(|id| format!("<{id}>")).collect();
        headers.push(field("In-Reply-To", format!("<{id}>")));
        headers.push(field("References", ids.join(" ")));
    }
    headers
}

/// One that can be written as it is. There are damaged ones.
fn is_ascii_id(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_graphic()) && !id.contains(['<', '>'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(message: &str) -> bool {
        is_answered(&concierge_mail_message::read(message.as_bytes()))
    }

    #[test]
    fn lists_and_programs_are_not_answered() {
        assert!(answered("Subject: hello\r\n\r\n"));
        assert!(answered("Auto-Submitted: no\r\n\r\n"));
        for field in [
            "Auto-Submitted: auto-replied; owner-email=a@b",
            "Precedence: Bulk",
            "List-Id: <l.example.org>",
            "X-Auto-Response-Suppress: All",
        ] {
            assert!(!answered(&format!("{field}\r\n\r\n")), "{field}");
        }
        assert!(is_person("ann@example.org"));
        for program in [
            "",
            "MAILER-DAEMON@a.example",
            "owner-l@a.example",
            "l-request@a.example",
        ] {
            assert!(!is_person(program), "{program}");
        }
    }

    #[test]
    fn it_has_a_time() {
        let vacation = Vacation {
            enabled: true,
            from_us: Some(10),
            to_us: Some(20),
            ..Vacation::default()
        };
        assert!(!is_on(&vacation, 9) && is_on(&vacation, 10));
        assert!(is_on(&vacation, 19) && !is_on(&vacation, 20));
    }
}
