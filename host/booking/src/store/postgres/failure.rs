//! What can go wrong with a server, and what is done about it.

use std::future::Future;
use std::time::Duration;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::error::SqlState;

use crate::error::Error;

/// How often a call is tried again that lost its connection: with the waits between, as long as a server takes to
/// start again (see [`LOST_WAIT`]).
const LOST_TRIES: u32 = 6;

/// The first wait after a lost connection; each is twice the one before: together 3 s.
const LOST_WAIT: Duration = Duration::from_millis(50);

/// How often a call is tried again that was in another's way. Rows are locked in one order everywhere, so that this
/// is rare.
const CONFLICT_TRIES: u32 = 10;

/// The wait after a conflict, longer each time.
const CONFLICT_WAIT: Duration = Duration::from_millis(2);

/// After how many seconds a client may try again that came while too many others did.
const SLOW_DOWN_S: u32 = 1;

/// Why a call of the server did not come to its end.
#[derive(Debug)]
pub(super) enum Failed {
    /// An error of the domain: an answer, not a failure.
    Domain(Error),
    /// The connection was lost, or there is none to be had: whether the server did what it was asked is not known.
    Lost(String),
    /// Another transaction was in the way, and nothing was done: again.
    Conflict(String),
    /// It took too long, and nothing was done.
    Busy(String),
    /// The server does not take it now: a standby, no disk space.
    Refused(String),
    /// A fault of this program or of what is in the tables.
    Fault(String),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Domain(error)
    }
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        let text = with_sources(&error);
        let Some(code) = error.code() else {
            // Not the server's word: a broken connection, or values that do not fit the statement.
            return match error.is_closed() || is_io(&error) {
                true => Self::Lost(text),
                false => Self::Fault(text),
            };
        };
        // By class first (PostgreSQL, Appendix A: Error Codes).
        match code.code().get(..2).unwrap_or_default() {
            "08" => return Self::Lost(text),
            // Insufficient resources.
            "53" => return Self::Refused(text),
            _ => {}
        }
        if [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(code)
        {
            Self::Lost(text)
        } else if [
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::UNIQUE_VIOLATION,
        ]
        .contains(code)
        {
            Self::Conflict(text)
        } else if [SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE].contains(code) {
            Self::Busy(text)
        } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
            Self::Refused(text)
        } else {
            Self::Fault(text)
        }
    }
}

impl From<PoolError> for Failed {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::from(error),
            PoolError::Timeout(TimeoutType::Wait) => Self::Busy(error.to_string()),
            PoolError::Timeout(_) => Self::Lost(error.to_string()),
            // A new connection that was found wanting, or a pool that is closed.
            _ => Self::Refused(with_sources(&error)),
        }
    }
}

impl From<serde_json::Error> for Failed {
    fn from(error: serde_json::Error) -> Self {
        Self::Fault(format!("what is in the tables cannot be read: {error}"))
    }
}

impl Failed {
    /// What a caller is told, when it is not tried again.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Domain(error) => error,
            Self::Lost(detail) | Self::Refused(detail) => {
                tracing::warn!(detail, "PostgreSQL is not available");
                Error::Unavailable
            }
            Self::Conflict(detail) | Self::Busy(detail) => {
                tracing::warn!(detail, "PostgreSQL is slow");
                Error::SlowDown(SLOW_DOWN_S)
            }
            Self::Fault(detail) => {
                tracing::error!(detail, "PostgreSQL refuses what it was asked");
                Error::Internal
            }
        }
    }
}

/// Too many others do the same.
pub(super) fn slow_down() -> Error {
    Error::SlowDown(SLOW_DOWN_S)
}

/// Tries until it is done, a bounded number of times. `attempt` is told how often the outcome of an earlier try was
/// not known: it has to look whether that one was done.
pub(super) async fn tried<T, F>(mut attempt: impl FnMut(u32) -> F) -> Result<T, Failed>
where
    F: Future<Output = Result<T, Failed>>,
{
    let mut lost = 0;
    let mut conflicts = 0;
    loop {
        let wait = match attempt(lost).await {
            Err(Failed::Lost(detail)) if lost < LOST_TRIES => {
                tracing::debug!(detail, lost, "a connection to PostgreSQL was lost");
                lost += 1;
                LOST_WAIT * 2u32.pow(lost - 1)
            }
            Err(Failed::Conflict(_)) if conflicts < CONFLICT_TRIES => {
                conflicts += 1;
                CONFLICT_WAIT * conflicts
            }
            done => return done,
        };
        tokio::time::sleep(wait).await;
    }
}

/// An error with what caused it, in one line.
pub(super) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    false
}
