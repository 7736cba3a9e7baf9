//! Reads of reservations, the waiting list and the audit log.

use std::str::FromStr;

use tokio_postgres::Row;
use uuid::Uuid;

use super::Shard;
use super::failure::Failed;
use super::reserve::findable;
use super::row::{Values, big, column, json, query, query_opt, unsigned};
use crate::error::{Error, Reason};
use crate::rules::limits::STAY_NIGHTS_MAX;
use crate::store::{AuditEntry, AuditQuery, Filter};
use crate::types::{
    Date, HotelCode, Reservation, ReservationCode, ReservationId, Waiting, WaitingId,
};

type Page = (Vec<Reservation>, Option<String>);

/// A reservation by its id.
pub(super) async fn reservation(
    shard: &Shard,
    hotel: &HotelCode,
    id: ReservationId,
) -> Result<Option<Reservation>, Failed> {
    const FIND: &str = "select body from booking.reservation where hotel = $1 and id = $2";
    let row = query_opt(shard, FIND, &[&hotel.as_str(), &id.0]).await?;
    row.map(|row| json(&row, 0)).transpose()
}

/// The id of a reservation by its code.
pub(super) async fn of_code(
    shard: &Shard,
    hotel: &HotelCode,
    code: &ReservationCode,
) -> Result<Option<ReservationId>, Failed> {
    const FIND: &str = "select id from booking.reservation where hotel = $1 and code = $2";
    let row = query_opt(shard, FIND, &[&hotel.as_str(), &code.as_str()]).await?;
    row.map(|row| column(&row, 0).map(ReservationId))
        .transpose()
}

/// A page of reservations.
pub(super) async fn reservations(
    shard: &Shard,
    hotel: &HotelCode,
    filter: &Filter,
    after: Option<String>,
    max: usize,
) -> Result<Page, Failed> {
    const ARRIVING: &str = "select body, id from booking.reservation \
        where hotel = $1 and arrival = $4 and id > $2 order by id limit $3";
    const DEPARTING: &str = "select body, id from booking.reservation \
        where hotel = $1 and departure = $4 and id > $2 order by id limit $3";
    // No stay is longer than $5 nights: of the index only those are read that may still be there.
    const STAYING: &str = "select body, id from booking.reservation \
        where hotel = $1 and arrival <= $4 and arrival > $4::integer - $5::integer and occupied_until > $4 and id > $2 \
        order by id limit $3";
    // What begins with a text is between it and it with the last character of Unicode after it.
    const MATCHING: &str = "select body, id from booking.reservation \
        where hotel = $1 and id > $2 and (code between $4 and $5 \
            or guest_name between $6 and $7 or guest_email between $6 and $7) \
        order by id limit $3";
    let hotel = hotel.as_str();
    let limit = big(max.saturating_add(1));
    if *filter == Filter::Recent {
        return recent(shard, hotel, after, max).await;
    }
    let after = id_after(after)?;
    let rows = match filter {
        Filter::Arriving(day) => {
            query(shard, ARRIVING, &[&hotel, &after, &limit, &day.days()]).await
        }
        Filter::Departing(day) => {
            query(shard, DEPARTING, &[&hotel, &after, &limit, &day.days()]).await
        }
        Filter::Staying(day) => {
            let values: Values<'_> = &[&hotel, &after, &limit, &day.days(), &longest()];
            query(shard, STAYING, values).await
        }
        Filter::Matching(text) => {
            let text = findable(text);
            let code = text.to_uppercase();
            let last = |text: &str| format!("{text}{}", char::MAX);
            let (code_last, text_last) = (last(&code), last(&text));
            let values: Values<'_> =
                &[&hotel, &after, &limit, &code, &code_last, &text, &text_last];
            query(shard, MATCHING, values).await
        }
        Filter::Recent => Ok(Vec::new()),
    };
    page(&rows?, max, |row| Ok(column::<Uuid>(row, 1)?.to_string()))
}

async fn recent(
    shard: &Shard,
    hotel: &str,
    after: Option<String>,
    max: usize,
) -> Result<Page, Failed> {
    const RECENT: &str = "select body, changed_us, id from booking.reservation \
        where hotel = $1 and (changed_us, id) < ($2, $3) \
        order by changed_us desc, id desc limit $4";
    let (time, id) = match after.as_deref().map(|after| after.split_once('.')) {
        None => (i64::MAX, Uuid::max()),
        Some(Some((time, id))) => (read(time)?, read(id)?),
        Some(None) => return Err(bad_after().into()),
    };
    let limit = big(max.saturating_add(1));
    let rows = query(shard, RECENT, &[&hotel, &time, &id, &limit]).await?;
    page(&rows, max, |row| {
        Ok(format!(
            "{}.{}",
            column::<i64>(row, 1)?,
            column::<Uuid>(row, 2)?
        ))
    })
}

