//! The catalogue, prices and allotments, and the inventory that follows them.

use std::sync::Arc;

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::inventory::{HotelRow, sellable_unset};
use super::outgoing::{self, Happened};
use super::rows::{json, read_code, read_date, read_json};
use super::{Failure, webhooks};
use crate::error::{Conflict, Error};
use crate::store::{ChangeKind, Edit, NightRow, Nights, Who, edits};
use crate::types::{
    Allotment, Catalogue, Date, Hotel, HotelCode, Rate, RatePlan, RoomType, RoomTypeCode, TimeUs,
    Zone, sellable,
};

fn no_such(what: &str) -> Error {
    Error::NotFound(what.to_owned())
}

fn read_hotel_row(row: &Row<'_>) -> rusqlite::Result<HotelRow> {
    Ok(HotelRow {
        number: row.get(0)?,
        version: row.get(1)?,
        overbooking_percent: row.get(2)?,
    })
}

fn find_hotel(connection: &Connection, code: &HotelCode) -> rusqlite::Result<Option<HotelRow>> {
    connection
        .prepare_cached("SELECT number, version, overbooking_percent FROM hotel WHERE code = ?1")?
        .query_row([code.as_str()], read_hotel_row)
        .optional()
}

/// A hotel's row; [`Error::NotFound`] if there is none.
pub(super) fn hotel_row(connection: &Connection, code: &HotelCode) -> Result<HotelRow, Failure> {
    find_hotel(connection, code)?.ok_or_else(|| no_such("hotel").into())
}

/// Codes of hotels after one.
pub(super) fn hotels(
    connection: &Connection,
    after: &str,
    max: usize,
) -> Result<Vec<HotelCode>, Failure> {
    let codes = connection
        .prepare_cached("SELECT code FROM hotel WHERE code > ?1 ORDER BY code LIMIT ?2")?
        .query_map(params![after, max], |row| read_code(row, 0))?
        .collect::<Result<_, _>>()?;
    Ok(codes)
}

/// A hotel with what it has; the connection stands in a snapshot.
pub(super) fn catalogue(
    connection: &Connection,
    code: &HotelCode,
) -> Result<Option<Catalogue>, Failure> {
    let Some(row) = find_hotel(connection, code)? else {
        return Ok(None);
    };
    let (hotel, staff): (Hotel, Vec<_>) = connection
        .prepare_cached("SELECT document, staff FROM hotel WHERE number = ?1")?
        .query_row([row.number], |row| {
            Ok((read_json(row, 0)?, read_json(row, 1)?))
        })?;
    let zone = Zone::named(&hotel.time_zone).ok_or_else(|| {
        tracing::error!(hotel = %code, zone = hotel.time_zone, "there is no such time zone");
        Error::Internal
    })?;
    let room_types = documents(
        connection,
        "SELECT document FROM room_type WHERE hotel = ?1 ORDER BY code",
        row.number,
    )?;
    let rate_plans = documents(
        connection,
        "SELECT document FROM rate_plan WHERE hotel = ?1 ORDER BY code",
        row.number,
    )?;
    Ok(Some(Catalogue {
        hotel: Arc::new(hotel),
        room_types: room_types.into(),
        rate_plans: rate_plans.into(),
        staff: staff.into(),
        version: row.version,
        zone,
    }))
}

fn documents<T: serde::de::DeserializeOwned>(
    connection: &Connection,
    sql: &str,
    hotel: i64,
) -> rusqlite::Result<Vec<T>> {
    connection
        .prepare_cached(sql)?
        .query_map([hotel], |row| read_json(row, 0))?
        .collect()
}

