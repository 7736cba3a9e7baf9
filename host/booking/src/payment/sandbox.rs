//! A payment provider to try things with: no money moves, but books are kept as durably as a real one's.
//!
//! The token of the method says how it behaves:
//!
//! | method | what it does |
//! | --- | --- |
//! | `sandbox:approve` | sets the amount aside |
//! | `sandbox:decline` | says no |
//! | `sandbox:hang` | sets the amount aside and never answers; asked later, it says so |
//! | `sandbox:late` | says that it is pending, and tells the outcome in a notice later |
//! | `sandbox:twice` | sets the amount aside, answers, and tells it in two notices as well |
//!
//! Others are declined.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use rand::TryRng;
use rand::rngs::SysRng;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tokio::sync::Notify;

use super::{Answer, Notice, Order, PaymentProvider, ProviderError};
use crate::authorize::hmac_sha256;
use crate::rules::saga::Standing;
use crate::types::{AttemptId, HotelCode, Money, ReservationId};

/// The books. An entry is never removed; `charges` counts how often money was taken.
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS meta (secret BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS books (
        attempt     TEXT PRIMARY KEY,
        hotel       TEXT NOT NULL,
        reservation TEXT NOT NULL,
        amount      INTEGER NOT NULL,
        currency    TEXT NOT NULL,
        method      TEXT NOT NULL,
        state       TEXT NOT NULL,
        reason      TEXT NOT NULL DEFAULT '',
        refunded    INTEGER NOT NULL DEFAULT 0,
        charges     INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
";

/// The provider.
pub struct Sandbox {
    books: Arc<Mutex<Connection>>,
    secret: [u8; 32],
    notices: Mutex<VecDeque<(Vec<u8>, String)>>,
    bell: Notify,
}

/// What the books say of one attempt, for tests and the curious.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The attempt.
    pub attempt: AttemptId,
    /// How it stands.
    pub standing: Standing,
    /// How much it was about.
    pub amount: Money,
    /// How often money was taken for it.
    pub charges: u32,
}

/// A notice as it is sent: JSON.
#[derive(Serialize, Deserialize)]
struct Letter {
    hotel: HotelCode,
    reservation: ReservationId,
    attempt: AttemptId,
    state: String,
    reason: String,
    refunded: Money,
}

struct Row {
    amount: Money,
    state: String,
    reason: String,
    refunded: Money,
    charges: u32,
}

impl Sandbox {
    /// Opens the books in a file, which is made if it is not there.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn open(path: &Path) -> Result<Arc<Self>, ProviderError> {
        Self::with_connection(Connection::open(path).map_err(fault)?)
    }

    /// Books that are forgotten with the provider.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn in_memory() -> Result<Arc<Self>, ProviderError> {
        Self::with_connection(Connection::open_in_memory().map_err(fault)?)
    }

    fn with_connection(books: Connection) -> Result<Arc<Self>, ProviderError> {
        books.execute_batch(SCHEMA).map_err(fault)?;
        let mut secret = [0; 32];
        SysRng.try_fill_bytes(&mut secret).map_err(fault)?;
        let kept: Option<[u8; 32]> = books
            .query_row("SELECT secret FROM meta", [], |row| row.get(0))
            .optional()
            .map_err(fault)?;
        match kept {
            Some(kept) => secret = kept,
            None => {
                books
                    .execute("INSERT INTO meta (secret) VALUES (?1)", [secret])
                    .map_err(fault)?;
            }
        }
        Ok(Arc::new(Self {
            books: Arc::new(Mutex::new(books)),
            secret,
            notices: Mutex::default(),
            bell: Notify::new(),
        }))
    }

    /// The next notice that the provider sends, body and signature; waits for one. Whoever runs the sandbox hands them
    /// on, as a real provider's would come in over HTTP.
    pub async fn next_notice(&self) -> (Vec<u8>, String) {
        loop {
            let rings = self.bell.notified();
            if let Some(notice) = lock(&self.notices).pop_front() {
                return notice;
            }
            rings.await;
        }
    }

    /// All that is in the books.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn entries(&self) -> Result<Vec<Entry>, ProviderError> {
        let books = lock(&self.books);
        let mut query = books.prepare("SELECT attempt FROM books").map_err(fault)?;
        let attempts = query
            .query_map([], |row| row.get::<_, String>(0))
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(fault)?;
        drop(query);
        let entry = |text: String| {
            let attempt: AttemptId = text.parse().map_err(fault)?;
            let row = row(&books, attempt)?.ok_or_else(|| fault("it is gone"))?;
            Ok(Entry {
                attempt,
                standing: row.standing(),
                amount: row.amount,
                charges: row.charges,
            })
        };
        attempts.into_iter().map(entry).collect()
    }

    /// Works on the books off the runtime's threads, which must not wait for a disk.
    async fn on_books<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let books = Arc::clone(&self.books);
        tokio::task::spawn_blocking(move || work(&lock(&books)))
            .await
            .map_err(fault)?
    }

    async fn standing_after(
        &self,
        attempt: AttemptId,
        change: &'static str,
    ) -> Result<Standing, ProviderError> {
        self.on_books(move |books| {
            books
                .execute(change, [attempt.to_string()])
                .map_err(fault)?;
            standing(books, attempt)
        })
        .await
    }

    fn tell(&self, order: &Order, row: &Row, times: usize) {
        let letter = Letter {
            hotel: order.hotel.clone(),
            reservation: order.reservation,
            attempt: order.attempt,
            state: row.state.clone(),
            reason: row.reason.clone(),
            refunded: row.refunded,
        };
        let Ok(body) = serde_json::to_vec(&letter) else {
            return;
        };
        let signature = hex(&hmac_sha256(&self.secret, &body));
        let mut notices = lock(&self.notices);
        notices.extend(std::iter::repeat_n((body, signature), times));
        self.bell.notify_one();
    }
}

