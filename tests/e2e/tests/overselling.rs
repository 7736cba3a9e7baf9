//! The hunt for a room that is sold twice.
//!
//! Many clients book, pay and cancel overlapping stays in the last rooms of a small hotel, while the host (and
//! PostgreSQL, where it keeps the tables) is killed with SIGKILL in the middle. A client whose connection broke sends the
//! same request with the same key until it has an answer. At each restart and at the end:
//! - the rooms that live reservations have equal what the inventory says is reserved, for every night;
//! - no night has more than there are;
//! - the reservations that clients were told of are the ones that there are.
//!
//! At the end the history of each room type is linearizable: each answer can be given one moment between request and
//! answer, such that in the order of these moments a stay is refused exactly when it does not fit.
//!
//! `CONCIERGE_HUNT_ROUNDS` sets how often it is killed (2 unless set), `CONCIERGE_SEED` replays the choices of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, ensure};
use concierge_test_postgres::Postgres;
use concierge_tests::booking::{Account, Answer, Client, Hotel, date_after};
use concierge_tests::linear::{Model, Timed, is_linearizable};
use concierge_tests::{Server, ServerOptions, seed};
use futures::future::try_join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::sync::watch;

/// Clients at once.
const CLIENTS: u64 = 64;
/// What a client does between two restarts.
const CALLS_PER_ROUND: usize = 12;
/// Nights that they want.
const NIGHTS: usize = 8;
/// Days from today to the first of them.
const AHEAD: i32 = 30;
/// The room types, and how many rooms there are of each.
const KINDS: [(&str, u8); 2] = [("single", 1), ("double", 5)];

/// A call of a client about one room type.
#[derive(Debug, Clone)]
enum Call {
    /// A stay was asked for; whether there was room.
    Reserve { nights: Range<usize>, room: bool },
    /// A stay was cancelled.
    Cancel { nights: Range<usize> },
}

/// A room type: how many rooms are reserved on each night.
struct Rooms {
    of: u8,
}

impl Model for Rooms {
    type State = [u8; NIGHTS];
    type Call = Call;

    fn initial(&self) -> Self::State {
        [0; NIGHTS]
    }

    fn step(&self, state: &Self::State, call: &Call) -> Vec<Self::State> {
        let mut after = *state;
        match call {
            Call::Reserve { nights, room } => {
                let fits = state[nights.clone()]
                    .iter()
                    .all(|&reserved| reserved < self.of);
                if fits != *room {
                    return Vec::new();
                }
                if fits {
                    after[nights.clone()]
                        .iter_mut()
                        .for_each(|reserved| *reserved += 1);
                }
            }
            Call::Cancel { nights } => {
                after[nights.clone()]
                    .iter_mut()
                    .for_each(|reserved| *reserved -= 1);
            }
        }
        vec![after]
    }
}

/// A reservation that a client has.
#[derive(Debug, Clone)]
struct Mine {
    id: String,
    token: String,
    kind: usize,
    nights: Range<usize>,
}

/// What all clients share.
struct Hunt {
    hotel: Hotel,
    /// Where the host is now; it changes with each start.
    address: watch::Receiver<String>,
    /// Counts beginnings and ends of calls: the clock of the histories.
    clock: AtomicU64,
    /// Calls that were answered, for the killer.
    answered: watch::Sender<u64>,
}

impl Hunt {
    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Sends the same request until it is answered for good.
    async fn insist(
        &self,
        send: impl AsyncFn(&Client) -> anyhow::Result<Answer>,
    ) -> anyhow::Result<Answer> {
        let mut address = self.address.clone();
        loop {
            let client = Client::new(&address.borrow_and_update())?;
            match send(&client).await {
                Ok(answer) if answer.passes() => answer.wait().await,
                Ok(answer) => {
                    self.answered.send_modify(|answered| *answered += 1);
                    return Ok(answer);
                }
                // The host is gone, or just about to answer no more.
                Err(_) => {
                    let moved = address.wait_for(|now| *now != client.address());
                    moved.await.context("the host does not come back")?;
                }
            }
        }
    }
}

/// One client.
struct Booker {
    hunt: Arc<Hunt>,
    rng: StdRng,
    number: u64,
    keys: u64,
    mine: Vec<Mine>,
    history: Vec<(usize, Timed<Call>)>,
}

impl Booker {
    async fn round(mut self) -> anyhow::Result<Self> {
        for _ in 0..CALLS_PER_ROUND {
            match self.rng.random_range(0..10) {
                0..3 if !self.mine.is_empty() => self.cancel().await?,
                3..4 if !self.mine.is_empty() => self.pay().await?,
                _ => self.reserve().await?,
            }
        }
        Ok(self)
    }

