//! Reservations that wait for the same hotel go together.
//!
//! At most one call for a hotel is under way from this host. What comes meanwhile waits in the hotel's lane, and all of
//! it goes with the next call: one round trip, one lock of the night that everybody wants, one fsync. A hotel that few
//! ask for has no lane, and its reservation goes at once.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::failure::{Failed, slow_down, tried};
use super::reply::Reply;
use super::reserve::{self, Asked};
use super::{Engine, Shard};
use crate::error::Error;
use crate::store::{Changed, Decided, Reserve};
use crate::types::{HotelCode, ReservationCode, ReservationId};

/// Reservations in a call, at most. With more, those at the head wait longer than they save.
const CALL_MAX: usize = 64;

/// Rooms times nights in a call, at most: the longest stay with the most rooms, which goes alone, has as many.
const CALL_ROOM_NIGHTS_MAX: usize = 3_600;

/// Reservations that wait for one hotel, at most: a few seconds' worth.
const LANE_MAX: usize = 4_096;

/// How often a reservation goes with another call, because what the server looked at had changed, or its code was
/// another's.
const TURNS_MAX: u32 = 8;

/// How long a call whose connection was lost may still be under way in the server, before it is another's: in steps.
const OWN_CALL_WAIT: Duration = Duration::from_millis(100);

/// How many such steps: with the waits, as long as a statement may take there.
const OWN_CALL_STEPS: u32 = 150;

type Outcome = Result<Result<Decided, Changed>, Error>;

/// The lanes of hotels; a hotel that has one has a call under way.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: Mutex<HashMap<HotelCode, VecDeque<Waiting>>>,
}

#[derive(Debug)]
struct Waiting {
    asked: Asked,
    turns: u32,
    tell: oneshot::Sender<Outcome>,
}

/// Makes a reservation, together with others of its hotel.
pub(super) async fn reserve(engine: Arc<Engine>, reserve: Reserve) -> Outcome {
    let hotel = reserve.reservation.hotel.clone();
    let (tell, told) = oneshot::channel();
    let waiting = Waiting {
        asked: Asked {
            reserve,
            operation: Uuid::now_v7(),
        },
        turns: 0,
        tell,
    };
    if engine.lanes.join(&hotel, waiting)? {
        tokio::spawn(drive(engine, hotel));
    }
    told.await.unwrap_or(Err(Error::Internal))
}

impl Lanes {
    /// Waits in a lane; true where it is new, and somebody has to drive it.
    fn join(&self, hotel: &HotelCode, waiting: Waiting) -> Result<bool, Error> {
        let mut lanes = self.lock();
        match lanes.entry(hotel.clone()) {
            Entry::Occupied(lane) if lane.get().len() >= LANE_MAX => Err(slow_down()),
            Entry::Occupied(mut lane) => {
                lane.get_mut().push_back(waiting);
                Ok(false)
            }
            Entry::Vacant(place) => {
                place.insert(VecDeque::from([waiting]));
                Ok(true)
            }
        }
    }

