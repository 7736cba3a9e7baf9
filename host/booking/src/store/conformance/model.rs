//! A random history against a model in memory: the same operations, the same outcomes, and after each of them the same
//! rooms in every night.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::fixture::{
    House, allotment, cancel, check_in, check_out, code, confirm, hotel, move_to, room_type, stay,
    today,
};
use crate::error::{Conflict, Error};
use crate::rules::price;
use crate::store::{Edit, Store};
use crate::types::{Date, Delta, Reservation, ReservationId, RoomTypeCode, State, Stay, sellable};

/// Set it to see a history again.
const SEED_VARIABLE: &str = "CONCIERGE_TEST_SEED";
const OPERATIONS: usize = 300;
const NIGHTS: i32 = 6;
const KINDS: [&str; 2] = ["double", "suite"];

pub(super) async fn all(store: &Arc<dyn Store>) {
    let seed = std::env::var(SEED_VARIABLE).ok();
    let seed = seed.map_or_else(rand::random, |seed| seed.parse().unwrap());
    println!("a random history: {SEED_VARIABLE}={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let house = House::open(store, "model", &[("double", 4), ("suite", 2)]).await;
    let mut model = Model::default();
    for (kind, rooms) in [("double", 4), ("suite", 2)] {
        model.rooms.insert(code(kind), rooms);
    }
    for step in 0..OPERATIONS {
        let what = model.step(&house, &mut rng).await;
        model.compare(&house, &format!("step {step}: {what}")).await;
    }
    concurrently(store, &mut rng).await;
}

#[derive(Default)]
struct Model {
    rooms: BTreeMap<RoomTypeCode, u32>,
    overbooking_percent: u32,
    allotted: BTreeMap<(RoomTypeCode, Date), u32>,
    reservations: BTreeMap<ReservationId, Reservation>,
}

impl Model {
    fn sellable(&self, kind: &RoomTypeCode, night: Date) -> u32 {
        match self.allotted.get(&(kind.clone(), night)) {
            Some(rooms) => *rooms,
            None => sellable(self.rooms[kind], self.overbooking_percent),
        }
    }

    fn reserved(&self, kind: &RoomTypeCode, night: Date) -> u32 {
        let has = |made: &&Reservation| made.reserved_nights().any(|n| n == night);
        let of = |made: &Reservation| {
            let rooms = made.stay.rooms.iter();
            rooms.filter(|room| room.room_type == *kind).count() as u32
        };
        self.reservations.values().filter(has).map(of).sum()
    }

    /// What is lacking first, if anything is.
    fn lacking(&self, deltas: &[Delta]) -> Option<Error> {
        deltas.iter().find_map(|delta| {
            let (kind, night) = (&delta.room_type, delta.night);
            let left = self.sellable(kind, night) - self.reserved(kind, night);
            (i64::from(delta.rooms) > i64::from(left)).then(|| Error::SoldOut {
                room_type: kind.clone(),
                night,
                left,
            })
        })
    }

    /// Whether in no night more rooms are reserved than could be sold.
    fn fits(&self) -> bool {
        self.rooms.keys().all(|kind| {
            nights().all(|night| self.reserved(kind, night) <= self.sellable(kind, night))
        })
    }

    async fn step(&mut self, house: &House, rng: &mut StdRng) -> String {
        match rng.random_range(0..20) {
            0..8 => self.reserve(house, rng).await,
            8..11 => self.cancel(house, rng).await,
            11..14 => self.change(house, rng).await,
            14..16 => self.leave(house, rng).await,
            _ => self.edit(house, rng).await,
        }
    }

    async fn reserve(&mut self, house: &House, rng: &mut StdRng) -> String {
        let stay = any_stay(rng);
        let expected = self.lacking(&price::taken(&stay));
        let outcome = house.book(stay.clone()).await;
        let what = format!("reserve {stay:?}");
        assert_eq!(outcome.as_ref().err(), expected.as_ref(), "{what}");
        if let Ok(made) = outcome {
            self.reservations.insert(made.id, made);
        }
        what
    }

    fn any(&self, rng: &mut StdRng) -> Option<Reservation> {
        let live = self
            .reservations
            .values()
            .filter(|made| made.state.is_live());
        let live: Vec<_> = live.collect();
        let index = rng.random_range(0..live.len().max(1));
        live.get(index).map(|made| (*made).clone())
    }

    async fn cancel(&mut self, house: &House, rng: &mut StdRng) -> String {
        let Some(made) = self.any(rng) else {
            return "nothing to cancel".to_owned();
        };
        let outcome = house.act(made.id, cancel()).await;
        if made.state == State::CheckedIn {
            assert!(outcome.is_err(), "a guest in the house cannot cancel");
        } else {
            self.reservations.insert(made.id, outcome.unwrap());
        }
        format!("cancel {made:?}")
    }

    async fn change(&mut self, house: &House, rng: &mut StdRng) -> String {
        let Some(made) = self.any(rng) else {
            return "nothing to change".to_owned();
        };
        let mut stay = any_stay(rng);
        if made.state == State::CheckedIn {
            stay.departure = stay.departure.max(made.stay.arrival.plus(1));
            stay.arrival = made.stay.arrival;
        }
        let (rooms, from) = (&made.stay.rooms, made.stay.arrival);
        let deltas = price::moved(rooms, from, made.occupied_until, &stay);
        let expected = self.lacking(&deltas);
        let outcome = house.act(made.id, move_to(stay.clone())).await;
        let what = format!("change {made:?} to {stay:?}");
        assert_eq!(outcome.as_ref().err(), expected.as_ref(), "{what}");
        if let Ok(changed) = outcome {
            assert_eq!(changed.version, made.version + 1, "{what}");
            self.reservations.insert(made.id, changed);
        }
        what
    }

    /// Someone comes and leaves, perhaps early.
    async fn leave(&mut self, house: &House, rng: &mut StdRng) -> String {
        let Some(made) = self.any(rng) else {
            return "nobody to leave".to_owned();
        };
        let come = made.stay.arrival.since(today());
        if made.state == State::Held {
            house.act(made.id, confirm()).await.unwrap();
        }
        let mut left = house.act(made.id, check_in(come)).await.unwrap();
        if rng.random() {
            let days = rng.random_range(0..4);
            left = house.act(made.id, check_out(come + days)).await.unwrap();
        }
        self.reservations.insert(made.id, left);
        format!("leave {made:?}")
    }

    async fn edit(&mut self, house: &House, rng: &mut StdRng) -> String {
        let kind = KINDS[rng.random_range(0..2)];
        let rooms = rng.random_range(0..6);
        let mut next = Self {
            rooms: self.rooms.clone(),
            allotted: self.allotted.clone(),
            reservations: self.reservations.clone(),
            ..*self
        };
        let edit = match rng.random_range(0..4) {
            0 => {
                next.overbooking_percent = rng.random_range(0..3) * 25;
                Edit::Hotel(hotel(&house.code, next.overbooking_percent))
            }
            1 => {
                next.rooms.insert(code(kind), rooms);
                Edit::RoomType(room_type(kind, rooms))
            }
            _ => {
                let first = rng.random_range(0..NIGHTS);
                let last = rng.random_range(first..NIGHTS);
                let rooms = rng.random::<bool>().then_some(rooms);
                for night in first..=last {
                    let key = (code(kind), today().plus(night));
                    match rooms {
                        Some(rooms) => next.allotted.insert(key, rooms),
                        None => next.allotted.remove(&key),
                    };
                }
                Edit::Allotments(vec![allotment(kind, first, last, rooms)])
            }
        };
        let done = house.edit(edit.clone()).await;
        let what = format!("{edit:?}");
        if next.fits() {
            assert_eq!(done, Ok(()), "{what}");
            *self = next;
        } else {
            let in_use = matches!(done, Err(Error::Conflict(Conflict::InUse, _)));
            assert!(in_use, "{what}: {done:?}");
        }
        what
    }

    async fn compare(&self, house: &House, after: &str) {
        for kind in KINDS {
            let rows = house.rows(kind, NIGHTS as u32 + 4).await;
            let kind = code(kind);
            for night in nights() {
                let row = rows.iter().find(|row| row.night == night);
                let kept = row.map_or_else(
                    || (sellable(self.rooms[&kind], self.overbooking_percent), 0),
                    |row| (row.sellable, row.reserved),
                );
                let expected = (self.sellable(&kind, night), self.reserved(&kind, night));
                assert_eq!(kept, expected, "{kind} on {night} after {after}");
            }
        }
    }
}

fn nights() -> impl Iterator<Item = Date> {
    today().until(today().plus(NIGHTS + 4))
}

fn any_stay(rng: &mut StdRng) -> Stay {
    let from = rng.random_range(0..NIGHTS);
    let to = rng.random_range(from + 1..=NIGHTS);
    let count = rng.random_range(1..4);
    let rooms: Vec<_> = (0..count).map(|_| KINDS[rng.random_range(0..2)]).collect();
    stay(&rooms, from, to)
}

/// Many do it at once: whatever the order was, the rooms are those of the reservations that are there in the end.
async fn concurrently(store: &Arc<dyn Store>, rng: &mut StdRng) {
    let house = House::open(store, "model-many", &[("double", 4), ("suite", 2)]).await;
    let mut guests = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (house, mut rng) = (house.clone(), StdRng::seed_from_u64(rng.random()));
        guests.spawn(async move {
            let mut made = Vec::new();
            for _ in 0..12 {
                if let Ok(reservation) = house.book(any_stay(&mut rng)).await {
                    made.push(reservation.id);
                }
                if made.is_empty() {
                    continue;
                }
                let id = made[rng.random_range(0..made.len())];
                if rng.random() {
                    let _ = house.act(id, cancel()).await;
                } else {
                    let _ = house.act(id, move_to(any_stay(&mut rng))).await;
                }
            }
            made
        });
    }
    let mut model = Model {
        rooms: [(code("double"), 4), (code("suite"), 2)].into(),
        ..Model::default()
    };
    for id in guests.join_all().await.concat() {
        model.reservations.insert(id, house.find(id).await);
    }
    assert!(model.fits());
    model.compare(&house, "all of them").await;
}