    fn key(&mut self) -> String {
        self.keys += 1;
        format!("hunt-{}-{}", self.number, self.keys)
    }

    async fn reserve(&mut self) -> anyhow::Result<()> {
        let kind = self.rng.random_range(0..KINDS.len());
        let first = self.rng.random_range(0..NIGHTS);
        let last = self.rng.random_range(first..NIGHTS.min(first + 3));
        let nights = first..last + 1;
        let (hotel, key) = (self.hunt.hotel.clone(), self.key());
        let stay = hotel.stay(KINDS[kind].0, day(nights.start), day(nights.end));
        let began = self.hunt.tick();
        let answer = self
            .hunt
            .insist(async |client| hotel.reserve(client, &stay, &key).await)
            .await?;
        let ended = Some(self.hunt.tick());
        let room = match (answer.status, answer.code().as_str()) {
            (201, _) => true,
            (409, "sold_out") => false,
            _ => anyhow::bail!("a reservation: {answer:?}"),
        };
        if room {
            self.mine.push(Mine {
                id: answer.text("id")?,
                token: answer.text("guest_token")?,
                kind,
                nights: nights.clone(),
            });
        }
        let call = Call::Reserve { nights, room };
        self.history.push((kind, Timed { began, ended, call }));
        Ok(())
    }

    async fn cancel(&mut self) -> anyhow::Result<()> {
        let place = self.rng.random_range(0..self.mine.len());
        let mine = self.mine.swap_remove(place);
        let (hotel, key) = (self.hunt.hotel.clone(), self.key());
        let began = self.hunt.tick();
        let cancel =
            async |client: &Client| hotel.cancel(client, &mine.id, &mine.token, &key).await;
        let answer = self.hunt.insist(cancel).await?;
        let ended = Some(self.hunt.tick());
        ensure!(answer.status == 200, "cancelling {mine:?}: {answer:?}");
        let call = Call::Cancel {
            nights: mine.nights,
        };
        self.history.push((mine.kind, Timed { began, ended, call }));
        Ok(())
    }

    async fn pay(&mut self) -> anyhow::Result<()> {
        let place = self.rng.random_range(0..self.mine.len());
        let mine = self.mine[place].clone();
        let (hotel, key) = (self.hunt.hotel.clone(), self.key());
        let pay = async |client: &Client| {
            hotel
                .pay(client, &mine.id, &mine.token, "sandbox:approve", &key)
                .await
        };
        let answer = self.hunt.insist(pay).await?;
        // It may be paid already, or still be paid by a request that the kill cut off.
        ensure!(
            matches!(answer.status, 200 | 202 | 409),
            "paying {mine:?}: {answer:?}"
        );
        Ok(())
    }
}

/// Days from today to a night.
fn day(night: usize) -> i32 {
    AHEAD + i32::try_from(night).unwrap_or(0)
}

/// What is between two runs of the clients: everything agrees.
async fn check(hunt: &Hunt, bookers: Option<&[Booker]>) -> anyhow::Result<()> {
    let client = Client::new(&hunt.address.borrow())?;
    let there = hunt.hotel.all_reservations(&client).await?;
    let live = there
        .iter()
        .filter(|one| matches!(one.state.as_str(), "held" | "confirmed"));
    let live: Vec<_> = live.collect();
    let mut reserved: BTreeMap<(String, String), u32> = BTreeMap::new();
    for (kind, night) in live.iter().flat_map(|one| &one.nights) {
        *reserved.entry((kind.clone(), night.clone())).or_default() += 1;
    }
    for ((kind, night), rooms) in &reserved {
        let there_are = KINDS
            .iter()
            .find(|(name, _)| name == kind)
            .map(|(_, of)| u32::from(*of));
        ensure!(
            Some(*rooms) <= there_are,
            "{rooms} rooms of {kind} are sold on {night}"
        );
    }
    let inventory = hunt
        .hotel
        .occupancy(&client, AHEAD, u32::try_from(NIGHTS)?)
        .await?;
    for night in 0..NIGHTS {
        let night = date_after(day(night));
        let sold: u32 = reserved
            .iter()
            .filter(|((_, of), _)| *of == night)
            .map(|(_, rooms)| rooms)
            .sum();
        let counted: u32 = inventory.get(&night).copied().unwrap_or(0);
        ensure!(
            counted == sold,
            "{night}: {counted} reserved, but reservations have {sold}"
        );
    }
    if let Some(bookers) = bookers {
        let told: BTreeSet<&str> = bookers
            .iter()
            .flat_map(|b| &b.mine)
            .map(|m| m.id.as_str())
            .collect();
        let there: BTreeSet<&str> = live.iter().map(|one| one.id.as_str()).collect();
        ensure!(told == there, "told of {told:?}, but there are {there:?}");
    }
    Ok(())
}

