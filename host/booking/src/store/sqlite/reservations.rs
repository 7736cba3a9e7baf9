//! Reservations are made and changed.

use concierge_sqlite::WriteTx;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::inventory::{self, HotelRow, Seen, Taken, Way};
use super::outgoing::{self, Happened};
use super::rows::{json, read_json};
use super::{Failure, catalogue, keys};
use crate::error::{Error, Reason};
use crate::rules::limits::STAY_NIGHTS_MAX;
use crate::store::{Changed, ClaimedKey, Decided, Reserve, RuleResult, Transition};
use crate::types::{HotelCode, Reservation, ReservationCode, ReservationId, Stay};

/// Codes that are tried for a reservation before it is given up: of 40 random bits the second is free already.
const CODES_TRIED: usize = 16;

/// What came of a try.
#[expect(
    clippy::large_enum_variant,
    reason = "moved twice at most, and the small one is rare"
)]
pub(super) enum Tried {
    /// It was decided.
    Done(Result<Decided, Changed>),
    /// What was seen before the transaction is so no more.
    Again,
}

fn decided(outcome: Result<Reservation, Error>) -> Tried {
    Tried::Done(Ok(Decided {
        outcome,
        answer: None,
        now: true,
    }))
}

fn replayed(kept: keys::Kept) -> Result<Tried, Failure> {
    kept.decided().map(|decided| Tried::Done(Ok(decided)))
}

/// Stays that are looked for by their days are at most so long.
pub(super) fn check_length(stay: &Stay) -> Result<(), Error> {
    if stay.nights() <= STAY_NIGHTS_MAX {
        return Ok(());
    }
    let detail = format!("A stay has at most {STAY_NIGHTS_MAX} nights.");
    Err(Error::invalid(
        "stay.departure",
        Reason::StayTooLong,
        detail,
    ))
}

/// Reads what an optimistic reservation needs, in a snapshot.
pub(super) fn see_reserve(connection: &Connection, reserve: &Reserve) -> Result<Seen, Failure> {
    let hotel = catalogue::hotel_row(connection, &reserve.reservation.hotel)?;
    inventory::see(connection, hotel, &reserve.take)
}

/// Makes a reservation, unless its key was used, the catalogue changed or a room is lacking.
pub(super) fn reserve(tx: &WriteTx<'_>, reserve: &Reserve, way: &Way) -> Result<Tried, Failure> {
    let hotel = catalogue::hotel_row(tx, &reserve.reservation.hotel)?;
    if let Some(kept) = keys::find(tx, hotel.number, &reserve.key)? {
        return replayed(kept);
    }
    if hotel.version != reserve.catalogue_version {
        return Ok(Tried::Done(Err(Changed::Catalogue)));
    }
    match inventory::take(tx, hotel, &reserve.take, way)? {
        Taken::All => {}
        Taken::None(lacking) => {
            keys::keep_refusal(tx, hotel.number, &reserve.key, &lacking)?;
            return Ok(decided(Err(lacking)));
        }
        Taken::Again => return Ok(Tried::Again),
    }
    let mut reservation = reserve.reservation.clone();
    reservation.version = 1;
    let document = insert(tx, hotel, &mut reservation)?;
    keys::keep_reservation(tx, hotel.number, &reserve.key, &document)?;
    let happened = Happened {
        hotel: hotel.number,
        at_us: reserve.key.at_us,
        who: &reserve.who,
        before: "",
        after: &document,
    };
    outgoing::note(tx, &happened, reservation.id, &reserve.effects)?;
    Ok(decided(Ok(reservation)))
}

/// Inserts a reservation, under another code where its own is taken; its document.
fn insert(
    tx: &WriteTx<'_>,
    hotel: HotelRow,
    reservation: &mut Reservation,
) -> Result<String, Failure> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO reservation (hotel, id, code, version, arrival, departure, occupied_until,
             name, email, changed_us, due_us, document)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (hotel, code) DO NOTHING",
    )?;
    for _ in 0..CODES_TRIED {
        let document = json(reservation)?;
        let inserted = insert.execute(params![
            hotel.number,
            reservation.id.0.as_bytes(),
            reservation.code.as_str(),
            reservation.version,
            reservation.stay.arrival.days(),
            reservation.stay.departure.days(),
            reservation.occupied_until.days(),
            reservation.guest.name.to_lowercase(),
            reservation.guest.email.to_lowercase(),
            reservation.changed_us,
            reservation.due_us(),
            document
        ])?;
        if inserted == 1 {
            return Ok(document);
        }
        let (_, bits) = Uuid::new_v4().as_u64_pair();
        reservation.code = ReservationCode::from_bits(bits);
    }
    tracing::error!("no code is free for a reservation");
    Err(Error::Internal.into())
}

