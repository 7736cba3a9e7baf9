//! The store in SQLite files.
//!
//! Files: `lock` (held while open) and `shard-NNN.db`. Each has one writing thread, which commits what is waiting in
//! groups (`concierge_sqlite`), and a pool of reading connections. Point lookups run on the caller's thread: they take
//! some microseconds, of which a hop to another thread and back would be several times as much, and what they read is
//! in the page cache or a few reads of the disk away. Pages go to the blocking pool.

mod bell;
mod catalogue;
mod inventory;
mod keys;
mod open;
mod outgoing;
mod pages;
mod positions;
mod reservations;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod waiting;
mod webhooks;

use std::fs::File;
use std::sync::Arc;

use concierge_sqlite::{DomainError, Readers, WriteTx, in_snapshot};
use rusqlite::Connection;
use sha2::{Digest, Sha256};

pub use open::{DEFAULT_SHARDS, OpenError, SHARDS_MAX, SqliteOptions};

use self::bell::Bell;
use self::inventory::Way;
use self::positions::Positions;
use self::reservations::Tried;
use super::{
    Answer, AuditEntry, AuditQuery, Changed, Claim, ClaimedKey, Decided, Due, Edit, FeedPage,
    Filter, Mail, Nights, QueuedMail, RecordedAnswer, Reserve, Store, Strategy, Transition,
    Webhook, WebhookDelivery, Who, edits,
};
use crate::error::Error;
use crate::types::{
    Catalogue, Date, HotelCode, MailId, Reservation, ReservationCode, ReservationId, TimeUs,
    US_PER_S, Waiting, WaitingId, WebhookId,
};

/// How often an optimistic operation looks again when what it saw has changed. Each time another operation has won, so
/// that this many is a crowd; who asks is told to come again.
const TRIES_MAX: usize = 16;

/// When who was told that there are too many may come again, seconds.
const AGAIN_S: u32 = 1;

type Failure = concierge_sqlite::Failure<Error>;
type Writer = concierge_sqlite::Writer<Error>;

impl DomainError for Error {
    fn internal() -> Self {
        Self::Internal
    }

    fn disk_full() -> Self {
        Self::Unavailable
    }

    fn too_many() -> Self {
        Self::SlowDown(AGAIN_S)
    }

    fn stopped() -> Self {
        Self::Unavailable
    }
}

/// One file with its writer and its readers.
struct Shard {
    writer: Writer,
    readers: Readers,
}

impl Shard {
    /// Reads in one snapshot on this thread; for what takes microseconds.
    fn read<T>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        self.readers
            .with(|connection| in_snapshot(connection, read))
            .map_err(|failure| failure.into_error(operation))
    }
}

/// The store in SQLite files. See the module.
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    shards: Vec<Shard>,
    strategy: Strategy,
    secret: [u8; 32],
    bell: Arc<Bell>,
    /// Held while the store is open.
    _lock: File,
}

impl Inner {
    #[expect(
        clippy::indexing_slicing,
        reason = "a remainder of the length is within it"
    )]
    fn shard(&self, hotel: &HotelCode) -> &Shard {
        let hash: [u8; 32] = Sha256::digest(hotel.as_str()).into();
        let high = hash
            .iter()
            .take(8)
            .fold(0, |high: u64, &byte| high << 8 | u64::from(byte));
        &self.shards[(high % self.shards.len() as u64) as usize]
    }

    /// What all shards have, joined.
    fn of_all_shards<T>(
        &self,
        operation: &'static str,
        read: impl Fn(&Connection) -> Result<Vec<T>, Failure>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(shard.read(operation, &read)?);
        }
        Ok(all)
    }
}

/// Counts a try that another operation has overtaken.
fn count_lost(operation: &'static str) {
    metrics::counter!("concierge_booking_store_tries_lost_total", "operation" => operation)
        .increment(1);
}

