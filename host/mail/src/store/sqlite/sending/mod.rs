//! What is sent: senders, submissions with the outgoing queue, and the answer of someone who is away.

mod queue;
mod schema;
pub(super) mod senders;
mod submissions;
mod sweep;
mod vacation;

use concierge_identity::AccountId;
use concierge_sqlite::WriteTx;

pub(super) use schema::STEP;
pub(super) use sweep::sweep_sending;

use super::log;
use super::{Database, SqliteStore};
use crate::error::{Error, Refusal};
use crate::store::{
    Accepted, Answer, NewSubmission, QueueEntry, QueueFilter, QueueSize, Queued, RecipientOutcome,
    SendingStore,
};
use crate::types::{
    Changes, DataType, Outcomes, Sender, SenderEdit, SenderId, StateNumber, Submission,
    SubmissionFilter, SubmissionId, TimeUs, Vacation,
};

impl SendingStore for SqliteStore {
    fn senders(&self, account: AccountId) -> Answer<'_, (Vec<Sender>, StateNumber)> {
        self.read_account("senders", account, |c, number| {
            let state = log::state(c, number, DataType::Identity)?;
            Ok((senders::list(c, number)?, state))
        })
    }

    fn edit_senders(
        &self,
        account: AccountId,
        if_in_state: Option<StateNumber>,
        edits: Vec<SenderEdit>,
    ) -> Answer<'_, Outcomes<SenderId>> {
        self.write_account("edit_senders", account, move |tx, number| {
            senders::edit(tx, number, if_in_state, &edits)
        })
    }

    fn sender_changes(
        &self,
        account: AccountId,
        since: StateNumber,
        max: usize,
    ) -> Answer<'_, Changes<SenderId>> {
        self.read_account("sender_changes", account, move |c, number| {
            let changes = log::changes(c, number, DataType::Identity, since, max)?;
            Ok(changes.map(|(sender, _)| SenderId(sender)))
        })
    }

    fn submit(&self, submission: NewSubmission) -> Answer<'_, Result<Accepted, Refusal>> {
        let account = submission.account;
        self.write_account("submit", account, move |tx, number| {
            submissions::submit(tx, number, &submission)
        })
    }

    fn cancel_submission(
        &self,
        account: AccountId,
        id: SubmissionId,
        now_us: TimeUs,
    ) -> Answer<'_, Result<(), Refusal>> {
        self.write_account("cancel_submission", account, move |tx, number| {
            submissions::cancel(tx, number, id, now_us)
        })
    }

    fn destroy_submission(
        &self,
        account: AccountId,
        id: SubmissionId,
        now_us: TimeUs,
    ) -> Answer<'_, Result<(), Refusal>> {
        self.write_account("destroy_submission", account, move |tx, number| {
            Ok(submissions::destroy(tx, number, id, now_us)?)
        })
    }

    fn submissions(
        &self,
        account: AccountId,
        ids: Option<Vec<SubmissionId>>,
        max: usize,
    ) -> Answer<'_, (Vec<Submission>, StateNumber)> {
        self.read_account("submissions", account, move |c, number| {
            Ok(submissions::list(c, number, ids.as_deref(), max)?)
        })
    }

    fn submission_changes(
        &self,
        account: AccountId,
        since: StateNumber,
        max: usize,
    ) -> Answer<'_, Changes<SubmissionId>> {
        self.read_account("submission_changes", account, move |c, number| {
            submissions::changes(c, number, since, max)
        })
    }

    fn query_submissions(
        &self,
        account: AccountId,
        filter: SubmissionFilter,
        max: usize,
    ) -> Answer<'_, (Vec<SubmissionId>, StateNumber)> {
        self.read_account("query_submissions", account, move |c, number| {
            Ok(submissions::query(c, number, &filter, max)?)
        })
    }

    /// Looks first at how much is due where, so that who finds nothing writes nothing. Where a shard fails, what was taken
    /// in others is given all the same: it would be lost until its lease ends.
    fn take_queued(
        &self,
        now_us: TimeUs,
        lease_until_us: TimeUs,
        max: usize,
    ) -> Answer<'_, Vec<Queued>> {
        Box::pin(async move {
            let mut taken = Vec::new();
            let mut failed = None;
            for (shard, database, count) in self.due(now_us, max)? {
                let take =
                    move |tx: &WriteTx<'_>| queue::take(tx, shard, now_us, lease_until_us, count);
                match database.writer.write("take_queued", take).await {
                    Ok(entries) => taken.extend(entries),
                    Err(error) => failed = Some(error),
                }
            }
            taken.sort_by_key(|(due_us, _)| *due_us);
            match failed {
                Some(error) if taken.is_empty() => Err(error),
                _ => Ok(taken.into_iter().map(|(_, queued)| queued).collect()),
            }
        })
    }

    fn release_queued(&self, now_us: TimeUs) -> Answer<'_, ()> {
        Box::pin(async move {
            for database in &self.shards {
                if database.read("taken", |c| Ok(queue::is_any_taken(c, now_us)?))? {
                    let release = move |tx: &WriteTx<'_>| Ok(queue::release(tx, now_us)?);
                    database.writer.write("release_queued", release).await?;
                }
            }
            Ok(())
        })
    }

    fn queue_outcome(
        &self,
        account: AccountId,
        id: SubmissionId,
        recipient: String,
        outcome: RecipientOutcome,
    ) -> Answer<'_, ()> {
        self.write_account(
            "queue_outcome",
            account,
            move |tx, number| match submissions::find(tx, number, id)? {
                Some(found) => queue::outcome(tx, found, &recipient, &outcome),
                None => Ok(()),
            },
        )
    }

    fn queue(&self, filter: QueueFilter, max: usize) -> Answer<'_, Vec<QueueEntry>> {
        Box::pin(async move {
            let mut entries = Vec::new();
            for database in &self.shards {
                entries.extend(database.read("queue", |c| Ok(queue::list(c, &filter, max)?))?);
            }
            entries.sort_by_key(|(time_us, _)| *time_us);
            let entries = entries.into_iter().map(|(_, entry)| entry);
            Ok(entries.take(max).collect())
        })
    }

    fn queue_size(&self) -> Answer<'_, QueueSize> {
        Box::pin(async move {
            let mut all = QueueSize::default();
            for database in &self.shards {
                let size = database.read("queue_size", |c| Ok(queue::size(c)?))?;
                all.waiting += size.waiting;
                all.failed += size.failed;
                let first = all.first_due_us.into_iter().chain(size.first_due_us);
                all.first_due_us = first.min();
            }
            Ok(all)
        })
    }

    fn retry_queued(
        &self,
        account: AccountId,
        id: SubmissionId,
        recipient: String,
        now_us: TimeUs,
    ) -> Answer<'_, ()> {
        self.write_account("retry_queued", account, move |tx, number| {
            let found = submissions::find(tx, number, id)?.ok_or(Error::NotFound)?;
            queue::retry(tx, found, &recipient, now_us)
        })
    }

    fn drop_queued(
        &self,
        account: AccountId,
        id: SubmissionId,
        recipient: String,
        now_us: TimeUs,
    ) -> Answer<'_, ()> {
        self.write_account("drop_queued", account, move |tx, number| {
            let found = submissions::find(tx, number, id)?.ok_or(Error::NotFound)?;
            queue::drop_entry(tx, found, &recipient, now_us)
        })
    }

    fn vacation(&self, account: AccountId) -> Answer<'_, (Vacation, StateNumber)> {
        self.read_account("vacation", account, |c, number| {
            Ok(vacation::get(c, number)?)
        })
    }

    fn set_vacation(
        &self,
        account: AccountId,
        if_in_state: Option<StateNumber>,
        vacation: Vacation,
    ) -> Answer<'_, (StateNumber, StateNumber)> {
        self.write_account("set_vacation", account, move |tx, number| {
            vacation::set(tx, number, if_in_state, &vacation)
        })
    }

    fn answer_vacation(
        &self,
        account: AccountId,
        sender: String,
        now_us: TimeUs,
    ) -> Answer<'_, bool> {
        self.write_account("answer_vacation", account, move |tx, number| {
            Ok(vacation::answer(tx, number, &sender, now_us)?)
        })
    }
}

impl SqliteStore {
    /// How many of the `max` oldest entries that are due each shard has; those that have none are left out.
    fn due(&self, now_us: TimeUs, max: usize) -> Result<Vec<(u16, &Database, usize)>, Error> {
        let mut due = Vec::new();
        for (shard, database) in (0..).zip(&self.shards) {
            let times = database.read("due", |c| Ok(queue::due(c, now_us, max)?))?;
            due.extend(times.into_iter().map(|due_us| (due_us, shard)));
        }
        due.sort_unstable();
        due.truncate(max);
        let of = |wanted: u16| due.iter().filter(|(_, shard)| *shard == wanted).count();
        let shards = (0..).zip(&self.shards);
        let counted = shards.map(|(shard, database)| (shard, database, of(shard)));
        Ok(counted.filter(|(_, _, count)| *count > 0).collect())
    }
}
