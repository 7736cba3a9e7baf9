//! Idempotency keys: what functions in the server say of them, and the answers that are recorded with them.

use tokio_postgres::Row;
use uuid::Uuid;

use super::failure::Failed;
use super::row::{column, int, query_opt, text};
use super::{Shard, first_u64};
use crate::error::Error;
use crate::store::{Claim, ClaimedKey, Decided, KEY_KEPT_US, RecordedAnswer};
use crate::types::{HotelCode, Reservation};

/// What a function says: `booking.reply`.
#[derive(Debug)]
pub(super) struct Reply {
    /// Of which of the calls, from 1.
    pub(super) item: i32,
    pub(super) result: String,
    /// JSON of a `Result`.
    pub(super) outcome: Option<String>,
    pub(super) operation: Option<Uuid>,
    pub(super) answer: Option<RecordedAnswer>,
}

/// The columns of `booking.reply`, in their order.
pub(super) const COLUMNS: &str = "item, result, outcome, operation, answer_status, answer_type, \
    answer_headers, answer_body";

impl Reply {
    /// Reads a row of [`COLUMNS`].
    pub(super) fn of(row: &Row) -> Result<Self, Failed> {
        Self::from(row, 0)
    }

    /// Reads a row that has [`COLUMNS`] from one on.
    pub(super) fn from(row: &Row, first: usize) -> Result<Self, Failed> {
        Ok(Self {
            item: column::<Option<i32>>(row, first)?.unwrap_or(1),
            result: column(row, first + 1)?,
            outcome: column(row, first + 2)?,
            operation: column(row, first + 3)?,
            answer: recorded(row, first + 4)?,
        })
    }

    /// What was decided. `now` where the call `ours` did it; `asked` is the outcome where the reply has none.
    pub(super) fn decided(
        self,
        ours: Uuid,
        asked: Option<&Reservation>,
    ) -> Result<Decided, Failed> {
        let outcome: Result<Reservation, Error> = match (self.outcome, asked) {
            (Some(json), _) => serde_json::from_str(&json)?,
            (None, Some(asked)) => Ok(asked.clone()),
            (None, None) => return Err(Failed::Fault("a decision without an outcome".to_owned())),
        };
        Ok(Decided {
            outcome,
            answer: self.answer,
            now: self.operation.is_none_or(|operation| operation == ours),
        })
    }
}

/// A key as the functions take it.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) scope: String,
    pub(super) key: String,
    pub(super) fingerprint: Vec<u8>,
    /// What is locked while it is under way.
    pub(super) lock: i64,
    pub(super) at_us: i64,
    /// Keys from this time or before are forgotten.
    pub(super) forget_us: i64,
}

impl Key {
    pub(super) fn of(hotel: &HotelCode, claimed: &ClaimedKey) -> Self {
        let claim = &claimed.claim;
        let at_us = super::row::big(claimed.at_us);
        Self {
            scope: text(&claim.scope),
            key: text(&claim.key),
            fingerprint: claim.fingerprint.to_vec(),
            lock: first_u64(&[hotel.as_str(), &claim.scope, &claim.key]).cast_signed(),
            at_us,
            forget_us: at_us.saturating_sub(super::row::big(KEY_KEPT_US)),
        }
    }
}

/// Records the answer of a key; gives the first that was recorded.
pub(super) async fn record_answer(
    shard: &Shard,
    hotel: &HotelCode,
    claim: &Claim,
    answer: &RecordedAnswer,
) -> Result<RecordedAnswer, Failed> {
    const RECORD: &str = "update booking.idempotency_key set \
            answer_status = coalesce(answer_status, $5), \
            answer_type = case when answer_status is null then $6 else answer_type end, \
            answer_headers = case when answer_status is null then $7 else answer_headers end, \
            answer_body = case when answer_status is null then $8 else answer_body end \
        where hotel = $1 and scope = $2 and key = $3 and fingerprint = $4 \
        returning answer_status, answer_type, answer_headers, answer_body";
    const EXISTS: &str = "select 1 from booking.idempotency_key \
        where hotel = $1 and scope = $2 and key = $3";
    let (scope, key) = (text(&claim.scope), text(&claim.key));
    let recorded_now = query_opt(
        shard,
        RECORD,
        &[
            &hotel.as_str(),
            &scope,
            &key,
            &claim.fingerprint.as_slice(),
            &int(answer.status),
            &text(&answer.content_type),
            &serde_json::to_string(&answer.headers)?,
            &answer.body,
        ],
    )
    .await?;
    if let Some(row) = recorded_now {
        let missing = || Failed::Fault("an answer was recorded and is not there".to_owned());
        return recorded(&row, 0)?.ok_or_else(missing);
    }
    match query_opt(shard, EXISTS, &[&hotel.as_str(), &scope, &key]).await? {
        Some(_) => Err(Error::KeyReused.into()),
        None => Err(Error::NotFound("idempotency key".to_owned()).into()),
    }
}

/// Reads a recorded answer from four columns.
fn recorded(row: &Row, first: usize) -> Result<Option<RecordedAnswer>, Failed> {
    let Some(status) = column::<Option<i32>>(row, first)? else {
        return Ok(None);
    };
    let headers: Option<&str> = column(row, first + 2)?;
    Ok(Some(RecordedAnswer {
        status: u16::try_from(status).unwrap_or(500),
        content_type: column::<Option<String>>(row, first + 1)?.unwrap_or_default(),
        headers: serde_json::from_str(headers.unwrap_or("[]"))?,
        body: column::<Option<Vec<u8>>>(row, first + 3)?.unwrap_or_default(),
    }))
}