/// A page of reservations that have a night or a departure among some days.
pub(super) async fn overlapping(
    shard: &Shard,
    hotel: &HotelCode,
    first: Date,
    end: Date,
    after: Option<String>,
    max: usize,
) -> Result<Page, Failed> {
    const OVERLAPPING: &str = "select body, id from booking.reservation \
        where hotel = $1 and arrival < $5 and arrival >= $4::integer - $6::integer and departure >= $4 and id > $2 \
        order by id limit $3";
    let after = id_after(after)?;
    let limit = big(max.saturating_add(1));
    let values: Values<'_> = &[
        &hotel.as_str(),
        &after,
        &limit,
        &first.days(),
        &end.days(),
        &longest(),
    ];
    let rows = query(shard, OVERLAPPING, values).await?;
    page(&rows, max, |row| Ok(column::<Uuid>(row, 1)?.to_string()))
}

/// Nights of the longest stay.
fn longest() -> i32 {
    super::row::int(STAY_NIGHTS_MAX)
}

/// A page of one row more than it has, which says that another page follows.
fn page(
    rows: &[Row],
    max: usize,
    place: impl Fn(&Row) -> Result<String, Failed>,
) -> Result<Page, Failed> {
    let mut found = Vec::with_capacity(rows.len().min(max));
    let mut last = None;
    for row in rows.iter().take(max) {
        found.push(json(row, 0)?);
        last = Some(row);
    }
    let more = rows.len() > max;
    let next = last.filter(|_| more).map(place).transpose()?;
    Ok((found, next))
}

fn id_after(after: Option<String>) -> Result<Uuid, Error> {
    after.map_or(Ok(Uuid::nil()), |after| read(&after))
}

fn read<T: FromStr>(text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| bad_after())
}

fn bad_after() -> Error {
    let detail = "This is not a position that a page gave.";
    Error::invalid("after", Reason::Malformed, detail)
}

/// The waiting list in its order.
pub(super) async fn waiting_list(
    shard: &Shard,
    hotel: &HotelCode,
    after: Option<WaitingId>,
    max: usize,
) -> Result<Vec<Waiting>, Failed> {
    const LIST: &str = "select body, told_us from booking.waiting \
        where hotel = $1 and id > $2 order by id limit $3";
    let after = after.map_or(Uuid::nil(), |after| after.0);
    let rows = query(shard, LIST, &[&hotel.as_str(), &after, &big(max)]).await?;
    let place = |row: &Row| {
        let mut waiting: Waiting = json(row, 0)?;
        waiting.told_us = column::<Option<i64>>(row, 1)?.map(unsigned);
        Ok(waiting)
    };
    rows.iter().map(place).collect()
}

/// The audit log, newest first.
pub(super) async fn audit(
    shard: &Shard,
    hotel: &HotelCode,
    query_: AuditQuery,
) -> Result<Vec<AuditEntry>, Failed> {
    const ALL: &str = "select position, at_us, who, what, subject, before, after from booking.audit \
        where hotel = $1 and position < $2 order by position desc limit $3";
    const OF_ONE: &str = "select position, at_us, who, what, subject, before, after from booking.audit \
        where hotel = $1 and subject = $4 and position < $2 order by position desc limit $3";
    let before = match query_.before {
        0 => i64::MAX,
        before => big(before),
    };
    let (hotel, max) = (hotel.as_str(), big(query_.max));
    let rows = match &query_.subject {
        None => query(shard, ALL, &[&hotel, &before, &max]).await?,
        Some(subject) => query(shard, OF_ONE, &[&hotel, &before, &max, subject]).await?,
    };
    let entry = |row: &Row| {
        Ok(AuditEntry {
            position: unsigned(column(row, 0)?),
            at_us: unsigned(column(row, 1)?),
            who: json(row, 2)?,
            what: column(row, 3)?,
            subject: column(row, 4)?,
            before: column(row, 5)?,
            after: column(row, 6)?,
        })
    };
    rows.iter().map(entry).collect()
}
