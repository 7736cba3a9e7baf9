//! `concierge:mail/submissions`: senders and submissions.

use std::collections::BTreeSet;

use concierge_identity::AccountId;
use concierge_mail_message::Message;

use super::accounts::changes_max;
use super::drafts::{Fault, item};
use super::emails::EDITS_MAX;
use super::ids::{at_most, id, ids, known};
use super::letters::without_bcc;
use super::vacation::path;
use super::{Mail, addresses, outgoing, views};
use crate::error::{Error, Reason, Refusal};
use crate::spool::Spooled;
use crate::store::{NewSubmission, SubmittedEmail};
use crate::types::calls::emails::IDS_MAX;
use crate::types::calls::outgoing::Category;
use crate::types::calls::submissions::{Edit, Filter, NewSender, Request, SenderEdit, SenderPatch};
use crate::types::{
    self, BlobHash, Changes, EmailRow, Envelope, Outcomes, Sender, SenderId, StateNumber,
    Submission, SubmissionFilter, SubmissionId, TimeUs, US_PER_DAY,
};

/// Recipients of a submission: more are a mailing list's affair.
pub const RECIPIENTS_MAX: usize = 1_000;
/// How long a submission may be held (`maxDelayedSend` of RFC 8621 §1.3.2).
pub const HELD_MAX_US: TimeUs = 30 * US_PER_DAY;

impl Mail {
    /// All senders of an account, and their state.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`]; what the store says.
    pub async fn senders(
        &self,
        principal: AccountId,
        account: &str,
    ) -> Result<(Vec<Sender>, StateNumber), Error> {
        let account = self.read(principal, account).await?;
        self.store.senders(account).await
    }

    /// What changed of senders.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::CannotCalculateChanges`]; what the store says.
    pub async fn senders_changed(
        &self,
        principal: AccountId,
        account: &str,
        since: StateNumber,
        max: u32,
    ) -> Result<Changes<SenderId>, Error> {
        let account = self.read(principal, account).await?;
        let max = changes_max(max);
        self.store.sender_changes(account, since, max).await
    }

    /// Changes senders, each edit on its own. A sender's address is one of the account's.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::AccountReadOnly`], [`Error::StateMismatch`], [`Error::TooLarge`].
    pub async fn set_senders(
        &self,
        principal: AccountId,
        account: &str,
        if_in_state: Option<StateNumber>,
        edits: Vec<SenderEdit>,
    ) -> Result<Outcomes<SenderId>, Error> {
        let account = self.write(principal, account).await?;
        at_most(edits.len(), EDITS_MAX)?;
        let own = self.addresses(principal, account).await?;
        let mut allowed = Vec::new();
        let mut refused = Vec::new();
        for edit in edits {
            refused.push(sender_edit(edit, &own).map(|edit| allowed.push(edit)).err());
        }
        let outcomes = self.store.edit_senders(account, if_in_state, allowed);
        let mut outcomes = outcomes.await?;
        let mut done = outcomes.items.into_iter();
        let items = refused.into_iter().filter_map(|refused| match refused {
            Some(refusal) => Some(Err(refusal)),
            None => done.next(),
        });
        outcomes.items = items.collect();
        Ok(outcomes)
    }

    /// Submissions by id, at most [`IDS_MAX`] (none: all that are kept, the newest first), and their state.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::TooLarge`]; what the store says.
    pub async fn submissions(
        &self,
        principal: AccountId,
        account: &str,
        ids: Vec<String>,
    ) -> Result<(Vec<Submission>, StateNumber), Error> {
        let account = self.read(principal, account).await?;
        at_most(ids.len(), IDS_MAX)?;
        let wanted = (!ids.is_empty()).then(|| known(&ids));
        self.store.submissions(account, wanted, IDS_MAX).await
    }

    /// What changed of submissions.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::CannotCalculateChanges`]; what the store says.
    pub async fn submissions_changed(
        &self,
        principal: AccountId,
        account: &str,
        since: StateNumber,
        max: u32,
    ) -> Result<Changes<SubmissionId>, Error> {
        let account = self.read(principal, account).await?;
        let max = changes_max(max);
        self.store.submission_changes(account, since, max).await
    }

    /// The ids of submissions that match, newest first, and the state.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`]; what the store says.
    pub async fn query_submissions(
        &self,
        principal: AccountId,
        account: &str,
        filter: Filter,
    ) -> Result<(Vec<SubmissionId>, StateNumber), Error> {
        let account = self.read(principal, account).await?;
        let filter = SubmissionFilter {
            senders: filter.senders.as_deref().map(ids),
            emails: filter.emails.as_deref().map(ids),
            threads: filter.threads.as_deref().map(ids),
            undo_status: filter.undo_status,
            before_us: filter.before_us,
            after_us: filter.after_us,
        };
        let max = changes_max(0);
        self.store.query_submissions(account, filter, max).await
    }

