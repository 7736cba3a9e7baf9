//! Between the domain's values and the tables' columns.

use deadpool_postgres::{GenericClient, Object};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use super::Shard;
use super::failure::{Failed, tried};
use crate::store::ChangeKind;
use crate::types::{Date, HotelCode};

/// Values of a statement.
pub(super) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A number for a `bigint`; what does not fit is as large as can be.
pub(super) fn big(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A number for an `integer`; what does not fit is as large as can be.
pub(super) fn int(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

/// A number from a `bigint` that is never negative.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A text that PostgreSQL takes: it has no place for U+0000.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', "")
}

/// A column of a row.
pub(super) fn column<'r, T: FromSql<'r>>(row: &'r Row, place: usize) -> Result<T, Failed> {
    row.try_get(place).map_err(|error| {
        Failed::Fault(format!(
            "a row has another form: {}",
            super::failure::with_sources(&error)
        ))
    })
}

/// A column that has JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row, place: usize) -> Result<T, Failed> {
    Ok(serde_json::from_str(column(row, place)?)?)
}

/// A column that has the code of a hotel.
pub(super) fn hotel(row: &Row, place: usize) -> Result<HotelCode, Failed> {
    let code: &str = column(row, place)?;
    code.parse()
        .map_err(|error| Failed::Fault(format!("what is in the tables cannot be read: {error}")))
}

/// A column that has a date.
pub(super) fn date(row: &Row, place: usize) -> Result<Date, Failed> {
    Date::try_from(column::<i32>(row, place)?)
        .map_err(|error| Failed::Fault(format!("what is in the tables cannot be read: {error}")))
}

/// A column that has a kind of change.
pub(super) fn kind(row: &Row, place: usize) -> Result<ChangeKind, Failed> {
    let name: &str = column(row, place)?;
    let kinds = [
        ChangeKind::ReservationCreated,
        ChangeKind::ReservationChanged,
        ChangeKind::ReservationCancelled,
        ChangeKind::CatalogueChanged,
    ];
    let kind = kinds.into_iter().find(|&kind| kind_name(kind) == name);
    kind.ok_or_else(|| Failed::Fault(format!("there is no kind of change {name:?}")))
}

/// The word for a kind of change in the tables.
pub(super) fn kind_name(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::ReservationCreated => "reservation-created",
        ChangeKind::ReservationChanged => "reservation-changed",
        ChangeKind::ReservationCancelled => "reservation-cancelled",
        ChangeKind::CatalogueChanged => "catalogue-changed",
    }
}

/// The rows of a statement that may be run again when its connection is lost: one that reads, or that changes nothing
/// the second time.
pub(super) async fn query(
    shard: &Shard,
    sql: &str,
    values: Values<'_>,
) -> Result<Vec<Row>, Failed> {
    tried(|_| async {
        let client = shard.server.connection().await?;
        query_on(&client, sql, values).await
    })
    .await
}

/// The rows of a statement on a connection.
pub(super) async fn query_on(
    client: &Object,
    sql: &str,
    values: Values<'_>,
) -> Result<Vec<Row>, Failed> {
    let statement = client.prepare_cached(sql).await?;
    Ok(GenericClient::query(client, &statement, values).await?)
}

/// The row of a statement that gives one at most, and may be run again.
pub(super) async fn query_opt(
    shard: &Shard,
    sql: &str,
    values: Values<'_>,
) -> Result<Option<Row>, Failed> {
    Ok(query(shard, sql, values).await?.pop())
}
