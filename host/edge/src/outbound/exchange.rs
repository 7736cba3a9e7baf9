//! One outbound request and its answer.

use super::connections::{Connections, Destination, connect};
use crate::joins::{HostRead, WholeBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Sleep;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// For a connection, for the head of the answer, and between two pieces of its body, where the
/// component asks for nothing shorter: as long as wasmtime's own default. What ends sooner is the
/// request that the component answers with it.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// What becomes of sending a request: done when all of it was sent, or can be no more.
pub(super) type Transmitted = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// Sends a request on a connection that waits, or else on a new one.
///
/// # Errors
/// The error code of wasi:http for what went wrong.
pub(super) async fn send(
    connections: &Connections,
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<(http::Response<WasiBody>, Transmitted), Error> {
    let timeout = |of: fn(&RequestOptions) -> Option<Duration>| {
        options.as_ref().and_then(of).unwrap_or(DEFAULT_TIMEOUT)
    };
    let destination = Destination::of(request.uri())?;
    let (mut request, transmitted) = RequestBody::of(request)?;
    loop {
        let (mut sender, is_new) = match connections.take(&destination) {
            Some(sender) => (sender, false),
            None => {
                let patience = timeout(|options| options.connect_timeout);
                (connect(&destination, patience).await?, true)
            }
        };
        let answer = sender.try_send_request(request);
        let answer = tokio::time::timeout(timeout(|o| o.first_byte_timeout), answer)
            .await
            .map_err(|_late| Error::ConnectionReadTimeout)?;
        match answer {
            Ok(response) => {
                connections.give_back(destination, sender);
                let patience = timeout(|options| options.between_bytes_timeout);
                let answer = response.map(|body| Answer::new(body, patience));
                let response = answer.map(|body| WholeBody::new(body).boxed_unsync());
                return Ok((response, transmitted));
            }
            // The connection had ended while it waited, and not a byte of the request was sent.
            Err(mut error) => match error.take_message() {
                Some(unsent) if !is_new => request = unsent,
                _ => return Err(error.into_error().into()),
            },
        }
    }
}

/// A request's body on its way out; tells when all of it was sent.
pub(super) struct RequestBody {
    inner: HostRead<WasiBody>,
    done: Option<oneshot::Sender<Result<(), Error>>>,
}

impl RequestBody {
    /// The request with such a body, and its path alone as HTTP/1.1 sends it (RFC 9112 §3.2.1).
    pub(super) fn of(
        request: http::Request<WasiBody>,
    ) -> Result<(http::Request<Self>, Transmitted), Error> {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        head.uri = path.parse().map_err(|_| Error::HttpRequestUriInvalid)?;
        let (done, told) = oneshot::channel();
        let body = Self {
            inner: HostRead(body),
            done: Some(done),
        };
        // Untold: the server wants no more of it. That is for its answer to say, and one that breaks
        // off with the connection says so itself.
        let transmitted = async move { told.await.unwrap_or(Ok(())) };
        Ok((
            http::Request::from_parts(head, body),
            Box::new(transmitted) as Transmitted,
        ))
    }

    fn tell(&mut self, outcome: Result<(), Error>) {
        if let Some(done) = self.done.take() {
            // No one waits when the component does not ask.
            let _ = done.send(outcome);
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            None => self.tell(Ok(())),
            Some(Ok(_)) => {}
            Some(Err(error)) => self.tell(Err(Error::InternalError(Some(error.to_string())))),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An answer's body, each piece of which comes in time.
struct Answer {
    inner: Incoming,
    patience: Duration,
    /// Runs while the next piece is waited for.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Answer {
    fn new(inner: Incoming, patience: Duration) -> Self {
        Self {
            inner,
            patience,
            waiting: None,
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            this.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::from)));
        }
        let patience = this.patience;
        let waiting = this
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests;