    /// Submits and takes back, each edit on its own and durable of its own: `if_in_state` is looked at before the first.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::AccountReadOnly`], [`Error::StateMismatch`], [`Error::TooLarge`].
    pub async fn set_submissions(
        &self,
        principal: AccountId,
        account: &str,
        if_in_state: Option<StateNumber>,
        edits: Vec<Edit>,
    ) -> Result<Outcomes<SubmissionId>, Error> {
        let account = self.write(principal, account).await?;
        at_most(edits.len(), EDITS_MAX)?;
        let old_state = self.submission_state(account).await?;
        if if_in_state.is_some_and(|expected| expected != old_state) {
            return Err(Error::StateMismatch);
        }
        let own = self.addresses(principal, account).await?;
        let mut items = Vec::new();
        for edit in edits {
            items.push(item(self.edit_submission(account, &own, edit).await)?);
        }
        self.bells.queue.notify_one();
        Ok(Outcomes {
            old_state,
            new_state: self.submission_state(account).await?,
            items,
        })
    }

    async fn submission_state(&self, account: AccountId) -> Result<StateNumber, Error> {
        let (_, state) = self.store.submissions(account, Some(Vec::new()), 0).await?;
        Ok(state)
    }

    async fn edit_submission(
        &self,
        account: AccountId,
        own: &[String],
        edit: Edit,
    ) -> Result<SubmissionId, Fault> {
        let now_us = self.now_us();
        match edit {
            Edit::Create(request) => self.submit(account, own, request).await,
            Edit::Cancel(text) => {
                let id = id(&text);
                self.store.cancel_submission(account, id, now_us).await??;
                Ok(id)
            }
            Edit::Destroy(text) => {
                let id = id(&text);
                self.store.destroy_submission(account, id, now_us).await??;
                Ok(id)
            }
        }
    }

    async fn submit(
        &self,
        account: AccountId,
        own: &[String],
        request: Request,
    ) -> Result<SubmissionId, Fault> {
        let now_us = self.now_us();
        let send_at_us = request.send_at_us.unwrap_or(now_us);
        if send_at_us > now_us.saturating_add(HELD_MAX_US) {
            return Err(Refusal::property("sendAt", "it is held too long").into());
        }
        let (sender, email) = self.submitted(account, &request).await?;
        let outbound = self.outbound(account, own, email.blob).await?;
        let envelope = match request.envelope {
            Some(envelope) => envelope,
            None => derived(&sender, &outbound),
        };
        check_envelope(&envelope, own)?;
        let submission = NewSubmission {
            id: SubmissionId::generate(),
            account,
            email: Some(SubmittedEmail {
                email_id: email.id,
                thread_id: email.thread,
                sender_id: sender.id,
            }),
            blob: outbound.blob,
            envelope,
            send_at_us,
            category: outgoing::number(Category::Transactional),
            idempotency_key: None,
            now_us,
        };
        Ok(self.store.submit(submission).await??.id)
    }

    /// The sender and the email of a submission.
    async fn submitted(
        &self,
        account: AccountId,
        request: &Request,
    ) -> Result<(Sender, EmailRow), Fault> {
        let (senders, _) = self.store.senders(account).await?;
        let wanted: SenderId = id(&request.sender_id);
        let sender = senders.into_iter().find(|sender| sender.id == wanted);
        let sender =
            sender.ok_or_else(|| Refusal::property("identityId", "there is no such identity"))?;
        let wanted = vec![id(&request.email_id)];
        let (rows, _) = self.store.emails(account, wanted).await?;
        let email = rows.into_iter().next();
        let email = email.ok_or_else(|| Refusal::property("emailId", "there is no such email"))?;
        Ok((sender, email))
    }

    /// Claims what is sent of an email: the message without Bcc.
    async fn outbound(
        &self,
        account: AccountId,
        own: &[String],
        blob: BlobHash,
    ) -> Result<Outbound, Fault> {
        let opened = self.contents.open_whole(account, blob).await?;
        let loaded = self.contents.load(&opened).await?;
        let read = views::with_message(loaded, move |message, bytes| {
            (Outbound::read(message, blob), without_bcc(bytes))
        });
        let (mut outbound, stripped) = read.await?;
        check_from(&outbound, own)?;
        match stripped {
            None => self.contents.keep_opened(account, &opened).await?,
            Some(bytes) => {
                let spooled = Spooled::of(bytes.into());
                outbound.blob = spooled.hash;
                self.contents.keep(account, spooled).await?;
            }
        }
        Ok(outbound)
    }
}

/// What a message says of who sends it to whom.
pub(super) struct Outbound {
    blob: BlobHash,
    from: Vec<String>,
    sender: Vec<String>,
    recipients: Vec<String>,
}

