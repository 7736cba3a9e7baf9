//! The engine on PostgreSQL: one or several servers that several hosts share.
//!
//! - A hotel's tables are all on one server: the one that the hash of its code says.
//! - A reservation is one call of a function in the server, and so one round trip and one transaction. Reservations of
//!   one hotel that wait in this host go together, each of them all or nothing.
//! - Whether a call whose connection was lost was done is looked for by the call's id before it is answered.
//! - The feed is read only as far as no transaction that still runs can add to it.
//!
//! Invariant: nothing is answered before the server said that it is durable, and a server that may forget what it
//! acknowledged is refused.

mod catalogue;
mod change;
mod edit;
mod failure;
mod feed;
mod lanes;
mod listen;
mod migrate;
mod options;
mod outgoing;
mod pages;
mod reply;
mod reserve;
mod row;
mod server;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::{Notify, Semaphore};

use self::failure::Failed;
use self::lanes::Lanes;
use self::listen::Listener;
use self::server::Server;
use crate::error::Error;
use crate::store::{
    Answer, AuditEntry, AuditQuery, Changed, Claim, Decided, Due, Edit, FeedPage, Filter, Mail,
    Nights, QueuedMail, RecordedAnswer, Reserve, Store, Strategy, Transition, Webhook,
    WebhookDelivery, Who,
};
use crate::types::{
    Catalogue, Date, HotelCode, MailId, Reservation, ReservationCode, ReservationId, TimeUs,
    Waiting, WaitingId, WebhookId,
};

pub use self::options::{CONNECTIONS, PostgresOptions};

/// Calls that change something and are not done yet, at most: what waits for longer than a client does is better
/// refused.
const WRITES_MAX: u32 = 16_384;

/// Why the engine cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No server is named.
    #[error("no PostgreSQL server is named")]
    NoServer,
    /// A URL cannot be used. With its place in the list, from 1, and a sentence.
    #[error("the PostgreSQL URL {0}: {1}")]
    Url(usize, String),
    /// A server cannot be used. With where it is, and a sentence.
    #[error("PostgreSQL at {0}: {1}")]
    Server(String, String),
}

/// Bookings on PostgreSQL.
pub struct PostgresStore {
    engine: Arc<Engine>,
    /// Ends when it goes.
    _listeners: Vec<Listener>,
}

/// What calls share that run on after who asked went away.
struct Engine {
    shards: Vec<Arc<Shard>>,
    strategy: Strategy,
    lanes: Lanes,
    secret: [u8; 32],
    bell: Arc<Notify>,
    writes: Arc<Semaphore>,
}

/// A server and its state.
struct Shard {
    server: Server,
    /// Something was committed that other hosts have not been told yet.
    untold: Notify,
    /// What is wrong with the server; empty: nothing.
    trouble: std::sync::Mutex<String>,
}

impl PostgresStore {
    /// Connects to the servers, brings their tables up to date and checks them.
    ///
    /// # Errors
    /// [`OpenError`], with a sentence for people.
    pub async fn open(options: PostgresOptions) -> Result<Self, OpenError> {
        if options.urls.is_empty() {
            return Err(OpenError::NoServer);
        }
        let count = options.urls.len();
        let mut shards = Vec::with_capacity(count);
        let mut part = None;
        for (index, url) in options.urls.iter().enumerate() {
            let server = Server::at(url, options.connections_max)
                .map_err(|text| OpenError::Url(index + 1, text))?;
            let made = migrated(&server, index, count, part.as_ref())
                .await
                .map_err(|text| OpenError::Server(server.place.clone(), text))?;
            part.get_or_insert(made);
            shards.push(Arc::new(Shard {
                server,
                untold: Notify::new(),
                trouble: std::sync::Mutex::default(),
            }));
        }
        let part = part.ok_or(OpenError::NoServer)?;
        let bell = Arc::new(Notify::new());
        let listeners = shards.iter();
        let listeners =
            listeners.map(|shard| Listener::start(Arc::clone(shard), Arc::clone(&bell)));
        let listeners = listeners.collect();
        let engine = Engine {
            shards,
            strategy: options.strategy,
            lanes: Lanes::default(),
            secret: part.secret,
            bell,
            writes: Arc::new(Semaphore::new(WRITES_MAX as usize)),
        };
        Ok(Self {
            engine: Arc::new(engine),
            _listeners: listeners,
        })
    }

    /// Runs a call that changes something, to its end whether or not who asked waits for it.
    fn write<T, F>(&self, call: impl FnOnce(Arc<Engine>) -> F) -> Answer<'_, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let permit = Arc::clone(&self.engine.writes).try_acquire_owned();
        let call = call(Arc::clone(&self.engine));
        Box::pin(async move {
            let permit = permit.map_err(|refused| match refused {
                tokio::sync::TryAcquireError::Closed => Error::Unavailable,
                tokio::sync::TryAcquireError::NoPermits => failure::slow_down(),
            })?;
            let task = tokio::spawn(async move {
                let _permit = permit;
                call.await
            });
            task.await.unwrap_or(Err(Error::Internal))
        })
    }

    fn shard(&self, hotel: &HotelCode) -> &Shard {
        self.engine.shard(hotel)
    }
}

