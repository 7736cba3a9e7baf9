//! Changes of reservations by rules.
//!
//! The rule runs here, on the reservation as it was read; the server then changes it in one call, if it still has the
//! version that the rule saw. So no lock waits for the network.

use tokio_postgres::Row;
use uuid::Uuid;

use super::failure::{Failed, slow_down, tried};
use super::reply::{COLUMNS, Key, Reply};
use super::reserve::{TRIES, findable, strategy_name};
use super::row::{big, column, kind_name, query_on};
use super::{Engine, Shard};
use crate::error::Error;
use crate::store::{Changed, Decided, RuleResult, Transition};
use crate::types::Reservation;

/// How often a rule runs again because the reservation has changed since it was read. Somebody else has changed it
/// each time.
const RUNS_MAX: u32 = 64;

type Outcome = Result<Decided, Changed>;

/// A change with what goes with it on each try.
struct Call<'t> {
    transition: &'t Transition,
    key: Option<Key>,
    operation: Uuid,
}

/// What is read before the rule runs.
struct Found {
    body: Option<String>,
    catalogue: Option<i64>,
    known: Option<Reply>,
}

/// Changes a reservation by a rule.
pub(super) async fn change(engine: &Engine, transition: Transition) -> Result<Outcome, Failed> {
    let shard = engine.shard(&transition.hotel);
    let claimed = transition.key.as_ref();
    let call = Call {
        key: claimed.map(|claimed| Key::of(&transition.hotel, claimed)),
        operation: Uuid::now_v7(),
        transition: &transition,
    };
    let outcome = tried(|lost| call.run(engine, shard, lost > 0)).await?;
    if outcome.as_ref().is_ok_and(|decided| decided.now) {
        shard.ring(&engine.bell);
    }
    Ok(outcome)
}