impl PaymentProvider for Sandbox {
    fn authorise<'a>(&'a self, order: &'a Order) -> Answer<'a, Standing> {
        Box::pin(async move {
            let entry = order.clone();
            let (new, row) = self.on_books(move |books| enter(books, &entry)).await?;
            match order.method.as_str() {
                // What went wrong on the way to the client, not here.
                "sandbox:hang" if new => std::future::pending().await,
                "sandbox:late" if new => {
                    self.tell(order, &row, 1);
                    Ok(Standing::Pending)
                }
                "sandbox:twice" if new => {
                    self.tell(order, &row, 2);
                    Ok(row.standing())
                }
                _ => Ok(row.standing()),
            }
        })
    }

    fn capture(&self, attempt: AttemptId) -> Answer<'_, Standing> {
        Box::pin(self.standing_after(
            attempt,
            "UPDATE books SET state = 'captured', charges = charges + 1
             WHERE attempt = ?1 AND state = 'authorised'",
        ))
    }

    fn void(&self, attempt: AttemptId) -> Answer<'_, Standing> {
        // An attempt that was never heard of is given up too: it may be on its way.
        Box::pin(self.standing_after(
            attempt,
            "INSERT INTO books (attempt, hotel, reservation, amount, currency, method, state)
             VALUES (?1, '', '', 0, '', '', 'voided')
             ON CONFLICT (attempt) DO UPDATE SET state = 'voided' WHERE state = 'authorised'",
        ))
    }

    fn refund(&self, attempt: AttemptId, refunded: Money) -> Answer<'_, Standing> {
        Box::pin(self.on_books(move |books| {
            books
                .execute(
                    "UPDATE books SET refunded = min(amount, max(refunded, ?2))
                     WHERE attempt = ?1 AND state = 'captured'",
                    params![attempt.to_string(), refunded],
                )
                .map_err(fault)?;
            standing(books, attempt)
        }))
    }

    fn status(&self, attempt: AttemptId) -> Answer<'_, Standing> {
        Box::pin(self.on_books(move |books| standing(books, attempt)))
    }

    fn read_notice(&self, body: &[u8], signature: &str) -> Option<Notice> {
        let tag = unhex(signature)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).ok()?;
        mac.update(body);
        mac.verify_slice(&tag).ok()?;
        let letter: Letter = serde_json::from_slice(body).ok()?;
        Some(Notice {
            standing: standing_of(&letter.state, &letter.reason, letter.refunded),
            hotel: letter.hotel,
            reservation: letter.reservation,
            attempt: letter.attempt,
        })
    }
}

/// Enters an order, unless the attempt is in the books; whether it was new.
fn enter(books: &Connection, order: &Order) -> Result<(bool, Row), ProviderError> {
    let (state, reason) = match order.method.as_str() {
        "sandbox:approve" | "sandbox:hang" | "sandbox:late" | "sandbox:twice" => ("authorised", ""),
        "sandbox:decline" => ("declined", "insufficient funds"),
        _ => ("declined", "unknown payment method"),
    };
    let new = books
        .execute(
            "INSERT INTO books (attempt, hotel, reservation, amount, currency, method, state, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (attempt) DO NOTHING",
            params![
                order.attempt.to_string(),
                order.hotel.as_str(),
                order.reservation.to_string(),
                order.amount,
                order.currency,
                order.method,
                state,
                reason,
            ],
        )
        .map_err(fault)?;
    let row = row(books, order.attempt)?.ok_or_else(|| fault("it is gone"))?;
    Ok((new == 1, row))
}