impl Engine {
    /// The server of a hotel.
    fn shard(&self, hotel: &HotelCode) -> &Arc<Shard> {
        let index = place_of(hotel, self.shards.len());
        #[allow(
            clippy::indexing_slicing,
            reason = "the place is below the number of servers, of which there is one at least"
        )]
        &self.shards[index]
    }
}

impl Shard {
    /// Tells readers of the feed that there may be something new: those of this host now, the others soon.
    fn ring(&self, bell: &Notify) {
        bell.notify_waiters();
        bell.notify_one();
        self.untold.notify_one();
    }

    /// What is wrong with the server; empty: nothing.
    fn trouble(&self) -> std::sync::MutexGuard<'_, String> {
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// At which of `shards` places the tables of a hotel are: the first 8 bytes of the SHA-256 of its code, modulo their
/// number. It never changes: it says where everything is.
fn place_of(hotel: &HotelCode, shards: usize) -> usize {
    let hash = first_u64(&[hotel.as_str()]);
    usize::try_from(hash % shards.max(1) as u64).unwrap_or(0)
}

/// The first 8 bytes of the SHA-256 of texts, with a byte between them that is in none.
fn first_u64(texts: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    for (place, text) in texts.iter().enumerate() {
        if place > 0 {
            hash.update([0xff]);
        }
        hash.update(text.as_bytes());
    }
    let digest = hash.finalize();
    let first = digest.iter().take(8);
    first.fold(0, |number, &byte| number << 8 | u64::from(byte))
}

async fn migrated(
    server: &Server,
    index: usize,
    count: usize,
    of: Option<&migrate::Part>,
) -> Result<migrate::Part, String> {
    let connected = server.apart().await;
    let (mut client, driver) = connected.map_err(|error| failure::with_sources(&error))?;
    let driver = tokio::spawn(driver);
    let migrated = async {
        server::prepare(&client).await?;
        migrate::migrate(&mut client, index, count, of).await
    };
    let migrated = migrated.await;
    drop(client);
    // The connection ends when its client is gone.
    let _ended = driver.await;
    migrated
}

impl Store for PostgresStore {
    fn hotels(&self, after: &str, max: usize) -> Answer<'_, Vec<HotelCode>> {
        let after = after.to_owned();
        Box::pin(async move { answer(catalogue::hotels(&self.engine, &after, max).await) })
    }

