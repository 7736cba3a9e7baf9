//! The recipients of a message on its way, and what became of them so far.

use concierge_mail::Relayed;
use concierge_mail::store::Queued;
use concierge_mail::types::Delivered;
use concierge_smtp::{Recipient, Sender};

use crate::envelope;
use crate::failure::Failure;
use crate::limits::Reached;
use crate::outcome::later;

/// The recipients of a message, and what became of them.
pub(crate) struct Trip {
    pub(crate) sender: Sender,
    recipients: Vec<Recipient>,
    outcomes: Vec<Option<Relayed>>,
    /// Of the last host that failed.
    failure: Option<Failure>,
    /// There was a server to speak with.
    pub(crate) was_reached: bool,
}

impl Trip {
    pub(crate) fn new(queued: &[Queued]) -> Self {
        let sender = queued
            .first()
            .map(|first| envelope::sender(&first.mail_from));
        let recipients = queued.iter();
        let recipients: Vec<_> = recipients
            .map(|queued| envelope::recipient(&queued.recipient))
            .collect();
        Self {
            sender: sender.unwrap_or_default(),
            outcomes: vec![None; recipients.len()],
            recipients,
            failure: None,
            was_reached: false,
        }
    }

    /// Those without an outcome.
    pub(crate) fn waiting(&self) -> Vec<Recipient> {
        let all = self.recipients.iter().zip(&self.outcomes);
        let waiting = all.filter(|(_, outcome)| outcome.is_none());
        waiting.map(|(recipient, _)| recipient.clone()).collect()
    }

    /// Outcomes of [`Self::waiting`], in their order.
    pub(crate) fn answer(&mut self, outcomes: impl Iterator<Item = Option<Relayed>>) {
        let waiting = self.outcomes.iter_mut().filter(|outcome| outcome.is_none());
        for (waiting, outcome) in waiting.zip(outcomes) {
            *waiting = outcome;
        }
    }

    /// One outcome for all that wait.
    pub(crate) fn settle(&mut self, relayed: &Relayed) {
        let waiting = self.outcomes.iter_mut().filter(|outcome| outcome.is_none());
        for outcome in waiting {
            *outcome = Some(relayed.clone());
        }
    }

    pub(crate) fn note(&mut self, failure: Failure) {
        self.was_reached |= failure.was_reached;
        // A host that says no for good says nothing of the others, which may be there tomorrow.
        let is_worse = |known: &Failure| known.relayed.delivered == Delivered::No;
        if self.failure.as_ref().is_none_or(is_worse) || failure.relayed.delivered != Delivered::No
        {
            self.failure = Some(failure);
        }
    }

    /// Whether there is anybody to speak with, or there never will be.
    pub(crate) fn reached(&self) -> Reached {
        match &self.failure {
            Some(failure) if !self.was_reached && failure.relayed.delivered != Delivered::No => {
                Reached::No(failure.relayed.smtp_reply.clone())
            }
            _ => Reached::Yes,
        }
    }

    pub(crate) fn finish(mut self, domain: &str) -> Vec<Relayed> {
        let none = || later(451, "4.3.0", "a fault of this server");
        let last = self.failure.take();
        self.settle(&last.map_or_else(none, |failure| failure.relayed));
        let outcomes: Vec<_> = self.outcomes.into_iter().flatten().collect();
        for relayed in &outcomes {
            let label = match relayed.delivered {
                Delivered::Queued => "later",
                Delivered::No => "failed",
                Delivered::Yes | Delivered::Unknown => "sent",
            };
            metrics::counter!("concierge_relay_recipients_total", "outcome" => label).increment(1);
            tracing::info!(
                domain,
                outcome = label,
                remote = relayed.remote,
                reply = relayed.smtp_reply,
                "relayed"
            );
        }
        outcomes
    }
}