fn standing(books: &Connection, attempt: AttemptId) -> Result<Standing, ProviderError> {
    Ok(row(books, attempt)?.map_or(Standing::Unknown, |row| row.standing()))
}

fn row(books: &Connection, attempt: AttemptId) -> Result<Option<Row>, ProviderError> {
    let mut query = books
        .prepare_cached(
            "SELECT amount, state, reason, refunded, charges FROM books WHERE attempt = ?1",
        )
        .map_err(fault)?;
    query
        .query_row([attempt.to_string()], |row| {
            Ok(Row {
                amount: row.get(0)?,
                state: row.get(1)?,
                reason: row.get(2)?,
                refunded: row.get(3)?,
                charges: row.get(4)?,
            })
        })
        .optional()
        .map_err(fault)
}

impl Row {
    fn standing(&self) -> Standing {
        standing_of(&self.state, &self.reason, self.refunded)
    }
}

fn standing_of(state: &str, reason: &str, refunded: Money) -> Standing {
    match state {
        "authorised" => Standing::Authorised,
        "declined" => Standing::Declined(reason.to_owned()),
        "captured" => Standing::Captured { refunded },
        "voided" => Standing::Voided,
        _ => Standing::Unknown,
    }
}

fn fault(why: impl ToString) -> ProviderError {
    ProviderError(why.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let whole = text.is_ascii() && text.len().is_multiple_of(2);
    whole.then(|| (0..text.len()).step_by(2).map(pair).collect())?
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A transaction that panicked was rolled back.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(method: &str) -> Order {
        Order {
            attempt: AttemptId::generate(),
            hotel: "h".parse().unwrap(),
            reservation: ReservationId::generate(),
            amount: 100,
            currency: "EUR".to_owned(),
            method: method.to_owned(),
        }
    }

    #[tokio::test]
    async fn each_step_is_done_once() {
        let sandbox = Sandbox::in_memory().unwrap();
        let order = order("sandbox:approve");
        for _ in 0..2 {
            let answer = sandbox.authorise(&order).await;
            assert_eq!(answer, Ok(Standing::Authorised));
        }
        for _ in 0..2 {
            let answer = sandbox.capture(order.attempt).await;
            assert_eq!(answer, Ok(Standing::Captured { refunded: 0 }));
        }
        for _ in 0..2 {
            let answer = sandbox.refund(order.attempt, 40).await;
            assert_eq!(answer, Ok(Standing::Captured { refunded: 40 }));
        }
        // What is charged cannot be given up, and not charged again.
        let answer = sandbox.void(order.attempt).await;
        assert_eq!(answer, Ok(Standing::Captured { refunded: 40 }));
        assert_eq!(sandbox.entries().unwrap()[0].charges, 1);
    }

    #[tokio::test]
    async fn what_was_given_up_before_it_came_is_never_set_aside() {
        let sandbox = Sandbox::in_memory().unwrap();
        let order = order("sandbox:approve");
        assert_eq!(sandbox.void(order.attempt).await, Ok(Standing::Voided));
        assert_eq!(sandbox.authorise(&order).await, Ok(Standing::Voided));
        assert_eq!(sandbox.capture(order.attempt).await, Ok(Standing::Voided));
        assert_eq!(sandbox.entries().unwrap()[0].charges, 0);
    }

    #[tokio::test]
    async fn notices_are_signed() {
        let sandbox = Sandbox::in_memory().unwrap();
        let order = order("sandbox:late");
        assert_eq!(sandbox.authorise(&order).await, Ok(Standing::Pending));
        let (body, signature) = sandbox.next_notice().await;
        let notice = sandbox.read_notice(&body, &signature).unwrap();
        assert_eq!(notice.attempt, order.attempt);
        assert_eq!(notice.standing, Standing::Authorised);
        let mut forged = body.clone();
        *forged.last_mut().unwrap() = b' ';
        assert_eq!(sandbox.read_notice(&forged, &signature), None);
        assert_eq!(sandbox.read_notice(&body, "00"), None);
        assert_eq!(sandbox.read_notice(&body, "é"), None);
    }
}
