//! How values are written in columns and read again.

use std::str::FromStr;

use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::Failure;
use crate::store::ChangeKind;
use crate::types::Date;

/// A document of a value.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()).into())
}

/// The value of a document.
pub(super) fn read_json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| invalid(column, Type::Text, error))
}

/// An id of 16 bytes.
pub(super) fn read_uuid(row: &Row<'_>, column: usize) -> rusqlite::Result<Uuid> {
    let bytes = row.get_ref(column)?.as_blob()?;
    Uuid::from_slice(bytes).map_err(|error| invalid(column, Type::Blob, error))
}

/// A code.
pub(super) fn read_code<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse()
        .map_err(|error| invalid(column, Type::Text, error))
}

/// A day.
pub(super) fn read_date(row: &Row<'_>, column: usize) -> rusqlite::Result<Date> {
    let days: i32 = row.get(column)?;
    Date::try_from(days).map_err(|error| invalid(column, Type::Integer, error))
}

/// The number of a kind of change. Numbers are never used again.
pub(super) fn kind_number(kind: ChangeKind) -> u8 {
    match kind {
        ChangeKind::ReservationCreated => 1,
        ChangeKind::ReservationChanged => 2,
        ChangeKind::ReservationCancelled => 3,
        ChangeKind::CatalogueChanged => 4,
    }
}

/// The kind of change of a number.
pub(super) fn read_kind(row: &Row<'_>, column: usize) -> rusqlite::Result<ChangeKind> {
    match row.get(column)? {
        1 => Ok(ChangeKind::ReservationCreated),
        2 => Ok(ChangeKind::ReservationChanged),
        3 => Ok(ChangeKind::ReservationCancelled),
        4 => Ok(ChangeKind::CatalogueChanged),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}

fn invalid(
    column: usize,
    kind: Type,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
}
