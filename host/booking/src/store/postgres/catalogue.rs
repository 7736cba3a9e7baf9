//! Reads of the catalogue, the inventory and the prices: each one statement, and so one snapshot.

use std::sync::Arc;

use concierge_identity::AccountId;
use uuid::Uuid;

use super::failure::Failed;
use super::row::{big, column, date, hotel as hotel_column, json, query, unsigned};
use super::{Engine, Shard};
use crate::store::{NightRow, Nights};
use crate::types::{
    Catalogue, Date, Hotel, HotelCode, RatePlan, RatePlanCode, RoomType, RoomTypeCode, Zone,
};

/// Codes of hotels after `after` on all servers.
pub(super) async fn hotels(
    engine: &Engine,
    after: &str,
    max: usize,
) -> Result<Vec<HotelCode>, Failed> {
    const HOTELS: &str = "select hotel from booking.hotel where hotel > $1 order by hotel limit $2";
    let mut hotels = Vec::new();
    for shard in &engine.shards {
        for row in query(shard, HOTELS, &[&after, &big(max)]).await? {
            hotels.push(hotel_column(&row, 0)?);
        }
    }
    hotels.sort();
    hotels.truncate(max);
    Ok(hotels)
}

/// A hotel with what it has.
pub(super) async fn catalogue(
    shard: &Shard,
    hotel: &HotelCode,
) -> Result<Option<Catalogue>, Failed> {
    const CATALOGUE: &str = "\
        select 0, body, version, staff, '' collate \"C\" as code from booking.hotel where hotel = $1 \
        union all \
        select 1, body, null, null, room_type from booking.room_type where hotel = $1 \
        union all \
        select 2, body, null, null, rate_plan from booking.rate_plan where hotel = $1 \
        order by 1, 5";
    let rows = query(shard, CATALOGUE, &[&hotel.as_str()]).await?;
    let mut rows = rows.into_iter();
    let Some(first) = rows.next() else {
        return Ok(None);
    };
    let hotel: Hotel = json(&first, 1)?;
    let version: i64 = column(&first, 2)?;
    let staff: Vec<Uuid> = column(&first, 3)?;
    let mut room_types: Vec<RoomType> = Vec::new();
    let mut rate_plans: Vec<RatePlan> = Vec::new();
    for row in rows {
        match column::<i32>(&row, 0)? {
            1 => room_types.push(json(&row, 1)?),
            _ => rate_plans.push(json(&row, 1)?),
        }
    }
    let zone = Zone::named(&hotel.time_zone).ok_or_else(|| {
        Failed::Fault(format!(
            "a hotel has the time zone {:?}, which there is not",
            hotel.time_zone
        ))
    })?;
    Ok(Some(Catalogue {
        hotel: Arc::new(hotel),
        room_types: room_types.into(),
        rate_plans: rate_plans.into(),
        staff: staff.into_iter().map(AccountId).collect(),
        version: unsigned(version),
        zone,
    }))
}

/// Inventory and prices of some nights.
pub(super) async fn nights(
    shard: &Shard,
    hotel: &HotelCode,
    first: Date,
    nights: u32,
) -> Result<Nights, Failed> {
    const NIGHTS: &str = "\
        select 0, '' collate \"C\" as plan, '' collate \"C\" as kind, 0 as night, version, null::integer, null::integer \
            from booking.hotel where hotel = $1 \
        union all \
        select 1, '', room_type, night, null, sellable, reserved \
            from booking.inventory where hotel = $1 and night >= $2 and night < $3 \
        union all \
        select 2, rate_plan, room_type, night, amount, null, null \
            from booking.price where hotel = $1 and night >= $2 and night < $3 \
        order by 1, 2, 3, 4";
    let end = first.plus(i32::try_from(nights).unwrap_or(i32::MAX));
    let values: super::row::Values<'_> = &[&hotel.as_str(), &first.days(), &end.days()];
    let mut found = Nights::default();
    for row in query(shard, NIGHTS, values).await? {
        match column::<i32>(&row, 0)? {
            0 => found.version = unsigned(column(&row, 4)?),
            1 => found.rows.push(NightRow {
                room_type: room_type(column(&row, 2)?)?,
                night: date(&row, 3)?,
                sellable: count(column(&row, 5)?),
                reserved: count(column(&row, 6)?),
            }),
            _ => found.prices.push((
                rate_plan(column(&row, 1)?)?,
                room_type(column(&row, 2)?)?,
                date(&row, 3)?,
                column(&row, 4)?,
            )),
        }
    }
    Ok(found)
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn room_type(code: &str) -> Result<RoomTypeCode, Failed> {
    code.parse()
        .map_err(|error| Failed::Fault(format!("what is in the tables cannot be read: {error}")))
}

fn rate_plan(code: &str) -> Result<RatePlanCode, Failed> {
    code.parse()
        .map_err(|error| Failed::Fault(format!("what is in the tables cannot be read: {error}")))
}