/// A reservation as it was read.
struct Found {
    number: i64,
    reservation: Reservation,
    document: String,
}

fn find(connection: &Connection, hotel: i64, id: ReservationId) -> rusqlite::Result<Option<Found>> {
    connection
        .prepare_cached("SELECT document, number FROM reservation WHERE hotel = ?1 AND id = ?2")?
        .query_row(params![hotel, id.0.as_bytes()], |row| {
            Ok(Found {
                number: row.get(1)?,
                reservation: read_document(row)?,
                document: row.get(0)?,
            })
        })
        .optional()
}

fn read_document(row: &Row<'_>) -> rusqlite::Result<Reservation> {
    read_json(row, 0)
}

fn find_or_refuse(
    connection: &Connection,
    hotel: i64,
    id: ReservationId,
) -> Result<Found, Failure> {
    find(connection, hotel, id)?.ok_or_else(|| Error::NotFound("reservation".to_owned()).into())
}

/// What a rule makes of a reservation.
fn judge(transition: &Transition, found: &Reservation) -> Result<Option<RuleResult>, Error> {
    let result = (transition.rule)(found)?;
    if let Some(result) = &result {
        check_length(&result.reservation.stay)?;
    }
    Ok(result)
}

/// What an optimistic change has seen and what its rule made of it.
pub(super) struct SeenChange {
    found: Found,
    judged: Result<Option<RuleResult>, Error>,
    seen: Option<Seen>,
}

/// Reads what an optimistic change needs, in a snapshot, and runs its rule on it.
pub(super) fn see_change(
    connection: &Connection,
    transition: &Transition,
) -> Result<SeenChange, Failure> {
    let hotel = catalogue::hotel_row(connection, &transition.hotel)?;
    let found = find_or_refuse(connection, hotel.number, transition.reservation)?;
    let judged = judge(transition, &found.reservation);
    let seen = match &judged {
        Ok(Some(result)) => Some(inventory::see(connection, hotel, &result.deltas)?),
        _ => None,
    };
    Ok(SeenChange {
        found,
        judged,
        seen,
    })
}

/// Changes a reservation by what was seen of it, if it is still the same.
pub(super) fn change_as_seen(
    tx: &WriteTx<'_>,
    transition: &Transition,
    change: SeenChange,
) -> Result<Tried, Failure> {
    let hotel = match begin(tx, transition)? {
        Ok(hotel) => hotel,
        Err(tried) => return Ok(tried),
    };
    let version: u64 = tx
        .prepare_cached("SELECT version FROM reservation WHERE number = ?1")?
        .query_row([change.found.number], |row| row.get(0))?;
    if version != change.found.reservation.version {
        return Ok(Tried::Again);
    }
    let way = match change.seen {
        Some(seen) => Way::Optimistic(seen),
        // Nothing is to be taken.
        None => Way::Constraint,
    };
    finish(tx, hotel, transition, change.found, change.judged, &way)
}

/// Changes a reservation by its rule, which runs in the transaction.
pub(super) fn change(
    tx: &WriteTx<'_>,
    transition: &Transition,
    way: &Way,
) -> Result<Tried, Failure> {
    let hotel = match begin(tx, transition)? {
        Ok(hotel) => hotel,
        Err(tried) => return Ok(tried),
    };
    let found = find_or_refuse(tx, hotel.number, transition.reservation)?;
    let judged = judge(transition, &found.reservation);
    finish(tx, hotel, transition, found, judged, way)
}

