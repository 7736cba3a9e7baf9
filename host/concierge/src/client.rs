//! Calls of the administration to a running server.

use std::net::SocketAddr;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::admin::{self, AdminError, Call};
use crate::exit::{Exit, Failure};

/// For the server to take the connection: it is on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For the whole answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest answer: a list of every bucket there may be.
const ANSWER_MAX_BYTES: usize = 256 * 1024 * 1024;

/// A running server.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    token: String,
}

/// An answer that is a failure.
#[derive(Deserialize)]
struct Refusal {
    error: AdminError,
}

impl Client {
    /// A server at an address (of this machine) and the token it asks for.
    pub fn new(address: SocketAddr, token: String) -> Self {
        Self { address, token }
    }

    /// Whether somebody answers there.
    pub async fn answers(&self) -> bool {
        matches!(
            tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(self.address)).await,
            Ok(Ok(_))
        )
    }

    /// Has a call done; gives the answer.
    pub async fn run(&self, call: &Call) -> Result<Value, Failure> {
        match tokio::time::timeout(ANSWER_TIMEOUT, self.exchange(call)).await {
            Ok(answer) => answer,
            Err(_) => {
                Err(self.unavailable(format!("no answer in {} seconds", ANSWER_TIMEOUT.as_secs())))
            }
        }
    }

    async fn exchange(&self, call: &Call) -> Result<Value, Failure> {
        let stream = TcpStream::connect(self.address)
            .await
            .map_err(|error| self.unavailable(error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.unavailable(error))?;
        // Ends by itself when the answer is read and the sender dropped.
        tokio::spawn(connection);
        let request = self.request(call)?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| self.unavailable(error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MAX_BYTES)
            .collect()
            .await
            .map_err(|error| self.unavailable(error))?
            .to_bytes();
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| self.unavailable(error));
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) => Err(refusal.error.into()),
            Err(_) => Err(self.unavailable(format!(
                "{status}: {}",
                String::from_utf8_lossy(&body).trim()
            ))),
        }
    }

    fn request(&self, call: &Call) -> Result<http::Request<Full<Bytes>>, Failure> {
        let request = admin::http::request(call);
        let body = request
            .body
            .map(|body| body.to_string())
            .unwrap_or_default();
        http::Request::builder()
            .method(request.method)
            .uri(request.target)
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body.into()))
            .map_err(Failure::failed)
    }

    fn unavailable(&self, why: impl std::fmt::Display) -> Failure {
        Failure::new(
            Exit::Unavailable,
            format!(
                "the server at {} does not answer as it should: {why}",
                self.address
            ),
        )
    }
}