    /// Those who go next, after `again`, who were under way and go once more. None: the lane is gone.
    fn next(&self, hotel: &HotelCode, again: Vec<Waiting>) -> Vec<Waiting> {
        let mut lanes = self.lock();
        let Some(lane) = lanes.get_mut(hotel) else {
            return again;
        };
        for waiting in again.into_iter().rev() {
            lane.push_front(waiting);
        }
        let call = take_call(lane);
        if call.is_empty() {
            lanes.remove(hotel);
        }
        call
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<HotelCode, VecDeque<Waiting>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes from the head of a lane what goes with one call: no key and no code twice, since the second is decided by what
/// becomes of the first.
fn take_call(lane: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let mut call = Vec::new();
    let mut left = VecDeque::new();
    let mut seen = HashSet::new();
    let mut room_nights = 0;
    while let Some(waiting) = lane.pop_front() {
        let reserve = &waiting.asked.reserve;
        let claim = &reserve.key.claim;
        let key = format!("{}\0{}", claim.scope, claim.key);
        let more = room_nights + reserve.take.len();
        if call.len() == CALL_MAX || (!call.is_empty() && more > CALL_ROOM_NIGHTS_MAX) {
            left.push_back(waiting);
            break;
        }
        let code = reserve.reservation.code.to_string();
        if seen.contains(&key) || seen.contains(&code) {
            left.push_back(waiting);
            continue;
        }
        seen.extend([key, code]);
        room_nights = more;
        call.push(waiting);
    }
    while let Some(waiting) = left.pop_back() {
        lane.push_front(waiting);
    }
    call
}

/// Makes one call after the other, until nobody waits.
async fn drive(engine: Arc<Engine>, hotel: HotelCode) {
    let mut again = Vec::new();
    loop {
        let call = engine.lanes.next(&hotel, again);
        if call.is_empty() {
            return;
        }
        metrics::histogram!("booking_postgres_reservations_per_call").record(call.len() as f64);
        again = go(&engine, &hotel, call).await;
    }
}

/// Makes one call, and tells those who are done; the others are to go again.
async fn go(engine: &Engine, hotel: &HotelCode, call: Vec<Waiting>) -> Vec<Waiting> {
    let shard = engine.shard(hotel);
    match replies(engine, shard, hotel, &call).await {
        Ok(replies) => tell(shard, engine, call, replies),
        // One of them may be what the server does not take: it is not to fail the others.
        Err(Failed::Fault(_)) if call.len() > 1 => {
            let mut again = Vec::new();
            for waiting in call {
                let alone = vec![waiting];
                match replies(engine, shard, hotel, &alone).await {
                    Ok(replies) => again.extend(tell(shard, engine, alone, replies)),
                    Err(failed) => tell_all(alone, failed),
                }
            }
            again
        }
        Err(failed) => {
            tell_all(call, failed);
            Vec::new()
        }
    }
}

/// What the server says. A call whose connection was lost is made again: what was done the first time has its key, and
/// what still runs holds it.
async fn replies(
    engine: &Engine,
    shard: &Shard,
    hotel: &HotelCode,
    call: &[Waiting],
) -> Result<Vec<Reply>, Failed> {
    tried(|lost| async move {
        let mut steps = 0;
        loop {
            let asked = call.iter().map(|waiting| &waiting.asked);
            let replies = reserve::call(shard, engine.strategy, hotel, asked).await?;
            let in_use = replies.iter().any(|reply| reply.result == "in-use");
            if lost == 0 || !in_use || steps == OWN_CALL_STEPS {
                return Ok(replies);
            }
            steps += 1;
            tokio::time::sleep(OWN_CALL_WAIT).await;
        }
    })
    .await
}

/// Tells those who are done; gives the others back.
fn tell(shard: &Shard, engine: &Engine, call: Vec<Waiting>, replies: Vec<Reply>) -> Vec<Waiting> {
    let mut replies: HashMap<i32, Reply> = replies
        .into_iter()
        .map(|reply| (reply.item, reply))
        .collect();
    let mut again = Vec::new();
    let mut changed = false;
    for (index, mut waiting) in call.into_iter().enumerate() {
        let Some(reply) = replies.remove(&super::row::int(index + 1)) else {
            waiting.tell(Err(Error::Internal));
            continue;
        };
        if reply.result == "code" {
            let random = ReservationId(Uuid::new_v4());
            waiting.asked.reserve.reservation.code = ReservationCode::of(random);
        }
        if matches!(reply.result.as_str(), "code" | "again") {
            waiting.turns += 1;
            match waiting.turns < TURNS_MAX {
                true => again.push(waiting),
                false => waiting.tell(Err(slow_down())),
            }
            continue;
        }
        changed |= reply.result == "done";
        let outcome = outcome(reply, &waiting.asked);
        waiting.tell(outcome);
    }
    if changed {
        shard.ring(&engine.bell);
    }
    again
}

fn outcome(reply: Reply, asked: &Asked) -> Outcome {
    match reply.result.as_str() {
        "done" | "known" => reply
            .decided(asked.operation, Some(&asked.reserve.reservation))
            .map(Ok)
            .map_err(Failed::into_error),
        "reused" => Err(Error::KeyReused),
        "in-use" => Err(Error::KeyInUse),
        "catalogue" => Ok(Err(Changed::Catalogue)),
        "missing" => Err(Error::NotFound("hotel".to_owned())),
        other => Err(Failed::Fault(format!("a reply that is unknown: {other}")).into_error()),
    }
}

fn tell_all(call: Vec<Waiting>, failed: Failed) {
    let error = failed.into_error();
    for waiting in call {
        waiting.tell(Err(error.clone()));
    }
}

impl Waiting {
    fn tell(self, outcome: Outcome) {
        // Nobody may be there any more to hear it.
        let _heard = self.tell.send(outcome);
    }
}
