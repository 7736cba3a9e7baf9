//! Reservations of one hotel, as the function `booking.reserve` takes them: arrays with an element for each.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::failure::Failed;
use super::reply::{COLUMNS, Key, Reply};
use super::row::{big, int, kind_name, query_on, text};
use super::{Shard, Strategy};
use crate::store::Reserve;
use crate::types::HotelCode;

/// How often a call begins again in the server when what it looked at has changed. Each time somebody else has got
/// ahead, so that there is progress; after so many it is another's turn.
pub(super) const TRIES: i32 = 16;

/// A reservation that waits to be made.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) reserve: Reserve,
    /// The call's id.
    pub(super) operation: Uuid,
}

/// The columns of some reservations.
#[derive(Debug, Default)]
struct Columns {
    operations: Vec<Uuid>,
    scopes: Vec<String>,
    keys: Vec<String>,
    fingerprints: Vec<Vec<u8>>,
    locks: Vec<i64>,
    at_us: Vec<i64>,
    forget_us: Vec<i64>,
    catalogues: Vec<i64>,
    whos: Vec<String>,
    whats: Vec<&'static str>,
    kinds: Vec<&'static str>,
    ids: Vec<Uuid>,
    codes: Vec<String>,
    states: Vec<&'static str>,
    arrivals: Vec<i32>,
    departures: Vec<i32>,
    occupied_untils: Vec<i32>,
    guest_names: Vec<String>,
    guest_emails: Vec<String>,
    due_us: Vec<Option<i64>>,
    changed_us: Vec<i64>,
    versions: Vec<i64>,
    bodies: Vec<String>,
    mail_items: Vec<i32>,
    mail_ids: Vec<Uuid>,
    mail_bodies: Vec<String>,
}

/// The rooms that some reservations take.
#[derive(Debug, Default)]
struct Takes {
    slot_types: Vec<String>,
    slot_nights: Vec<i32>,
    items: Vec<i32>,
    /// From 1.
    slots: Vec<i32>,
    rooms: Vec<i32>,
}

/// Makes reservations of one hotel in one round trip: what became of each, in any order.
pub(super) async fn call<'a>(
    shard: &Shard,
    strategy: Strategy,
    hotel: &HotelCode,
    asked: impl Iterator<Item = &'a Asked> + Clone,
) -> Result<Vec<Reply>, Failed> {
    let sql = format!(
        "select {COLUMNS} from booking.reserve(\
         $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
         $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)"
    );
    let mut c = Columns::default();
    for (index, one) in asked.clone().enumerate() {
        c.push(int(index + 1), hotel, one)?;
    }
    let t = Takes::of(asked);
    let client = shard.server.connection().await?;
    let rows = query_on(
        &client,
        &sql,
        &[
            &strategy_name(strategy),
            &TRIES,
            &hotel.as_str(),
            &c.operations,
            &c.scopes,
            &c.keys,
            &c.fingerprints,
            &c.locks,
            &c.at_us,
            &c.forget_us,
            &c.catalogues,
            &c.whos,
            &c.whats,
            &c.kinds,
            &c.ids,
            &c.codes,
            &c.states,
            &c.arrivals,
            &c.departures,
            &c.occupied_untils,
            &c.guest_names,
            &c.guest_emails,
            &c.due_us,
            &c.changed_us,
            &c.versions,
            &c.bodies,
            &t.slot_types,
            &t.slot_nights,
            &t.items,
            &t.slots,
            &t.rooms,
            &c.mail_items,
            &c.mail_ids,
            &c.mail_bodies,
        ],
    )
    .await?;
    rows.iter().map(Reply::of).collect()
}

impl Columns {
    fn push(&mut self, item: i32, hotel: &HotelCode, asked: &Asked) -> Result<(), Failed> {
        let reserve = &asked.reserve;
        let key = Key::of(hotel, &reserve.key);
        self.operations.push(asked.operation);
        self.scopes.push(key.scope);
        self.keys.push(key.key);
        self.fingerprints.push(key.fingerprint);
        self.locks.push(key.lock);
        self.at_us.push(key.at_us);
        self.forget_us.push(key.forget_us);
        self.catalogues.push(big(reserve.catalogue_version));
        self.whos.push(serde_json::to_string(&reserve.who)?);
        self.whats.push(reserve.effects.what);
        self.kinds.push(reserve.effects.kind.map_or("", kind_name));
        let made = &reserve.reservation;
        self.ids.push(made.id.0);
        self.codes.push(made.code.to_string());
        self.states.push(made.state.as_str());
        self.arrivals.push(made.stay.arrival.days());
        self.departures.push(made.stay.departure.days());
        self.occupied_untils.push(made.occupied_until.days());
        self.guest_names.push(findable(&made.guest.name));
        self.guest_emails.push(findable(&made.guest.email));
        self.due_us.push(made.due_us().map(big));
        self.changed_us.push(big(made.changed_us));
        self.versions.push(big(made.version));
        self.bodies.push(serde_json::to_string(made)?);
        for mail in &reserve.effects.mails {
            self.mail_items.push(item);
            self.mail_ids.push(mail.id.0);
            self.mail_bodies.push(serde_json::to_string(mail)?);
        }
        Ok(())
    }
}

impl Takes {
    fn of<'a>(asked: impl Iterator<Item = &'a Asked> + Clone) -> Self {
        let mut takes = Self::default();
        let mut slots = BTreeMap::new();
        for one in asked.clone() {
            for delta in &one.reserve.take {
                slots.insert((delta.room_type.as_str(), delta.night), 0);
            }
        }
        for (place, (&(room_type, night), slot)) in slots.iter_mut().enumerate() {
            *slot = int(place + 1);
            takes.slot_types.push(room_type.to_owned());
            takes.slot_nights.push(night.days());
        }
        for (index, one) in asked.enumerate() {
            for delta in &one.reserve.take {
                if let Some(&slot) = slots.get(&(delta.room_type.as_str(), delta.night)) {
                    takes.items.push(int(index + 1));
                    takes.slots.push(slot);
                    takes.rooms.push(delta.rooms);
                }
            }
        }
        takes
    }
}

/// The word for a strategy in the functions.
pub(super) fn strategy_name(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Pessimistic => "pessimistic",
        Strategy::Optimistic => "optimistic",
        Strategy::Constraint => "constraint",
    }
}

/// A text in the form in which it is looked for.
pub(super) fn findable(found: &str) -> String {
    text(&found.to_lowercase())
}
