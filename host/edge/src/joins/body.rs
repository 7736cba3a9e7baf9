//! Bodies on their way between components and domain crates.
//!
//! A `stream<u8>` that the host made (the body of a request, the bytes of an object) and that a
//! component only hands on never enters its memory, nor the store's event loop: wasi:http knows such
//! a stream again and takes the host's body out of it. So the conversions here go through
//! wasi:http's own types: a stream becomes a body by being the contents of a response, and a body
//! becomes a stream by being consumed. What a guest writes itself is copied out, a piece at a time,
//! with one piece waiting at most.

use crate::instance::{InstanceState, RequestScope};
use bytes::Bytes;
use concierge_objects::{BodyError, BodyStream, ObjectStream};
use concierge_wit_http::{ByteStream, StreamError};
use futures::{Stream, StreamExt};
use http_body::{Body, Frame, SizeHint};
use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use wasmtime::component::{Accessor, FutureReader, HasData, StreamReader};
use wasmtime_wasi_http::p3::Response;
use wasmtime_wasi_http::p3::bindings::http::types::HostResponseWithStore;
use wasmtime_wasi_http::{Error, FieldMap, WasiBody, WasiHttp, WasiHttpView};

/// Makes a guest's stream the body of an upload, made for the request of `scope`.
pub(super) fn from_guest<D: HasData + ?Sized>(
    accessor: &Accessor<InstanceState, D>,
    stream: StreamReader<u8>,
    scope: Option<Arc<RequestScope>>,
) -> wasmtime::Result<BodyStream> {
    let http = accessor.with_getter::<WasiHttp>(InstanceState::http);
    let response = http.with(|mut access| {
        let no_trailers = FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(None)) })?;
        let headers = access.get().table.push(FieldMap::default())?;
        WasiHttp::new(access, headers, Some(stream), no_trailers)
    });
    let (response, mut transmitted) = response?;
    http.with(|mut access| {
        transmitted.close(&mut access)?;
        let response: Response = access.get().table.delete(response)?;
        let response =
            response.into_http_with_getter(&mut access, async { Ok(()) }, InstanceState::http)?;
        let body = HostRead(response.into_body());
        Ok(Box::pin(Upload { body, scope }) as BodyStream)
    })
}

/// Makes bytes, `length` of them, a stream for a guest.
pub(super) fn to_guest<D: HasData + ?Sized>(
    accessor: &Accessor<InstanceState, D>,
    output: Output,
    length: u64,
) -> wasmtime::Result<StreamReader<u8>> {
    let http = accessor.with_getter::<WasiHttp>(InstanceState::http);
    let body = WholeBody::new(Download {
        output,
        left: length,
    });
    let consumed = http.with(|mut access| {
        let view = access.get();
        let (response, _transmitted) = Response::from_http(view.hooks, http::Response::new(body));
        let response = view.table.push(response)?;
        let received = FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?;
        WasiHttp::consume_body(access, response, received)
    });
    let (stream, mut trailers) = consumed?;
    http.with(|access| trailers.close(access))?;
    Ok(stream)
}

/// A body as the object store reads it.
struct Upload {
    body: HostRead<WasiBody>,
    scope: Option<Arc<RequestScope>>,
}

impl Stream for Upload {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)) else {
                // To a guest that copies its request's body, a body that broke off looks like one
                // that ended, unless it asks. What it made of it is not an object.
                let whole = self
                    .scope
                    .as_ref()
                    .is_none_or(|scope| scope.is_body_whole());
                return Poll::Ready(
                    (!whole).then(|| Err(BodyError("the request's body broke off".to_owned()))),
                );
            };
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) if data.is_empty() => {}
                Ok(Ok(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(Err(_trailers)) => {}
                Err(error) => return Poll::Ready(Some(Err(BodyError(error.to_string())))),
            }
        }
    }
}

/// The length of a stream without an end.
pub(super) const ENDLESS: u64 = u64::MAX;

/// The bytes that a call gives, from wherever it was answered.
pub(super) enum Output {
    /// From the object store in this process.
    Store(ObjectStream),
    /// From mail in this process.
    Mail(concierge_mail::types::calls::ByteStream),
    /// From the host elsewhere.
    Host(ByteStream),
}

impl Stream for Output {
    type Item = Result<Bytes, StreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut *self {
            Self::Store(object) => {
                let next = ready!(Pin::new(object).poll_next(cx));
                Poll::Ready(next.map(|data| data.map_err(|e| StreamError(e.to_string()))))
            }
            Self::Mail(stream) => {
                let next = ready!(stream.as_mut().poll_next(cx));
                Poll::Ready(next.map(|data| data.map_err(|e| StreamError(e.to_string()))))
            }
            Self::Host(stream) => stream.as_mut().poll_next(cx),
        }
    }
}

/// A body on its way to the host elsewhere.
pub(super) fn to_wire(stream: BodyStream) -> ByteStream {
    Box::pin(stream.map(|data| data.map_err(|error| StreamError(error.0))))
}

/// A body that came over HTTP.
pub(super) fn from_wire(stream: ByteStream) -> BodyStream {
    Box::pin(stream.map(|data| data.map_err(|error| BodyError(error.0))))
}

/// The bytes that a call gives, on their way over HTTP.
pub(super) fn output_to_wire(output: Output) -> ByteStream {
    Box::pin(output)
}

/// The bytes that a call gives as a body.
struct Download {
    output: Output,
    left: u64,
}

impl Body for Download {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(match ready!(Pin::new(&mut self.output).poll_next(cx)) {
            Some(Ok(data)) => {
                if self.left != ENDLESS {
                    let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
                    self.left = self.left.saturating_sub(length);
                }
                Some(Ok(Frame::data(data)))
            }
            Some(Err(error)) => Some(Err(Error::InternalError(Some(error.to_string())))),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            ENDLESS => SizeHint::default(),
            left => SizeHint::with_exact(left),
        }
    }
}

thread_local! {
    /// Whether the host reads for itself what is being polled, rather than for a guest.
    static HOST_READS: Cell<bool> = const { Cell::new(false) };
}

/// A body of the host that refuses to be read on by the host after a guest read some of it.
///
/// A guest that reads less than a whole piece leaves the rest of the piece in the stream, and
/// wasmtime (as of 48) drops that rest when the stream is taken apart to get the body back. The
/// missing bytes must not go unnoticed.
pub(crate) struct WholeBody<B> {
    inner: B,
    read_by_guest: bool,
}

impl<B> WholeBody<B> {
    pub(crate) fn new(inner: B) -> Self {
        Self {
            inner,
            read_by_guest: false,
        }
    }
}

impl<B: Body<Data = Bytes, Error = Error> + Unpin> Body for WholeBody<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let host = HOST_READS.get();
        if host && self.read_by_guest {
            return Poll::Ready(Some(Err(Error::InternalError(Some(
                "a body cannot be handed on after some of it was read".to_owned(),
            )))));
        }
        let poll = Pin::new(&mut self.inner).poll_frame(cx);
        if !host && matches!(&poll, Poll::Ready(Some(Ok(frame))) if frame.is_data()) {
            self.read_by_guest = true;
        }
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A body that a component handed to the host, and the host reads.
pub(crate) struct HostRead<B>(pub(crate) B);

impl<B: Body + Unpin> Body for HostRead<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let before = HOST_READS.replace(true);
        let poll = Pin::new(&mut self.0).poll_frame(cx);
        HOST_READS.set(before);
        poll
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
