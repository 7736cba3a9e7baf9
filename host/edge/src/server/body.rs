//! Bodies on their way in and out.

use super::core::Admission;
use crate::engine::Ticks;
use crate::instance::{LoadGuard, RequestScope};
use crate::joins::HostRead;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use wasmtime_wasi_http::{Error, WasiBody};

/// Of a body that the component left unread this much is read and thrown away: a client that sends
/// all of its request before it reads meets a closed connection otherwise, and loses the answer
/// (RFC 9112, 9.6). A larger rest costs more than the connection is worth.
const DISCARDED_MAX_BYTES: usize = 16 << 20;
/// And for so long.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the client sends the body without being asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It does, over HTTP/1.
    Unasked,
    /// It waits for `100 Continue`, or can be told to stop (HTTP/2).
    OnDemand,
}

/// Where a request's body comes from.
pub(super) enum Source {
    /// From the client.
    Client(Incoming),
    /// From the edge itself, which makes a request for a client.
    Whole(Full<Bytes>),
}

impl Body for Source {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Client(body) => Pin::new(body).poll_frame(cx),
            Self::Whole(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Client(body) => body.is_end_stream(),
            Self::Whole(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Client(body) => body.size_hint(),
            Self::Whole(body) => body.size_hint(),
        }
    }
}

/// A request's body as the component gets it: at most so many bytes, and ended when no one waits
/// for the answer.
pub(super) struct RequestBody {
    /// Absent only while it is dropped.
    inner: Option<Source>,
    sent: Sent,
    left: u64,
    scope: Arc<RequestScope>,
    ticks: Ticks,
    bytes: metrics::Counter,
}

impl RequestBody {
    pub(super) fn new(
        inner: Source,
        sent: Sent,
        most: u64,
        scope: Arc<RequestScope>,
        ticks: Ticks,
        bytes: metrics::Counter,
    ) -> Self {
        Self {
            inner: Some(inner),
            sent,
            left: most,
            scope,
            ticks,
            bytes,
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
        if self.scope.is_cancelled() {
            return Poll::Ready(Some(Err(Error::ConnectionTerminated)));
        }
        let Some(inner) = &mut self.inner else {
            return Poll::Ready(None);
        };
        let frame = match Pin::new(inner).poll_frame(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => {
                self.scope.body_broke_off();
                return Poll::Ready(Some(Err(Error::Hyper(error))));
            }
            Poll::Ready(Some(Ok(frame))) => frame,
        };
        if let Some(data) = frame.data_ref() {
            let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
            match self.left.checked_sub(length) {
                Some(left) => self.left = left,
                None => {
                    self.sent = Sent::OnDemand;
                    self.scope.body_too_large();
                    return Poll::Ready(Some(Err(Error::HttpRequestBodySize(None))));
                }
            }
            self.bytes.increment(length);
            self.scope.body_moved(self.ticks.now());
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Some(inner) => inner.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(inner) = self.inner.take() else {
            return;
        };
        let unread = self.sent == Sent::Unasked && !inner.is_end_stream();
        if unread
            && !self.scope.is_cancelled()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(tokio::time::timeout(DISCARD_TIMEOUT, discard(inner)));
        }
    }
}

async fn discard(mut body: Source) {
    let mut left = DISCARDED_MAX_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(less) = left.checked_sub(length) else {
            return;
        };
        left = less;
    }
}

/// A response's body as the connection gets it.
pub(super) enum EdgeBody {
    /// Of the edge's own answers.
    Text(Option<Bytes>),
    /// Of a component's answer.
    Guest(Box<GuestBody>),
}

impl EdgeBody {
    pub(super) fn text(text: &'static str) -> Self {
        Self::Text(Some(Bytes::from_static(text.as_bytes())))
    }
}

/// Keeps what a request holds until its answer is finished: its place among the component's
/// requests and its share of the instance. Dropping it early tells the instance that no one waits.
pub(super) struct GuestBody {
    pub(super) inner: HostRead<WasiBody>,
    pub(super) scope: Arc<RequestScope>,
    pub(super) admission: Admission,
    pub(super) _load: LoadGuard,
}

impl GuestBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.admission
                        .metrics()
                        .bytes_out
                        .increment(u64::try_from(data.len()).unwrap_or(u64::MAX));
                }
                Poll::Ready(Some(Ok(frame)))
            }
            // The stream of a stopped instance just ends. The client must see that the answer is
            // not complete, also where no content-length says so: an error aborts the connection.
            Poll::Ready(None) if self.scope.is_failed() => {
                Poll::Ready(Some(Err(Error::HttpResponseIncomplete)))
            }
            other => other,
        }
    }
}

impl Drop for GuestBody {
    fn drop(&mut self) {
        self.scope.cancel();
    }
}

impl Body for EdgeBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut *self {
            Self::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::Guest(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Text(text) => text.is_none(),
            Self::Guest(body) => body.inner.is_end_stream() && !body.scope.is_failed(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Text(text) => {
                let length = text.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Guest(body) => body.inner.size_hint(),
        }
    }
}