/// Inventory and prices of some nights; the connection stands in a snapshot.
pub(super) fn nights(
    connection: &Connection,
    code: &HotelCode,
    first: Date,
    end: Date,
) -> Result<Nights, Failure> {
    let hotel = hotel_row(connection, code)?;
    let range = params![hotel.number, first.days(), end.days()];
    // CROSS JOIN: a range for each room type, in this order (https://sqlite.org/optoverview.html#crossjoin).
    let rows = connection
        .prepare_cached(
            "SELECT kind.code, night, sellable, reserved
             FROM room_type AS kind
             CROSS JOIN inventory ON inventory.hotel = kind.hotel AND inventory.room_type = kind.code
             WHERE kind.hotel = ?1 AND night >= ?2 AND night < ?3 ORDER BY kind.code, night",
        )?
        .query_map(range, |row| {
            Ok(NightRow {
                room_type: read_code(row, 0)?,
                night: read_date(row, 1)?,
                sellable: row.get(2)?,
                reserved: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    let prices = connection
        .prepare_cached(
            "SELECT plan.code, kind.code, night, price
             FROM rate_plan AS plan
             CROSS JOIN room_type AS kind ON kind.hotel = plan.hotel
             CROSS JOIN price ON price.hotel = plan.hotel AND price.rate_plan = plan.code
                 AND price.room_type = kind.code
             WHERE plan.hotel = ?1 AND night >= ?2 AND night < ?3
             ORDER BY plan.code, kind.code, night",
        )?
        .query_map(range, |row| {
            Ok((
                read_code(row, 0)?,
                read_code(row, 1)?,
                read_date(row, 2)?,
                row.get(3)?,
            ))
        })?
        .collect::<Result<_, _>>()?;
    Ok(Nights {
        version: hotel.version,
        rows,
        prices,
    })
}

/// What was there before an edit and what is after it, for the audit log.
struct Edited {
    before: String,
    after: String,
}

/// Does an edit.
pub(super) fn edit(
    tx: &WriteTx<'_>,
    code: &HotelCode,
    edit: &Edit,
    today: Date,
    who: &Who,
    now_us: TimeUs,
) -> Result<(), Failure> {
    let edited = match edit {
        Edit::Hotel(hotel) => set_hotel(tx, hotel, today)?,
        Edit::RoomType(kind) => set_room_type(tx, hotel_row(tx, code)?, kind, today)?,
        Edit::RatePlan(plan) => set_rate_plan(tx, hotel_row(tx, code)?, plan)?,
        Edit::Rates(rates) => set_rates(tx, hotel_row(tx, code)?, rates)?,
        Edit::Allotments(all) => set_allotments(tx, hotel_row(tx, code)?, all, today)?,
        Edit::Staff(accounts) => set_staff(tx, hotel_row(tx, code)?, &json(accounts)?)?,
        Edit::AddWebhook(webhook) => Edited {
            before: String::new(),
            after: webhooks::add(tx, hotel_row(tx, code)?.number, webhook)?,
        },
        Edit::RemoveWebhook(id) => Edited {
            before: webhooks::remove(tx, hotel_row(tx, code)?.number, *id)?,
            after: String::new(),
        },
    };
    let hotel = hotel_row(tx, code)?.number;
    let subject = edits::subject(edit, code);
    let kind = edits::changes_catalogue(edit).then_some(ChangeKind::CatalogueChanged);
    if kind.is_some() {
        tx.prepare_cached("UPDATE hotel SET version = version + 1 WHERE number = ?1")?
            .execute([hotel])?;
    }
    let happened = Happened {
        hotel,
        at_us: now_us,
        who,
        before: &edited.before,
        after: &edited.after,
    };
    outgoing::note_edit(tx, &happened, kind, edits::what(edit), &subject)
}

fn set_hotel(tx: &WriteTx<'_>, hotel: &Hotel, today: Date) -> Result<Edited, Failure> {
    let before: Option<String> = tx
        .prepare_cached("SELECT document FROM hotel WHERE code = ?1")?
        .query_row([hotel.code.as_str()], |row| row.get(0))
        .optional()?;
    let after = json(hotel)?;
    let row = tx
        .prepare_cached(
            "INSERT INTO hotel (code, version, overbooking_percent, document, staff)
             VALUES (?1, 0, ?2, ?3, '[]')
             ON CONFLICT (code) DO UPDATE
             SET overbooking_percent = excluded.overbooking_percent, document = excluded.document
             RETURNING number, version, overbooking_percent",
        )?
        .query_row(
            params![hotel.code.as_str(), hotel.overbooking_percent, after],
            read_hotel_row,
        )?;
    if before.is_some() {
        let kinds: Vec<(RoomTypeCode, u32)> = tx
            .prepare_cached("SELECT code, rooms FROM room_type WHERE hotel = ?1")?
            .query_map([row.number], |row| Ok((read_code(row, 0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (kind, rooms) in kinds {
            follow(tx, row, &kind, rooms, today)?;
        }
    }
    Ok(Edited {
        before: before.unwrap_or_default(),
        after,
    })
}

fn set_room_type(
    tx: &WriteTx<'_>,
    hotel: HotelRow,
    kind: &RoomType,
    today: Date,
) -> Result<Edited, Failure> {
    let before: Option<String> = tx
        .prepare_cached("SELECT document FROM room_type WHERE hotel = ?1 AND code = ?2")?
        .query_row(params![hotel.number, kind.code.as_str()], |row| row.get(0))
        .optional()?;
    let after = json(kind)?;
    tx.prepare_cached(
        "INSERT INTO room_type (hotel, code, rooms, document) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (hotel, code) DO UPDATE
         SET rooms = excluded.rooms, document = excluded.document",
    )?
    .execute(params![hotel.number, kind.code.as_str(), kind.rooms, after])?;
    follow(tx, hotel, &kind.code, kind.rooms, today)?;
    Ok(Edited {
        before: before.unwrap_or_default(),
        after,
    })
}

/// Lets the nights from today on follow the rooms there are of a type, but for those with an allotment.
fn follow(
    tx: &WriteTx<'_>,
    hotel: HotelRow,
    kind: &RoomTypeCode,
    rooms: u32,
    today: Date,
) -> Result<(), Failure> {
    let sellable = sellable(rooms, hotel.overbooking_percent);
    let lacking: Option<(Date, u32)> = tx
        .prepare_cached(
            "SELECT night, reserved FROM inventory
             WHERE hotel = ?1 AND room_type = ?2 AND night >= ?3 AND NOT allotted
               AND reserved > ?4
             ORDER BY night LIMIT 1",
        )?
        .query_row(
            params![hotel.number, kind.as_str(), today.days(), sellable],
            |row| Ok((read_date(row, 0)?, row.get(1)?)),
        )
        .optional()?;
    if let Some((night, reserved)) = lacking {
        return Err(in_use(kind, night, reserved, sellable).into());
    }
    tx.prepare_cached(
        "UPDATE inventory SET sellable = ?4, version = version + 1
         WHERE hotel = ?1 AND room_type = ?2 AND night >= ?3 AND NOT allotted AND sellable <> ?4",
    )?
    .execute(params![hotel.number, kind.as_str(), today.days(), sellable])?;
    Ok(())
}

fn in_use(kind: &RoomTypeCode, night: Date, reserved: u32, sellable: u32) -> Error {
    let text = format!("{reserved} rooms of {kind} are reserved on {night}, more than {sellable}.");
    Error::Conflict(Conflict::InUse, text)
}

fn set_rate_plan(tx: &WriteTx<'_>, hotel: HotelRow, plan: &RatePlan) -> Result<Edited, Failure> {
    let before: Option<String> = tx
        .prepare_cached("SELECT document FROM rate_plan WHERE hotel = ?1 AND code = ?2")?
        .query_row(params![hotel.number, plan.code.as_str()], |row| row.get(0))
        .optional()?;
    let after = json(plan)?;
    tx.prepare_cached(
        "INSERT INTO rate_plan (hotel, code, document) VALUES (?1, ?2, ?3)
         ON CONFLICT (hotel, code) DO UPDATE SET document = excluded.document",
    )?
    .execute(params![hotel.number, plan.code.as_str(), after])?;
    Ok(Edited {
        before: before.unwrap_or_default(),
        after,
    })
}

fn set_rates(tx: &WriteTx<'_>, hotel: HotelRow, rates: &[Rate]) -> Result<Edited, Failure> {
    let mut plan = tx.prepare_cached("SELECT 1 FROM rate_plan WHERE hotel = ?1 AND code = ?2")?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO price (hotel, rate_plan, room_type, night, price) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (hotel, rate_plan, room_type, night) DO UPDATE SET price = excluded.price",
    )?;
    for rate in rates {
        let (of, kind) = (rate.rate_plan.as_str(), rate.room_type.as_str());
        if !plan.exists(params![hotel.number, of])? {
            return Err(no_such("rate plan").into());
        }
        sellable_unset(tx, hotel, &rate.room_type)?;
        for night in rate.first.until(rate.last.plus(1)) {
            insert.execute(params![hotel.number, of, kind, night.days(), rate.price])?;
        }
    }
    Ok(Edited {
        before: String::new(),
        after: json(rates)?,
    })
}

fn set_allotments(
    tx: &WriteTx<'_>,
    hotel: HotelRow,
    allotments: &[Allotment],
    today: Date,
) -> Result<Edited, Failure> {
    for allotment in allotments {
        let unset = sellable_unset(tx, hotel, &allotment.room_type)?;
        let sellable = allotment.rooms.unwrap_or(unset);
        for night in allotment.first.max(today).until(allotment.last.plus(1)) {
            allot(tx, hotel, allotment, night, sellable)?;
        }
    }
    Ok(Edited {
        before: String::new(),
        after: json(allotments)?,
    })
}

fn allot(
    tx: &WriteTx<'_>,
    hotel: HotelRow,
    allotment: &Allotment,
    night: Date,
    sellable: u32,
) -> Result<(), Failure> {
    let kind = &allotment.room_type;
    let written = tx
        .prepare_cached(
            "INSERT INTO inventory (hotel, room_type, night, sellable, allotted)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (hotel, room_type, night) DO UPDATE
             SET sellable = excluded.sellable, allotted = excluded.allotted, version = version + 1
             WHERE reserved <= excluded.sellable",
        )?
        .execute(params![
            hotel.number,
            kind.as_str(),
            night.days(),
            sellable,
            allotment.rooms.is_some()
        ])?;
    if written == 1 {
        return Ok(());
    }
    let reserved = tx
        .prepare_cached(
            "SELECT reserved FROM inventory WHERE hotel = ?1 AND room_type = ?2 AND night = ?3",
        )?
        .query_row(params![hotel.number, kind.as_str(), night.days()], |row| {
            row.get(0)
        })?;
    Err(in_use(kind, night, reserved, sellable).into())
}

fn set_staff(tx: &WriteTx<'_>, hotel: HotelRow, accounts: &str) -> Result<Edited, Failure> {
    let before = tx
        .prepare_cached("SELECT staff FROM hotel WHERE number = ?1")?
        .query_row([hotel.number], |row| row.get(0))?;
    tx.prepare_cached("UPDATE hotel SET staff = ?2 WHERE number = ?1")?
        .execute(params![hotel.number, accounts])?;
    Ok(Edited {
        before,
        after: accounts.to_owned(),
    })
}

/// Forgets prices of nights that are long past; how many.
pub(super) fn sweep(tx: &WriteTx<'_>, before: Date, max: usize) -> Result<usize, Failure> {
    let swept = tx
        .prepare_cached(
            "DELETE FROM price WHERE (hotel, rate_plan, room_type, night) IN
                 (SELECT hotel, rate_plan, room_type, night FROM price
                  WHERE night < ?1 ORDER BY night LIMIT ?2)",
        )?
        .execute(params![before.days(), max])?;
    Ok(swept)
}