impl SqliteStore {
    /// Reads on the blocking pool; for what may take long.
    async fn read_long<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Inner) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = Arc::clone(&self.inner);
        let read = tokio::task::spawn_blocking(move || read(&inner));
        read.await.unwrap_or(Err(Error::Internal))
    }

    async fn try_reserve(&self, reserve: &Arc<Reserve>) -> Result<Tried, Error> {
        let shard = self.inner.shard(&reserve.reservation.hotel);
        let way = match self.inner.strategy {
            Strategy::Pessimistic => Way::Pessimistic,
            Strategy::Constraint => Way::Constraint,
            Strategy::Optimistic => {
                Way::Optimistic(shard.read("reserve", |c| reservations::see_reserve(c, reserve))?)
            }
        };
        let reserve = Arc::clone(reserve);
        shard
            .writer
            .write("reserve", move |tx| {
                reservations::reserve(tx, &reserve, &way)
            })
            .await
    }

    async fn try_change(&self, transition: &Arc<Transition>) -> Result<Tried, Error> {
        let shard = self.inner.shard(&transition.hotel);
        let way = match self.inner.strategy {
            Strategy::Pessimistic => Way::Pessimistic,
            Strategy::Constraint => Way::Constraint,
            Strategy::Optimistic => {
                let seen = shard.read("change", |c| reservations::see_change(c, transition))?;
                let transition = Arc::clone(transition);
                let change =
                    move |tx: &WriteTx<'_>| reservations::change_as_seen(tx, &transition, seen);
                return shard.writer.write("change", change).await;
            }
        };
        let transition = Arc::clone(transition);
        shard
            .writer
            .write("change", move |tx| {
                reservations::change(tx, &transition, &way)
            })
            .await
    }
}