impl Outbound {
    pub(super) fn read(message: &Message<'_>, blob: BlobHash) -> Self {
        let addresses = |name: &str| {
            let mailboxes = message.addresses(name).into_iter();
            mailboxes.map(|mailbox| mailbox.address).collect::<Vec<_>>()
        };
        Self {
            blob,
            from: addresses("From"),
            sender: addresses("Sender"),
            recipients: ["To", "Cc", "Bcc"]
                .into_iter()
                .flat_map(addresses)
                .collect(),
        }
    }
}

/// Whether the message may go out as it says who it is from (RFC 8621 §7.5, RFC 5322 §3.6.2).
pub(super) fn check_from(outbound: &Outbound, own: &[String]) -> Result<(), Refusal> {
    let invalid = |property: &str, why: &str| Refusal {
        properties: vec![property.to_owned()],
        ..Refusal::new(Reason::InvalidEmail, why)
    };
    if outbound.from.is_empty() {
        return Err(invalid("from", "it does not say who it is from"));
    }
    if outbound.from.len() > 1 && outbound.sender.len() != 1 {
        let why = "it is from several, and does not say who of them sends it";
        return Err(invalid("sender", why));
    }
    let named = outbound.from.iter().chain(&outbound.sender);
    let mut others = named.filter(|address| !addresses::may_write_as(own, address));
    match others.next() {
        Some(other) => {
            let why = format!("the account may not write as {other}");
            Err(Refusal::new(Reason::ForbiddenFrom, why))
        }
        None => Ok(()),
    }
}

/// The envelope of a submission that has none: from its sender to those in To, Cc and Bcc, each once.
fn derived(sender: &Sender, outbound: &Outbound) -> Envelope {
    let named = outbound.sender.first().or(outbound.from.first());
    let mail_from = match sender.email.starts_with('*') {
        true => named.cloned().unwrap_or_default(),
        false => sender.email.clone(),
    };
    let mut seen = BTreeSet::new();
    let recipients = outbound.recipients.iter();
    Envelope {
        mail_from: path(mail_from),
        rcpt_to: recipients
            .filter(|address| seen.insert(address.to_lowercase()))
            .cloned()
            .map(path)
            .collect(),
    }
}

fn check_envelope(envelope: &Envelope, own: &[String]) -> Result<(), Refusal> {
    let mail_from = &envelope.mail_from.email;
    if !addresses::may_write_as(own, mail_from) {
        let why = format!("the account may not send as {mail_from}");
        return Err(Refusal::new(Reason::ForbiddenMailFrom, why));
    }
    let recipients = &envelope.rcpt_to;
    if recipients.is_empty() {
        return Err(Refusal::new(Reason::NoRecipients, "it goes to nobody"));
    }
    if recipients.len() > RECIPIENTS_MAX {
        let many = Refusal::new(Reason::TooManyRecipients, "it goes to too many");
        return Err(many.limit(RECIPIENTS_MAX as u64));
    }
    let emails = recipients.iter().map(|path| &path.email);
    let wrong: Vec<_> = emails
        .filter(|email| addresses::parts(email).is_none())
        .cloned()
        .collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(Refusal {
            subjects: wrong,
            ..Refusal::new(Reason::InvalidRecipients, "these are no addresses")
        }),
    }
}

fn sender_edit(edit: SenderEdit, own: &[String]) -> Result<types::SenderEdit, Refusal> {
    Ok(match edit {
        SenderEdit::Create(new) => types::SenderEdit::Create(new_sender(new, own)?),
        SenderEdit::Update(patch) => types::SenderEdit::Update(sender_patch(patch)),
        SenderEdit::Destroy(text) => types::SenderEdit::Destroy(id(&text)),
    })
}

fn new_sender(new: NewSender, own: &[String]) -> Result<Sender, Refusal> {
    if !addresses::may_write_as(own, &new.email) {
        // RFC 8621 §6.3.
        let why = format!("the account may not write as {}", new.email);
        return Err(Refusal {
            properties: vec!["email".to_owned()],
            ..Refusal::new(Reason::ForbiddenFrom, why)
        });
    }
    Ok(Sender {
        id: SenderId(0),
        name: new.name,
        email: new.email,
        reply_to: new.reply_to,
        bcc: new.bcc,
        text_signature: new.text_signature,
        html_signature: new.html_signature,
        may_delete: true,
    })
}

fn sender_patch(patch: SenderPatch) -> types::SenderPatch {
    types::SenderPatch {
        id: id(&patch.id),
        name: patch.name,
        reply_to: patch.reply_to,
        bcc: patch.bcc,
        text_signature: patch.text_signature,
        html_signature: patch.html_signature,
    }
}