impl Call<'_> {
    /// Reads, runs the rule and writes, until nobody gets in between. `lost`: an earlier try may have been done.
    async fn run(&self, engine: &Engine, shard: &Shard, lost: bool) -> Result<Outcome, Failed> {
        for _ in 0..RUNS_MAX {
            if lost && let Some(decided) = self.done_before(shard).await? {
                return Ok(Ok(decided));
            }
            let found = self.find(shard).await?;
            if let Some(known) = found.known {
                return self.known(known).map(Ok);
            }
            let Some(body) = found.body else {
                return Err(Error::NotFound("reservation".to_owned()).into());
            };
            let wanted = self.transition.catalogue_version.map(big);
            if wanted.is_some() && wanted != found.catalogue {
                return Ok(Err(Changed::Catalogue));
            }
            let current: Reservation = serde_json::from_str(&body)?;
            let reply = match (self.transition.rule)(&current) {
                Ok(Some(result)) => {
                    let mut next = result.reservation.clone();
                    next.version = current.version.saturating_add(1);
                    let reply = self
                        .write(engine, shard, current.version, &next, &result)
                        .await?;
                    if reply.result == "done" {
                        return reply.decided(self.operation, Some(&next)).map(Ok);
                    }
                    reply
                }
                Ok(None) => {
                    let reply = self.decide(shard, &Ok(current.clone())).await?;
                    if reply.result == "done" {
                        return reply.decided(self.operation, Some(&current)).map(Ok);
                    }
                    reply
                }
                Err(error) if error.is_decided() => {
                    let outcome = Err(error);
                    let mut reply = self.decide(shard, &outcome).await?;
                    if reply.result == "done" {
                        reply.outcome = Some(serde_json::to_string(&outcome)?);
                        return reply.decided(self.operation, None).map(Ok);
                    }
                    reply
                }
                Err(error) => return Err(error.into()),
            };
            match reply.result.as_str() {
                "moved" => {}
                // Of a try of ours that still runs.
                "in-use" if lost => {
                    return Err(Failed::Lost("an earlier try still runs".to_owned()));
                }
                "in-use" => return Err(Error::KeyInUse.into()),
                "catalogue" => return Ok(Err(Changed::Catalogue)),
                "missing" => return Err(Error::NotFound("reservation".to_owned()).into()),
                "again" => return Err(slow_down().into()),
                _ => return self.known(reply).map(Ok),
            }
        }
        Err(slow_down().into())
    }

    fn known(&self, reply: Reply) -> Result<Decided, Failed> {
        match reply.result.as_str() {
            "reused" => Err(Error::KeyReused.into()),
            "known" => reply.decided(self.operation, None),
            other => Err(Failed::Fault(format!("a reply that is unknown: {other}"))),
        }
    }

    async fn find(&self, shard: &Shard) -> Result<Found, Failed> {
        const FIND: &str = "select r.body, h.version, \
                1, case when k.fingerprint = $5 then 'known' else 'reused' end, k.outcome, k.operation, \
                k.answer_status, k.answer_type, k.answer_headers, k.answer_body \
            from (select $1::text collate \"C\" as hotel) q \
            left join booking.reservation r on r.hotel = q.hotel and r.id = $2 \
            left join booking.hotel h on h.hotel = q.hotel \
            left join booking.idempotency_key k \
                on k.hotel = q.hotel and k.scope = $3 and k.key = $4 and k.at_us > $6";
        let key = self.key.as_ref();
        let client = shard.server.connection().await?;
        let rows = query_on(
            &client,
            FIND,
            &[
                &self.transition.hotel.as_str(),
                &self.transition.reservation.0,
                &key.map(|key| &key.scope),
                &key.map(|key| &key.key),
                &key.map(|key| &key.fingerprint),
                &key.map(|key| key.forget_us),
            ],
        )
        .await?;
        let missing = || Failed::Fault("a statement gave no row".to_owned());
        Found::of(rows.first().ok_or_else(missing)?)
    }

    /// What an earlier try of this call did, if it was done, once it is over: its lock of the row is waited for.
    async fn done_before(&self, shard: &Shard) -> Result<Option<Decided>, Failed> {
        const LOCK: &str =
            "select 1 from booking.reservation where hotel = $1 and id = $2 for update";
        const DONE: &str = "select after from booking.audit \
            where hotel = $1 and subject = $2 and operation = $3";
        let hotel = self.transition.hotel.as_str();
        let id = self.transition.reservation;
        let client = shard.server.connection().await?;
        query_on(&client, LOCK, &[&hotel, &id.0]).await?;
        let done = query_on(&client, DONE, &[&hotel, &id.to_string(), &self.operation]).await?;
        let Some(row) = done.first() else {
            return Ok(None);
        };
        Ok(Some(Decided {
            outcome: Ok(super::row::json(row, 0)?),
            answer: None,
            now: true,
        }))
    }

    /// Keeps a decision that changes nothing with the key, if there is one.
    async fn decide(
        &self,
        shard: &Shard,
        outcome: &Result<Reservation, Error>,
    ) -> Result<Reply, Failed> {
        let Some(key) = &self.key else {
            return Ok(Reply {
                item: 1,
                result: "done".to_owned(),
                outcome: None,
                operation: None,
                answer: None,
            });
        };
        let sql =
            format!("select {COLUMNS} from booking.decide($1, $2, $3, $4, $5, $6, $7, $8, $9)");
        let client = shard.server.connection().await?;
        let rows = query_on(
            &client,
            &sql,
            &[
                &self.transition.hotel.as_str(),
                &key.scope,
                &key.key,
                &key.fingerprint,
                &key.lock,
                &key.at_us,
                &key.forget_us,
                &self.operation,
                &serde_json::to_string(outcome)?,
            ],
        )
        .await?;
        only(&rows)
    }

    /// Writes what a rule made of the version `seen`.
    async fn write(
        &self,
        engine: &Engine,
        shard: &Shard,
        seen: u64,
        next: &Reservation,
        result: &RuleResult,
    ) -> Result<Reply, Failed> {
        let sql = format!(
            "select {COLUMNS} from booking.change(\
             $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
             $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)"
        );
        let key = self.key.as_ref();
        let effects = &result.effects;
        let deltas = &result.deltas;
        let types: Vec<&str> = deltas
            .iter()
            .map(|delta| delta.room_type.as_str())
            .collect();
        let nights: Vec<i32> = deltas.iter().map(|delta| delta.night.days()).collect();
        let rooms: Vec<i32> = deltas.iter().map(|delta| delta.rooms).collect();
        let mail_ids: Vec<Uuid> = effects.mails.iter().map(|mail| mail.id.0).collect();
        let mails = effects.mails.iter().map(serde_json::to_string);
        let mails: Vec<String> = mails.collect::<Result<_, _>>()?;
        let client = shard.server.connection().await?;
        let rows = query_on(
            &client,
            &sql,
            &[
                &strategy_name(engine.strategy),
                &TRIES,
                &self.transition.hotel.as_str(),
                &next.id.0,
                &big(seen),
                &self.transition.catalogue_version.map(big),
                &key.map(|key| &key.scope),
                &key.map(|key| &key.key),
                &key.map(|key| &key.fingerprint),
                &key.map(|key| key.lock),
                &key.map(|key| key.at_us),
                &key.map(|key| key.forget_us),
                &self.operation,
                &big(self.transition.now_us),
                &serde_json::to_string(&self.transition.who)?,
                &effects.what,
                &effects.kind.map_or("", kind_name),
                &next.state.as_str(),
                &next.stay.arrival.days(),
                &next.stay.departure.days(),
                &next.occupied_until.days(),
                &findable(&next.guest.name),
                &findable(&next.guest.email),
                &next.due_us().map(big),
                &big(next.changed_us),
                &big(next.version),
                &serde_json::to_string(next)?,
                &types,
                &nights,
                &rooms,
                &mail_ids,
                &mails,
            ],
        )
        .await?;
        only(&rows)
    }
}

impl Found {
    fn of(row: &Row) -> Result<Self, Failed> {
        let known = column::<Option<String>>(row, 4)?.is_some();
        Ok(Self {
            body: column(row, 0)?,
            catalogue: column(row, 1)?,
            known: match known {
                true => Some(Reply::from(row, 2)?),
                false => None,
            },
        })
    }
}

fn only(rows: &[Row]) -> Result<Reply, Failed> {
    let row = rows.first();
    let row = row.ok_or_else(|| Failed::Fault("a function said nothing".to_owned()))?;
    Reply::of(row)
}
