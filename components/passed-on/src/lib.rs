//! The trailers of a body that a component passes on as it has it, without reading it.
//!
//! Every request and response of `wasi:http` takes a future of its trailers, and a component's call lasts until what it
//! writes into that future was read. wasmtime-wasi-http 47, which Spin 4.1 has, neither reads nor closes the future where
//! the body is a stream of its own that the component passes on: the call never ends, and its instance is never given
//! back. (48 closes it.) So the write is given up when the message is through.
//!
//! Dropping a [`NoTrailers`] says it too, and waits until it is heard: right for a body that the component writes.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use spin_sdk::wasip3::http::types::{ErrorCode, Fields};
use spin_sdk::wasip3::wit_future;
use spin_sdk::wit_bindgen::rt::async_support::{
    FutureReader, FutureWrite, FutureWriteCancel, FutureWriter,
};

type Trailers = Result<Option<Fields>, ErrorCode>;

/// Says that a body has no trailers. Goes with the future that [`no_trailers`] gives.
pub struct NoTrailers(FutureWriter<Trailers>);

/// No trailers: what says so, and the future for the request or the response.
#[must_use]
pub fn no_trailers() -> (NoTrailers, FutureReader<Trailers>) {
    let (writer, reader) = wit_future::new(|| Ok(None));
    (NoTrailers(writer), reader)
}

impl NoTrailers {
    /// Says it while `work` is done that needs to know it, such as sending the request; gives what that gives.
    pub async fn during<T>(self, work: impl Future<Output = T>) -> T {
        let (mut write, mut work) = (pin!(self.0.write(Ok(None))), pin!(work));
        let mut said = false;
        let done = poll_fn(|context| {
            said = said || write.as_mut().poll(context).is_ready();
            work.as_mut().poll(context)
        })
        .await;
        if !said {
            give_up(write);
        }
        done
    }

    /// Says it until it is heard or `over`, such as the future that tells how a response went, is. For bodies that are
    /// passed on with their length: of another one the host may wait for trailers that are given up here.
    pub async fn until<T>(self, over: impl IntoFuture<Output = T>) {
        let (mut write, mut over) = (pin!(self.0.write(Ok(None))), pin!(over.into_future()));
        let said = poll_fn(|context| match write.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending => over.as_mut().poll(context).map(|_| false),
        })
        .await;
        if !said {
            give_up(write);
        }
    }
}

/// Ends a write that nobody hears. A future's writer that has not written can only be forgotten: dropped, it would write,
/// and the component model traps where it is closed. Its handle stays in the instance's table until the instance retires.
fn give_up(write: Pin<&mut FutureWrite<Trailers>>) {
    if let FutureWriteCancel::Cancelled(_, writer) = write.cancel() {
        std::mem::forget(writer);
    }
}