/// The hotel, unless the key was used before or the catalogue has changed.
fn begin(tx: &WriteTx<'_>, transition: &Transition) -> Result<Result<HotelRow, Tried>, Failure> {
    let hotel = catalogue::hotel_row(tx, &transition.hotel)?;
    if let Some(key) = &transition.key
        && let Some(kept) = keys::find(tx, hotel.number, key)?
    {
        return Ok(Err(replayed(kept)?));
    }
    let other = |version: &u64| *version != hotel.version;
    if transition.catalogue_version.as_ref().is_some_and(other) {
        return Ok(Err(Tried::Done(Err(Changed::Catalogue))));
    }
    Ok(Ok(hotel))
}

fn finish(
    tx: &WriteTx<'_>,
    hotel: HotelRow,
    transition: &Transition,
    found: Found,
    judged: Result<Option<RuleResult>, Error>,
    way: &Way,
) -> Result<Tried, Failure> {
    let key = transition.key.as_ref();
    let result = match judged {
        Ok(Some(result)) => result,
        Ok(None) => {
            if let Some(key) = key {
                keys::keep_reservation(tx, hotel.number, key, &found.document)?;
            }
            return Ok(decided(Ok(found.reservation)));
        }
        Err(refusal) => return refuse(tx, hotel, key, refusal),
    };
    match inventory::take(tx, hotel, &result.deltas, way)? {
        Taken::All => {}
        Taken::None(lacking) => return refuse(tx, hotel, key, lacking),
        Taken::Again => return Ok(Tried::Again),
    }
    let mut next = result.reservation;
    next.version = found.reservation.version + 1;
    let document = json(&next)?;
    update(tx, found.number, &next, &document)?;
    if let Some(key) = key {
        keys::keep_reservation(tx, hotel.number, key, &document)?;
    }
    let happened = Happened {
        hotel: hotel.number,
        at_us: transition.now_us,
        who: &transition.who,
        before: &found.document,
        after: &document,
    };
    outgoing::note(tx, &happened, next.id, &result.effects)?;
    Ok(decided(Ok(next)))
}

/// What was decided is kept with the key; what was not is the call's own error.
fn refuse(
    tx: &WriteTx<'_>,
    hotel: HotelRow,
    key: Option<&ClaimedKey>,
    refusal: Error,
) -> Result<Tried, Failure> {
    if !refusal.is_decided() {
        return Err(refusal.into());
    }
    if let Some(key) = key {
        keys::keep_refusal(tx, hotel.number, key, &refusal)?;
    }
    Ok(decided(Err(refusal)))
}

fn update(
    tx: &WriteTx<'_>,
    number: i64,
    next: &Reservation,
    document: &str,
) -> Result<(), Failure> {
    tx.prepare_cached(
        "UPDATE reservation SET version = ?2, arrival = ?3, departure = ?4, occupied_until = ?5,
             name = ?6, email = ?7, changed_us = ?8, due_us = ?9, document = ?10
         WHERE number = ?1",
    )?
    .execute(params![
        number,
        next.version,
        next.stay.arrival.days(),
        next.stay.departure.days(),
        next.occupied_until.days(),
        next.guest.name.to_lowercase(),
        next.guest.email.to_lowercase(),
        next.changed_us,
        next.due_us(),
        document
    ])?;
    Ok(())
}

/// A reservation by its id.
pub(super) fn by_id(
    connection: &Connection,
    hotel: &HotelCode,
    id: ReservationId,
) -> Result<Option<Reservation>, Failure> {
    let found = connection
        .prepare_cached(
            "SELECT document FROM reservation
             WHERE hotel = (SELECT number FROM hotel WHERE code = ?1) AND id = ?2",
        )?
        .query_row(params![hotel.as_str(), id.0.as_bytes()], read_document)
        .optional()?;
    Ok(found)
}

/// The id of a reservation by its code.
pub(super) fn id_of_code(
    connection: &Connection,
    hotel: &HotelCode,
    code: &ReservationCode,
) -> Result<Option<ReservationId>, Failure> {
    let found = connection
        .prepare_cached(
            "SELECT id FROM reservation
             WHERE hotel = (SELECT number FROM hotel WHERE code = ?1) AND code = ?2",
        )?
        .query_row(params![hotel.as_str(), code.as_str()], |row| {
            super::rows::read_uuid(row, 0).map(ReservationId)
        })
        .optional()?;
    Ok(found)
}
