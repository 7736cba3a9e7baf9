//! Values of several parts in one column: a byte of version (1), then what `serde` writes of the type, as postcard
//! (<https://postcard.jamesmunns.com/wire-format>).

use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type};
use serde::Serialize;
use serde::de::DeserializeOwned;

const VERSION: u8 = 1;

pub(super) fn encode(value: &impl Serialize) -> rusqlite::Result<Vec<u8>> {
    postcard::to_extend(value, vec![VERSION])
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn decode<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    match row.get_ref(column)?.as_blob()?.split_first() {
        Some((&VERSION, document)) => postcard::from_bytes(document).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error))
        }),
        _ => Err(FromSqlError::InvalidType.into()),
    }
}