/// Kills and starts again when half of a round's calls were answered; gives the new address to the clients.
async fn kill_in_the_middle(
    server: &mut Server,
    mut postgres: Option<&mut Postgres>,
    hunt: &Hunt,
    moved: &watch::Sender<String>,
    seed: u64,
) -> anyhow::Result<()> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut answered = hunt.answered.subscribe();
    let calls = CLIENTS * CALLS_PER_ROUND as u64;
    let until = *answered.borrow() + rng.random_range(calls / 4..calls * 3 / 4);
    answered.wait_for(|answered| *answered >= until).await?;
    if let Some(postgres) = postgres.as_deref_mut() {
        postgres.kill().await?;
    }
    server.kill().await?;
    if let Some(postgres) = postgres {
        postgres.start_again().await?;
    }
    server.start_again().await?;
    let address = server.address("web")?.to_owned();
    // Before the clients know of it nothing is under way.
    let (_, now) = watch::channel(address.clone());
    let quiet = Hunt {
        hotel: hunt.hotel.clone(),
        address: now,
        clock: AtomicU64::new(0),
        answered: watch::Sender::new(0),
    };
    check(&quiet, None).await?;
    moved.send_replace(address);
    Ok(())
}

async fn hunt(strategy: &str, mut postgres: Option<Postgres>) -> anyhow::Result<()> {
    let seed = seed::choose(&format!("overselling, {strategy}"));
    let rounds = std::env::var("CONCIERGE_HUNT_ROUNDS").map_or(Ok(2), |rounds| rounds.parse())?;
    let account = Account::administrator();
    let mut options = ServerOptions::default().arguments(["--booking-strategy", strategy]);
    // The hunters are hurried on purpose.
    options = options.arguments(["--booking-changes-per-s", "0"]);
    if let Some(postgres) = &postgres {
        options = options.arguments(["--booking-postgres", &postgres.url()]);
    }
    options.environment.extend(account.environment());
    let mut server = Server::start_with(options).await?;
    let (moved, address) = watch::channel(server.address("web")?.to_owned());
    let hotel = Hotel::create(
        &Client::new(server.address("web")?)?,
        account,
        "hunt",
        &KINDS,
        json!({}),
    )
    .await?;
    let hunt = Arc::new(Hunt {
        hotel,
        address,
        clock: AtomicU64::new(0),
        answered: watch::Sender::new(0),
    });
    let booker = |number| Booker {
        hunt: Arc::clone(&hunt),
        rng: StdRng::seed_from_u64(seed ^ number),
        number,
        keys: 0,
        mine: Vec::new(),
        history: Vec::new(),
    };
    let mut bookers: Vec<Booker> = (0..CLIENTS).map(booker).collect();
    for round in 0..rounds {
        let kill = kill_in_the_middle(&mut server, postgres.as_mut(), &hunt, &moved, seed ^ round);
        let run = try_join_all(bookers.into_iter().map(Booker::round));
        ((), bookers) = tokio::try_join!(kill, run)?;
        check(&hunt, Some(&bookers)).await?;
    }
    let calls = bookers
        .iter()
        .map(|booker| booker.history.len())
        .sum::<usize>();
    for (kind, (name, of)) in KINDS.iter().enumerate() {
        let histories = bookers.iter().flat_map(|booker| &booker.history);
        let history = histories
            .filter(|(of, _)| *of == kind)
            .map(|(_, call)| call.clone());
        ensure!(
            is_linearizable(&Rooms { of: *of }, history.collect()),
            "the history of {name} is not linearizable"
        );
    }
    println!("{strategy}: {calls} calls, {rounds} kills, linearizable");
    Ok(())
}

macro_rules! hunts {
    ($($strategy:ident)+) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $strategy() -> anyhow::Result<()> {
                    super::hunt(stringify!($strategy), None).await
                }
            )+
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $strategy() -> anyhow::Result<()> {
                    match super::Postgres::start().await? {
                        Some(server) => super::hunt(stringify!($strategy), Some(server)).await,
                        None => Ok(()),
                    }
                }
            )+
        }
    };
}

hunts! { pessimistic optimistic constraint }
