//! The fate of one request, shared by all who work on it.

use http::HeaderValue;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use tokio::sync::Notify;
use uuid::Uuid;

/// No one waits for the answer any more.
const CANCELLED: u8 = 1;
/// The instance was stopped; what was sent of the answer is not complete.
const FAILED: u8 = 2;
/// The request's body went beyond its limit.
const BODY_TOO_LARGE: u8 = 4;
/// The request's body ended before its end.
const BODY_BROKEN: u8 = 8;

/// Shared by the connection, the instance and the host calls of one request.
#[derive(Debug)]
pub(crate) struct RequestScope {
    flags: AtomicU8,
    /// The tick at which a byte of the request's body last moved.
    progress: AtomicU64,
    cancelled: Notify,
    /// What the client sent as `x-request-id`.
    sent_id: Option<HeaderValue>,
    made_id: OnceLock<HeaderValue>,
}

impl RequestScope {
    pub(crate) fn new(sent_id: Option<HeaderValue>, now: u64) -> Self {
        Self {
            flags: AtomicU8::new(0),
            progress: AtomicU64::new(now),
            cancelled: Notify::new(),
            sent_id,
            made_id: OnceLock::new(),
        }
    }

    /// The id for the log and for the client: the one that it sent, else one made when it is first
    /// asked for, which for most requests is never.
    pub(crate) fn request_id(&self) -> &HeaderValue {
        self.sent_id.as_ref().unwrap_or_else(|| {
            self.made_id.get_or_init(|| {
                HeaderValue::try_from(Uuid::now_v7().simple().to_string())
                    .unwrap_or_else(|_| HeaderValue::from_static("none"))
            })
        })
    }

    /// The client went away, or was given another answer.
    pub(crate) fn cancel(&self) {
        if self.set(CANCELLED) {
            self.cancelled.notify_waiters();
        }
    }

    /// The instance was stopped.
    pub(crate) fn fail(&self) {
        self.set(FAILED);
        self.cancel();
    }

    pub(crate) fn body_too_large(&self) {
        self.set(BODY_TOO_LARGE);
    }

    pub(crate) fn body_broke_off(&self) {
        self.set(BODY_BROKEN);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.has(CANCELLED)
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.has(FAILED)
    }

    pub(crate) fn is_body_too_large(&self) -> bool {
        self.has(BODY_TOO_LARGE)
    }

    /// Whether what a guest makes of the request's body may be the whole of it.
    pub(crate) fn is_body_whole(&self) -> bool {
        !self.has(CANCELLED | BODY_TOO_LARGE | BODY_BROKEN)
    }

    /// Resolves once [`Self::cancel`] was called.
    pub(crate) async fn until_cancelled(&self) {
        while !self.is_cancelled() {
            let notified = self.cancelled.notified();
            if self.is_cancelled() {
                return;
            }
            notified.await;
        }
    }

    pub(crate) fn body_moved(&self, now: u64) {
        self.progress.store(now, Ordering::Relaxed);
    }

    pub(crate) fn last_progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    fn set(&self, flag: u8) -> bool {
        self.flags.fetch_or(flag, Ordering::AcqRel) & flag == 0
    }

    fn has(&self, flag: u8) -> bool {
        self.flags.load(Ordering::Acquire) & flag != 0
    }
}
