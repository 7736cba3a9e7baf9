//! The JSON API under `/booking/v1`.

use http::{Request, StatusCode};

use crate::host::Host;
use crate::reply::{self, Reply};

/// Answers a request of a program.
pub async fn answer<H: Host>(_host: &H, _request: Request<H::Incoming>) -> Reply {
    reply::empty(StatusCode::NOT_FOUND)
}