impl Store for SqliteStore {
    fn hotels(&self, after: &str, max: usize) -> Answer<'_, Vec<HotelCode>> {
        let after = after.to_owned();
        Box::pin(self.read_long(move |inner| {
            let mut codes = inner.of_all_shards("hotels", |c| catalogue::hotels(c, &after, max))?;
            codes.sort_unstable();
            codes.truncate(max);
            Ok(codes)
        }))
    }

    fn catalogue(&self, hotel: &HotelCode) -> Answer<'_, Option<Catalogue>> {
        let hotel = hotel.clone();
        Box::pin(async move {
            let shard = self.inner.shard(&hotel);
            shard.read("catalogue", |c| catalogue::catalogue(c, &hotel))
        })
    }

    fn nights(&self, hotel: &HotelCode, first: Date, nights: u32) -> Answer<'_, Nights> {
        let hotel = hotel.clone();
        let end = first.plus(i32::try_from(nights).unwrap_or(i32::MAX));
        Box::pin(async move {
            let shard = self.inner.shard(&hotel);
            shard.read("nights", |c| catalogue::nights(c, &hotel, first, end))
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
        Box::pin(async move {
            let writer = &self.inner.shard(&hotel).writer;
            let work =
                move |tx: &WriteTx<'_>| catalogue::edit(tx, &hotel, &edit, today, &who, now_us);
            writer.write("edit", work).await
        })
    }

    fn reserve(&self, reserve: Reserve) -> Answer<'_, Result<Decided, Changed>> {
        Box::pin(async move {
            reservations::check_length(&reserve.reservation.stay)?;
            let reserve = Arc::new(reserve);
            for _ in 0..TRIES_MAX {
                match self.try_reserve(&reserve).await? {
                    Tried::Done(decided) => return Ok(decided),
                    Tried::Again => count_lost("reserve"),
                }
            }
            Err(Error::SlowDown(AGAIN_S))
        })
    }

    fn change(&self, transition: Transition) -> Answer<'_, Result<Decided, Changed>> {
        Box::pin(async move {
            let transition = Arc::new(transition);
            for _ in 0..TRIES_MAX {
                match self.try_change(&transition).await? {
                    Tried::Done(decided) => return Ok(decided),
                    Tried::Again => count_lost("change"),
                }
            }
            Err(Error::SlowDown(AGAIN_S))
        })
    }

    fn record_answer(
        &self,
        hotel: HotelCode,
        claim: Claim,
        answer: RecordedAnswer,
    ) -> Answer<'_, RecordedAnswer> {
        Box::pin(async move {
            let writer = &self.inner.shard(&hotel).writer;
            let work = move |tx: &WriteTx<'_>| {
                let hotel = catalogue::hotel_row(tx, &hotel)?.number;
                keys::record_answer(tx, hotel, &claim, answer)
            };
            writer.write("record_answer", work).await
        })
    }

    fn reservation(&self, hotel: &HotelCode, id: ReservationId) -> Answer<'_, Option<Reservation>> {
        let hotel = hotel.clone();
        Box::pin(async move {
            let shard = self.inner.shard(&hotel);
            shard.read("reservation", |c| reservations::by_id(c, &hotel, id))
        })
    }

    fn reservation_of_code(
        &self,
        hotel: &HotelCode,
        code: &ReservationCode,
    ) -> Answer<'_, Option<ReservationId>> {
        let (hotel, code) = (hotel.clone(), code.clone());
        Box::pin(async move {
            let shard = self.inner.shard(&hotel);
            shard.read("reservation_of_code", |c| {
                reservations::id_of_code(c, &hotel, &code)
            })
        })
    }

    fn reservations(
        &self,
        hotel: &HotelCode,
        filter: Filter,
        after: Option<String>,
        max: usize,
    ) -> Answer<'_, (Vec<Reservation>, Option<String>)> {
        let hotel = hotel.clone();
        Box::pin(self.read_long(move |inner| {
            let after = after.as_deref();
            inner.shard(&hotel).read("reservations", |c| {
                pages::reservations(c, &hotel, &filter, after, max)
            })
        }))
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
        Box::pin(self.read_long(move |inner| {
            let after = after.as_deref();
            inner.shard(&hotel).read("overlapping", |c| {
                pages::overlapping(c, &hotel, (first, end), after, max)
            })
        }))
    }

    fn wait(&self, hotel: HotelCode, waiting: Waiting, claim: Claim) -> Answer<'_, Waiting> {
        Box::pin(async move {
            let key = ClaimedKey {
                claim,
                at_us: waiting.created_us,
            };
            let writer = &self.inner.shard(&hotel).writer;
            let work = move |tx: &WriteTx<'_>| waiting::wait(tx, &hotel, waiting, &key);
            writer.write("wait", work).await
        })
    }

    fn waiting_list(
        &self,
        hotel: &HotelCode,
        after: Option<WaitingId>,
        max: usize,
    ) -> Answer<'_, Vec<Waiting>> {
        let hotel = hotel.clone();
        Box::pin(self.read_long(move |inner| {
            let shard = inner.shard(&hotel);
            shard.read("waiting_list", |c| waiting::list(c, &hotel, after, max))
        }))
    }

    fn tell_waiting(
        &self,
        hotel: HotelCode,
        id: WaitingId,
        mail: Mail,
        now_us: TimeUs,
    ) -> Answer<'_, bool> {
        Box::pin(async move {
            let writer = &self.inner.shard(&hotel).writer;
            let work = move |tx: &WriteTx<'_>| waiting::tell(tx, &hotel, id, &mail, now_us);
            writer.write("tell_waiting", work).await
        })
    }

    fn due(&self, now_us: TimeUs, max: usize) -> Answer<'_, Vec<Due>> {
        Box::pin(self.read_long(move |inner| {
            let mut due = inner.of_all_shards("due", |c| outgoing::due(c, now_us, max))?;
            due.sort_by_key(|due| due.due_us);
            due.truncate(max);
            Ok(due)
        }))
    }

    fn feed<'a>(&'a self, after: &'a str, max: usize) -> Answer<'a, FeedPage> {
        Box::pin(async move {
            let after = Positions::parse(after, self.inner.shards.len())?;
            self.read_long(move |inner| after.page(inner, max)).await
        })
    }

    fn feed_end(&self) -> Answer<'_, String> {
        Box::pin(async move { Positions::end(&self.inner).map(|end| end.to_string()) })
    }

    fn feed_bell(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.inner.bell.hear().await;
            Ok(())
        })
    }

    fn outbox(&self, max: usize) -> Answer<'_, Vec<QueuedMail>> {
        Box::pin(self.read_long(move |inner| {
            let mut mails = inner.of_all_shards("outbox", |c| outgoing::outbox(c, max))?;
            // Ids are of the time at which they were made. (Stable: within a shard the order is that of the commits.)
            if inner.shards.len() > 1 {
                mails.sort_by_key(|queued| queued.mail.id);
            }
            mails.truncate(max);
            Ok(mails)
        }))
    }

    fn mail_sent(&self, hotel: HotelCode, id: MailId) -> Answer<'_, ()> {
        Box::pin(async move {
            let writer = &self.inner.shard(&hotel).writer;
            let work = move |tx: &WriteTx<'_>| outgoing::mail_sent(tx, &hotel, id);
            writer.write("mail_sent", work).await
        })
    }

    fn webhooks(&self, hotel: &HotelCode) -> Answer<'_, Vec<Webhook>> {
        let hotel = hotel.clone();
        Box::pin(async move {
            let shard = self.inner.shard(&hotel);
            shard.read("webhooks", |c| webhooks::webhooks(c, &hotel))
        })
    }

    fn webhook_deliveries(&self, now_us: TimeUs, max: usize) -> Answer<'_, Vec<WebhookDelivery>> {
        Box::pin(self.read_long(move |inner| {
            let due = |c: &Connection| webhooks::due(c, now_us, max);
            let mut due = inner.of_all_shards("webhook_deliveries", due)?;
            due.sort_by_key(|(due_us, delivery)| (*due_us, delivery.at_us));
            due.truncate(max);
            Ok(due.into_iter().map(|(_, delivery)| delivery).collect())
        }))
    }

    fn webhook_delivered(
        &self,
        hotel: HotelCode,
        webhook: WebhookId,
        delivery: u64,
        failure: Option<(String, Option<TimeUs>)>,
    ) -> Answer<'_, ()> {
        Box::pin(async move {
            let writer = &self.inner.shard(&hotel).writer;
            let work = move |tx: &WriteTx<'_>| {
                webhooks::delivered(tx, &hotel, webhook, delivery, failure.as_ref())
            };
            writer.write("webhook_delivered", work).await
        })
    }

    fn audit(&self, hotel: &HotelCode, query: AuditQuery) -> Answer<'_, Vec<AuditEntry>> {
        let hotel = hotel.clone();
        Box::pin(self.read_long(move |inner| {
            let shard = inner.shard(&hotel);
            shard.read("audit", |c| outgoing::audit(c, &hotel, &query))
        }))
    }

    fn sweep(&self, now_us: TimeUs, max: usize) -> Answer<'_, usize> {
        let day = i32::try_from(now_us / US_PER_S / 86_400).unwrap_or(i32::MAX);
        let prices_before = Date::try_from(day).map(|day| day.plus(-edits::PRICES_KEPT_DAYS));
        Box::pin(async move {
            let mut swept = 0;
            for shard in &self.inner.shards {
                let prices_before = prices_before.clone();
                let left = max.saturating_sub(swept);
                let work = move |tx: &WriteTx<'_>| {
                    let mut swept = keys::sweep(tx, now_us, left)?;
                    swept += outgoing::sweep(tx, now_us, left - swept)?;
                    swept += webhooks::sweep(tx, now_us, left - swept)?;
                    if let Ok(before) = prices_before {
                        swept += catalogue::sweep(tx, before, left - swept)?;
                    }
                    Ok(swept)
                };
                swept += shard.writer.write("sweep", work).await?;
            }
            Ok(swept)
        })
    }

    fn secret(&self) -> Answer<'_, [u8; 32]> {
        Box::pin(async move { Ok(self.inner.secret) })
    }

    fn health(&self) -> Result<(), String> {
        let stopped = |shard: &Shard| shard.writer.status().stopped;
        match self.inner.shards.iter().position(stopped) {
            Some(number) => Err(format!(
                "a commit to the bookings' shard {number} failed; it takes no more writes until the next start"
            )),
            None => Ok(()),
        }
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(self.read_long(|inner| {
            for shard in &inner.shards {
                shard.writer.close();
            }
            Ok(())
        }))
    }
}