    fn catalogue(&self, hotel: &HotelCode) -> Answer<'_, Option<Catalogue>> {
        let hotel = hotel.clone();
        Box::pin(async move { answer(catalogue::catalogue(self.shard(&hotel), &hotel).await) })
    }

    fn nights(&self, hotel: &HotelCode, first: Date, nights: u32) -> Answer<'_, Nights> {
        let hotel = hotel.clone();
        Box::pin(async move {
            answer(catalogue::nights(self.shard(&hotel), &hotel, first, nights).await)
        })
    }

    fn edit(
        &self,
        hotel: HotelCode,
        edit: Edit,
        today: Date,
        who: Who,
        now_us: TimeUs,
    ) -> Answer<'_, ()> {
        self.write(move |engine| async move {
            let call = edit::Call::new(hotel, edit, today, who, now_us);
            answer(edit::edit(&engine, call).await)
        })
    }

    fn reserve(&self, reserve: Reserve) -> Answer<'_, Result<Decided, Changed>> {
        self.write(move |engine| async move { lanes::reserve(engine, reserve).await })
    }

    fn change(&self, transition: Transition) -> Answer<'_, Result<Decided, Changed>> {
        self.write(move |engine| async move { answer(change::change(&engine, transition).await) })
    }

    fn record_answer(
        &self,
        hotel: HotelCode,
        claim: Claim,
        recorded: RecordedAnswer,
    ) -> Answer<'_, RecordedAnswer> {
        self.write(move |engine| async move {
            answer(reply::record_answer(engine.shard(&hotel), &hotel, &claim, &recorded).await)
        })
    }

    fn reservation(&self, hotel: &HotelCode, id: ReservationId) -> Answer<'_, Option<Reservation>> {
        let hotel = hotel.clone();
        Box::pin(async move { answer(pages::reservation(self.shard(&hotel), &hotel, id).await) })
    }

    fn reservation_of_code(
        &self,
        hotel: &HotelCode,
        code: &ReservationCode,
    ) -> Answer<'_, Option<ReservationId>> {
        let (hotel, code) = (hotel.clone(), code.clone());
        Box::pin(async move { answer(pages::of_code(self.shard(&hotel), &hotel, &code).await) })
    }

    fn reservations(
        &self,
        hotel: &HotelCode,
        filter: Filter,
        after: Option<String>,
        max: usize,
    ) -> Answer<'_, (Vec<Reservation>, Option<String>)> {
        let hotel = hotel.clone();
        Box::pin(async move {
            answer(pages::reservations(self.shard(&hotel), &hotel, &filter, after, max).await)
        })
    }

    fn overlapping(
        &self,
        hotel: &HotelCode,
        first: Date,
        end: Date,
        after: Option<String>,
        max: usize,
    ) -> Answer<'_, (Vec<Reservation>, Option<String>)> {
        let hotel = hotel.clone();
        Box::pin(async move {
            answer(pages::overlapping(self.shard(&hotel), &hotel, first, end, after, max).await)
        })
    }

    fn wait(&self, hotel: HotelCode, waiting: Waiting, claim: Claim) -> Answer<'_, Waiting> {
        self.write(move |engine| async move {
            answer(outgoing::wait(engine.shard(&hotel), &hotel, waiting, &claim).await)
        })
    }

    fn waiting_list(
        &self,
        hotel: &HotelCode,
        after: Option<WaitingId>,
        max: usize,
    ) -> Answer<'_, Vec<Waiting>> {
        let hotel = hotel.clone();
        Box::pin(async move {
            answer(pages::waiting_list(self.shard(&hotel), &hotel, after, max).await)
        })
    }

    fn tell_waiting(
        &self,
        hotel: HotelCode,
        id: WaitingId,
        mail: Mail,
        now_us: TimeUs,
    ) -> Answer<'_, bool> {
        self.write(move |engine| async move {
            answer(outgoing::tell_waiting(engine.shard(&hotel), &hotel, id, &mail, now_us).await)
        })
    }

    fn due(&self, now_us: TimeUs, max: usize) -> Answer<'_, Vec<Due>> {
        Box::pin(async move { answer(outgoing::due(&self.engine, now_us, max).await) })
    }

    fn feed<'a>(&'a self, after: &'a str, max: usize) -> Answer<'a, FeedPage> {
        Box::pin(async move { answer(feed::page(&self.engine, after, max).await) })
    }

    fn feed_end(&self) -> Answer<'_, String> {
        Box::pin(async move { answer(feed::end(&self.engine).await) })
    }

    fn feed_bell(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            feed::bell(&self.engine.bell).await;
            Ok(())
        })
    }

    fn outbox(&self, max: usize) -> Answer<'_, Vec<QueuedMail>> {
        Box::pin(async move { answer(outgoing::outbox(&self.engine, max).await) })
    }

    fn mail_sent(&self, hotel: HotelCode, id: MailId) -> Answer<'_, ()> {
        self.write(move |engine| async move {
            answer(outgoing::mail_sent(engine.shard(&hotel), id).await)
        })
    }

    fn webhooks(&self, hotel: &HotelCode) -> Answer<'_, Vec<Webhook>> {
        let hotel = hotel.clone();
        Box::pin(async move { answer(outgoing::webhooks(self.shard(&hotel), &hotel).await) })
    }

    fn webhook_deliveries(&self, now_us: TimeUs, max: usize) -> Answer<'_, Vec<WebhookDelivery>> {
        Box::pin(async move { answer(outgoing::deliveries(&self.engine, now_us, max).await) })
    }

    fn webhook_delivered(
        &self,
        hotel: HotelCode,
        webhook: WebhookId,
        delivery: u64,
        failure: Option<(String, Option<TimeUs>)>,
    ) -> Answer<'_, ()> {
        self.write(move |engine| async move {
            let shard = engine.shard(&hotel);
            answer(outgoing::delivered(shard, &hotel, webhook, delivery, failure).await)
        })
    }

    fn audit(&self, hotel: &HotelCode, query: AuditQuery) -> Answer<'_, Vec<AuditEntry>> {
        let hotel = hotel.clone();
        Box::pin(async move { answer(pages::audit(self.shard(&hotel), &hotel, query).await) })
    }

    fn sweep(&self, now_us: TimeUs, max: usize) -> Answer<'_, usize> {
        self.write(move |engine| async move { answer(outgoing::sweep(&engine, now_us, max).await) })
    }

    fn secret(&self) -> Answer<'_, [u8; 32]> {
        let secret = self.engine.secret;
        Box::pin(async move { Ok(secret) })
    }

    fn health(&self) -> Result<(), String> {
        if self.engine.writes.is_closed() {
            return Err("the store is closed".to_owned());
        }
        for shard in &self.engine.shards {
            let trouble = shard.trouble();
            if !trouble.is_empty() {
                return Err(format!("PostgreSQL at {}: {trouble}", shard.server.place));
            }
        }
        Ok(())
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            let writes = &self.engine.writes;
            // All permits: everything that was accepted is done.
            if let Ok(all) = writes.acquire_many(WRITES_MAX).await {
                writes.close();
                all.forget();
            }
            for shard in &self.engine.shards {
                shard.server.close();
            }
            Ok(())
        })
    }
}

fn answer<T>(result: Result<T, Failed>) -> Result<T, Error> {
    result.map_err(Failed::into_error)
}
