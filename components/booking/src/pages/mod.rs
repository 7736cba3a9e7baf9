//! The pages under `/booking`.

use http::{Request, StatusCode};

use crate::host::Host;
use crate::reply::{self, Reply};

/// Answers a request of a browser.
pub async fn answer<H: Host>(_host: &H, _request: Request<H::Incoming>) -> Reply {
    reply::document(
        StatusCode::NOT_FOUND,
        "text/plain; charset=utf-8",
        b"There is no such page.\n".to_vec(),
    )
}
